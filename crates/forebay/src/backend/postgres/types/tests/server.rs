//! A PostgreSQL server of the tests' own, in a folder of its own and on a socket in it, and a
//! connection that does as little as a test needs, blocking. Without the server's programs there
//! is none, and the tests that need it say so and end.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use tempfile::TempDir;

use super::super::{Encoded, Format, decode, encode, kind, result_format, type_name};
use crate::row::{Column, Rows};
use crate::value::Value;

/// The longest that a server takes to be ready, on a machine that does much else.
const START_MAX: Duration = Duration::from_secs(120);

pub(crate) struct Server {
    child: Child,
    folder: TempDir,
}

/// The server of the tests that run now: making one takes longer than most of them.
static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// The user to run as: the server refuses root.
#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl Server {
    /// The server, which ends with the last test that has it. `None`, with a message, where
    /// PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Arc<Server>> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = running.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Server::new()?);
        *running = Arc::downgrade(&server);
        Some(server)
    }

    fn new() -> Option<Server> {
        let Some(programs) = programs() else {
            println!("skipped: there is no PostgreSQL in /usr/lib/postgresql/*/bin");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("forebay-pg-").tempdir().unwrap();
        let user = unprivileged(folder.path());
        if let Some(user) = user {
            chown(folder.path(), Some(user.uid), Some(user.gid)).unwrap();
        }
        let command = |program: &str| {
            let mut command = Command::new(programs.join(program));
            if let Some(user) = user {
                command.uid(user.uid).gid(user.gid);
            }
            command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(fs::File::create(folder.path().join(format!("{program}.log"))).unwrap());
            command
        };
        let initdb = ["-D", "data", "-A", "trust", "-N", "-U", "tester", "-E", "UTF8"];
        let made = command("initdb").args(initdb).args(["--locale", "C"]).status().unwrap();
        assert!(made.success(), "{:?}", fs::read_to_string(folder.path().join("initdb.log")));
        let folder_name = folder.path().to_str().unwrap();
        let child = command("postgres")
            .args(["-D", "data", "-F", "-k", folder_name, "-c", "listen_addresses="])
            .spawn()
            .unwrap();
        Some(Server { child, folder })
    }

    /// A connection with these settings.
    pub(crate) fn connect(&self, settings: &[(&str, &str)]) -> Client {
        let start = Instant::now();
        loop {
            if let Ok(stream) = UnixStream::connect(self.folder.path().join(".s.PGSQL.5432"))
                && let Some(client) = Client::new(stream, settings)
            {
                return client;
            }
            let log = || fs::read_to_string(self.folder.path().join("postgres.log"));
            assert!(start.elapsed() < START_MAX, "the server does not start: {:?}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not SIGKILL, which would leave shared memory behind.
        let quit = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
        if !quit.is_ok_and(|status| status.success()) {
            self.child.kill().ok();
        }
        self.child.wait().ok();
    }
}

fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders.filter(|folder| folder.join("initdb").exists()).max()
}

/// Whom to run as, if whoever owns `folder` is root.
fn unprivileged(folder: &Path) -> Option<User> {
    use std::os::unix::fs::MetadataExt;
    if fs::metadata(folder).unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let user = |name: &str| {
        let line = users.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        let fields: Vec<&str> = line.split(':').collect();
        Some(User { uid: fields[2].parse().ok()?, gid: fields[3].parse().ok()? })
    };
    user("postgres").or_else(|| user("nobody"))
}

/// A connection.
pub(crate) struct Client {
    stream: UnixStream,
}

/// The bytes of a row, NULL as `None`.
type Cells = Vec<Option<Vec<u8>>>;

impl Client {
    fn new(stream: UnixStream, settings: &[(&str, &str)]) -> Option<Client> {
        let mut client = Client { stream };
        let mut body = BytesMut::new();
        body.put_i32(196_608);
        for (name, value) in [("user", "tester"), ("database", "postgres")].iter().chain(settings) {
            body.put_slice(format!("{name}\0{value}\0").as_bytes());
        }
        body.put_u8(0);
        client.stream.write_all(&i32::try_from(body.len() + 4).unwrap().to_be_bytes()).unwrap();
        client.stream.write_all(&body).unwrap();
        // While it starts, the server refuses.
        client.drain().ok().map(|_| client)
    }

    /// The only row of a statement, as `encode`, `result_format` and `decode` make it.
    pub(crate) fn row(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Value>, String> {
        let rows = self.rows(sql, params, result_format)?;
        assert_eq!(rows.len(), 1, "{sql}");
        Ok(rows.values(0).to_vec())
    }

    /// The same with all columns in text.
    pub(crate) fn row_in_text(
        &mut self,
        sql: &str,
        params: &[Value],
    ) -> Result<Vec<Value>, String> {
        let rows = self.rows(sql, params, |_| Format::Text)?;
        assert_eq!(rows.len(), 1, "{sql}");
        Ok(rows.values(0).to_vec())
    }

    pub(crate) fn rows(
        &mut self,
        sql: &str,
        params: &[Value],
        format: impl Fn(u32) -> Format,
    ) -> Result<Rows, String> {
        self.message(b'P', |body| body.put_slice(format!("\0{sql}\0\0\0").as_bytes()));
        self.message(b'D', |body| body.put_slice(b"S\0"));
        self.message(b'S', |_| ());
        let Described { params: types, columns, .. } = self.drain()?;
        assert_eq!(types.len(), params.len(), "{sql}");
        let mut encoded = Vec::new();
        for (oid, value) in types.iter().zip(params) {
            let mut out = BytesMut::new();
            let form = encode(*oid, value, &mut out).map_err(|error| error.to_string())?;
            encoded.push((form, out));
        }
        self.message(b'B', |body| {
            body.put_slice(b"\0\0");
            body.put_u16(u16::try_from(encoded.len()).unwrap());
            encoded.iter().for_each(|(form, _)| body.put_u16(u16::from(*form == Encoded::Binary)));
            body.put_u16(u16::try_from(encoded.len()).unwrap());
            for (form, bytes) in &encoded {
                match form {
                    Encoded::Null => body.put_i32(-1),
                    _ => body.put_i32(i32::try_from(bytes.len()).unwrap()),
                }
                body.put_slice(bytes);
            }
            body.put_u16(u16::try_from(columns.len()).unwrap());
            let formats = columns.iter().map(|(_, oid)| format(*oid) == Format::Binary);
            formats.for_each(|is_binary| body.put_u16(u16::from(is_binary)));
        });
        self.message(b'E', |body| body.put_slice(b"\0\0\0\0\0"));
        self.message(b'S', |_| ());
        let mut values = Vec::new();
        for cells in self.drain()?.rows {
            for ((_, oid), cell) in columns.iter().zip(cells) {
                values.push(match cell {
                    None => Value::Null,
                    Some(bytes) => {
                        decode(*oid, format(*oid), &bytes).map_err(|error| error.to_string())?
                    }
                });
            }
        }
        let columns = columns.iter().map(|(name, oid)| Column {
            name: name.as_str().into(),
            declared: type_name(*oid).map(Into::into),
            kind: kind(*oid),
        });
        Ok(Rows::new(columns.collect(), values))
    }

    fn message(&mut self, tag: u8, write: impl FnOnce(&mut BytesMut)) {
        let mut body = BytesMut::new();
        write(&mut body);
        self.stream.write_all(&[tag]).unwrap();
        self.stream.write_all(&i32::try_from(body.len() + 4).unwrap().to_be_bytes()).unwrap();
        self.stream.write_all(&body).unwrap();
    }

    /// What the server says until it is ready for the next message; its error, if it has one.
    fn drain(&mut self) -> Result<Described, String> {
        let mut answer = Described::default();
        let mut error = None;
        loop {
            let mut head = [0; 5];
            self.stream.read_exact(&mut head).map_err(|error| error.to_string())?;
            let len = u32::from_be_bytes(head[1..].try_into().unwrap());
            let mut body = vec![0; len as usize - 4];
            self.stream.read_exact(&mut body).unwrap();
            match head[0] {
                b'Z' => return error.map_or(Ok(answer), Err),
                b'E' => error = Some(message_of(&body)),
                b't' => answer.params = body[2..].chunks(4).map(number).collect(),
                b'T' => answer.columns = columns_of(&body[2..]),
                b'D' => answer.rows.push(cells_of(&body[2..])),
                _ => (),
            }
        }
    }
}

#[derive(Default)]
struct Described {
    params: Vec<u32>,
    columns: Vec<(String, u32)>,
    rows: Vec<Cells>,
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().unwrap())
}

fn message_of(body: &[u8]) -> String {
    let fields = String::from_utf8_lossy(body);
    let text = fields.split('\0').find_map(|field| field.strip_prefix('M')).unwrap_or_default();
    text.to_owned()
}

fn columns_of(mut body: &[u8]) -> Vec<(String, u32)> {
    let mut columns = Vec::new();
    while let Some(end) = body.iter().position(|byte| *byte == 0) {
        let name = String::from_utf8(body[..end].to_vec()).unwrap();
        columns.push((name, number(&body[end + 7..end + 11])));
        body = &body[end + 19..];
    }
    columns
}

fn cells_of(mut body: &[u8]) -> Cells {
    let mut cells = Vec::new();
    while !body.is_empty() {
        let (len, rest) = body.split_at(4);
        body = rest;
        cells.push(match usize::try_from(number(len) as i32) {
            Ok(len) => {
                let (cell, rest) = body.split_at(len);
                body = rest;
                Some(cell.to_vec())
            }
            Err(_) => None,
        });
    }
    cells
}
