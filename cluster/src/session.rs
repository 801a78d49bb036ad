//! One connection over the socket of a server, in the simple protocol, as text. It exists so that
//! clusters need no client program and no client library; it cannot log in with a password, copy
//! data in, or bind parameters.

use std::fmt;
use std::io::{BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Version 3.0 of the protocol.
const PROTOCOL: u32 = 196_608;

/// How long one statement may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// The longest message: tests do not read more at once.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// A row as text; None is NULL.
pub(crate) type Row = Vec<Option<String>>;

/// A connection of the user that owns the server, or of one who needs no password. It is closed
/// when dropped; what its transaction did is then rolled back.
#[derive(Debug)]
pub struct Session {
    stream: BufReader<UnixStream>,
    pid: u32,
}

/// What a server answered instead of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// The SQLSTATE, five characters.
    pub code: String,
    /// The text, in English.
    pub message: String,
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.code)
    }
}

impl std::error::Error for SqlError {}

impl Session {
    pub(crate) fn open(socket: &Path, user: &str, database: &str) -> Result<Session> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        let mut session = Session { stream: BufReader::new(stream), pid: 0 };
        let mut body = PROTOCOL.to_be_bytes().to_vec();
        for text in ["user", user, "database", database, "application_name", "cluster", ""] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        session.send(None, &body)?;
        loop {
            match session.receive()? {
                (b'R', body) if body != [0; 4] => bail!("{user} has to prove who they are"),
                (b'E', body) => return Err(refusal(&body).into()),
                (b'K', body) => session.pid = word(&body)?,
                (b'Z', _) => return Ok(session),
                _ => {}
            }
        }
    }

    /// The process that serves this session.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Runs one or more statements and answers all of their rows. Several are one transaction,
    /// unless they say otherwise. An error of the server is a [`SqlError`], and the session goes
    /// on.
    pub fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let mut body = sql.as_bytes().to_vec();
        body.push(0);
        self.send(Some(b'Q'), &body)?;
        let mut rows = Vec::new();
        let mut refused = None;
        loop {
            match self.receive()? {
                (b'D', body) => rows.push(row(&body)?),
                (b'E', body) => refused = Some(refusal(&body)),
                (b'Z', _) => break,
                (b'G', _) => self.send(Some(b'f'), b"copying in is not supported\0")?,
                _ => {}
            }
        }
        refused.map_or(Ok(rows), |error| Err(error.into()))
    }

    /// The rows as psql prints them with `-At`: columns parted by `|`, NULL as nothing, a line per
    /// row, none at the end.
    pub fn text(&mut self, sql: &str) -> Result<String> {
        let rows = self.query(sql)?;
        let lines = rows.iter().map(|row| {
            let cells = row.iter().map(|cell| cell.as_deref().unwrap_or_default());
            cells.collect::<Vec<_>>().join("|")
        });
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }

    fn send(&mut self, tag: Option<u8>, body: &[u8]) -> Result<()> {
        let length = u32::try_from(body.len() + 4).context("the message is too long")?;
        let mut message = Vec::with_capacity(body.len() + 5);
        message.extend(tag);
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(body);
        Ok(self.stream.get_mut().write_all(&message)?)
    }

    fn receive(&mut self) -> Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).context("the server closed the connection")?;
        let length = usize::try_from(word(&head[1..])?)?;
        if !(4..=MESSAGE_BYTES_MAX).contains(&length) {
            bail!("the server sent a message of {length} bytes");
        }
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body)?;
        Ok((head[0], body))
    }
}

/// The first four bytes as a number.
fn word(bytes: &[u8]) -> Result<u32> {
    let bytes = bytes.first_chunk().context("the server's message is too short")?;
    Ok(u32::from_be_bytes(*bytes))
}

fn row(body: &[u8]) -> Result<Row> {
    let mut rest = body.get(2..).context("a row without columns' number")?;
    let mut row = Row::new();
    while !rest.is_empty() {
        let length = word(rest)?;
        rest = &rest[4..];
        // The length of NULL is -1.
        if length == u32::MAX {
            row.push(None);
            continue;
        }
        let (value, after) =
            rest.split_at_checked(usize::try_from(length)?).context("a value is cut off")?;
        row.push(Some(String::from_utf8_lossy(value).into_owned()));
        rest = after;
    }
    Ok(row)
}

/// Reads fields of a letter and a text that ends with a zero.
fn refusal(body: &[u8]) -> SqlError {
    let mut error = SqlError { code: String::new(), message: String::new() };
    for field in body.split(|&byte| byte == 0) {
        let Some((letter, text)) = field.split_first() else { continue };
        let text = String::from_utf8_lossy(text).into_owned();
        match letter {
            b'C' => error.code = text,
            b'M' => error.message = text,
            _ => {}
        }
    }
    error
}
