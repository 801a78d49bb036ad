//! A PostgreSQL server for one test: in a folder of its own, on a free port, stopped on drop.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::{Config, Connection, Request};
use crate::backend::{Answer, Limits};
use crate::error::Result;
use crate::params::Params;
use crate::value::Value;

const LIMITS: Limits = Limits { rows_max: 1_000_000, bytes_max: 64 << 20 };
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Server {
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

impl Server {
    /// Starts one, if there is PostgreSQL on this machine. `access` is its pg_hba.conf.
    pub(super) fn start(access: &str, lines: &str) -> Option<Server> {
        Server::start_with(access, lines, |_| ())
    }

    /// `prepare` is given the data folder before the start.
    pub(super) fn start_with(
        access: &str,
        lines: &str,
        prepare: impl FnOnce(&Path),
    ) -> Option<Server> {
        let Some(programs) = programs() else {
            println!("skipped: there is no PostgreSQL in /usr/lib/postgresql");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("forebay-wire-").tempdir().unwrap();
        let data = folder.path().join("data");
        own(folder.path());
        let initdb = programs.join("initdb");
        let made = unprivileged(&initdb)
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success());
        prepare(&data);
        std::fs::write(data.join("pg_hba.conf"), access).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut settings =
            std::fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
        writeln!(
            settings,
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\n\
             fsync = off\nwal_level = logical\nshared_buffers = 16MB\nmax_connections = 50\n\
             {lines}",
            folder.path().display()
        )
        .unwrap();
        drop(settings);
        own(&data);
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = unprivileged(&programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Server { folder, port, process };
        server.wait();
        Some(server)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub(super) fn socket_url(&self) -> String {
        let folder = self.folder.path().display();
        format!("postgres://postgres@/postgres?host={folder}&port={}", self.port)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) async fn open(&self) -> Connection {
        Connection::open(&Config::parse(&self.url()).unwrap()).await.unwrap()
    }

    /// Waits until somebody listens and lets us in.
    pub(super) fn wait(&self) {
        let ready = programs().unwrap().join("pg_isready");
        let begun = Instant::now();
        let port = self.port.to_string();
        while !Command::new(&ready)
            .args(["-q", "-h", "127.0.0.1", "-p", &port])
            .status()
            .unwrap()
            .success()
        {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(begun.elapsed() < PATIENCE, "the server does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid"));
        if let Some(pid) = pid.as_deref().ok().and_then(|text| text.lines().next()) {
            let stopped = Command::new("kill").args(["-INT", pid]).status();
            assert!(stopped.is_ok());
        } else {
            let killed = self.process.kill();
            assert!(killed.is_ok());
        }
        assert!(self.process.wait().is_ok());
    }
}

fn programs() -> Option<PathBuf> {
    let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop()
}

/// PostgreSQL refuses to run as root.
fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

fn unprivileged(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

pub(super) fn own(path: &Path) {
    if is_root() {
        let owned = Command::new("chown").args(["-R", "postgres:postgres"]).arg(path).status();
        assert!(owned.unwrap().success());
    }
}

pub(super) fn request(sql: &str, values: &[Value], is_repeatable: bool) -> Request {
    let mut params = Params::default();
    values.iter().for_each(|value| params.push(value.clone()));
    Request { sql: Arc::from(sql), params, deadline: None, is_repeatable, fence: None }
}

/// Runs a statement of unknown effect.
pub(super) async fn run(connection: &Connection, sql: &str, values: &[Value]) -> Result<Answer> {
    connection.run(request(sql, values, false), LIMITS).await
}

/// Runs a read.
pub(super) async fn read(connection: &Connection, sql: &str, values: &[Value]) -> Result<Answer> {
    connection.run(request(sql, values, true), LIMITS).await
}

pub(super) async fn scalar(connection: &Connection, sql: &str) -> Value {
    run(connection, sql, &[]).await.unwrap().rows.values(0)[0].clone()
}

/// Waits until `sql` answers `expect`.
pub(super) async fn until(connection: &Connection, sql: &str, expect: &Value) {
    let begun = Instant::now();
    loop {
        let value = scalar(connection, sql).await;
        if value == *expect {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{sql} is {value:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
