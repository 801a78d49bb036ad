//! One connection: bytes of a request out, one answer in. It knows as much of HTTP/1.1 as the
//! servers here use: a head, and a body of a declared length, or in chunks, which are not put
//! together.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer that takes longer is an error.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// What is read at a time.
const READ_BYTES: usize = 16 << 10;

/// What ends a body in chunks. No JSON text here has such lines.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// Of an answer, at most.
const ANSWER_BYTES_MAX: usize = 64 << 20;

pub(crate) struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, as long as the connection is not asked again.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Line {
    pub(crate) async fn to(address: SocketAddr) -> Result<Line, String> {
        let stream =
            TcpStream::connect(address).await.map_err(|e| format!("no connection: {e}"))?;
        stream.set_nodelay(true).map_err(|e| format!("no connection: {e}"))?;
        Ok(Line { stream, buffer: Vec::with_capacity(READ_BYTES) })
    }

    /// Asks, and reads the answer whole. After an error the connection is of no use.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>, String> {
        let exchange = tokio::time::timeout(ANSWER_TIME_MAX, self.exchange(request));
        let (status, begin, end) = exchange.await.map_err(|_| "no answer in time".to_owned())??;
        Ok(Answer { status, body: &self.buffer[begin..end] })
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<(u16, usize, usize), String> {
        self.stream.write_all(request).await.map_err(|e| format!("not sent: {e}"))?;
        self.buffer.clear();
        let mut head = None;
        loop {
            if head.is_none() {
                head = Head::find(&self.buffer)?;
            }
            if let Some(Head { status, bytes, body_bytes }) = head {
                let now = self.buffer.len();
                let is_whole = match body_bytes {
                    Some(body_bytes) => now == bytes + body_bytes,
                    None => self.buffer.ends_with(LAST_CHUNK),
                };
                if is_whole {
                    return Ok((status, bytes, now));
                }
                if body_bytes.is_some_and(|it| now > bytes + it) || now > ANSWER_BYTES_MAX {
                    return Err("an answer of another length than declared".to_owned());
                }
            }
            let read = self.stream.read_buf(&mut self.buffer).await;
            if read.map_err(|e| format!("broken off: {e}"))? == 0 {
                return Err("closed before the answer".to_owned());
            }
        }
    }

    /// Sends a request whose answer does not end; [`Line::more`] has its bytes as they come.
    pub(crate) async fn begin(&mut self, request: &[u8]) -> Result<(), String> {
        self.stream.write_all(request).await.map_err(|e| format!("not sent: {e}"))
    }

    pub(crate) async fn more(&mut self) -> Result<&[u8], String> {
        self.buffer.clear();
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err("closed".to_owned()),
            Ok(_) => Ok(&self.buffer),
            Err(error) => Err(format!("broken off: {error}")),
        }
    }
}

#[derive(Clone, Copy)]
struct Head {
    status: u16,
    bytes: usize,
    /// None for chunks.
    body_bytes: Option<usize>,
}

impl Head {
    /// The head, once it is there.
    fn find(buffer: &[u8]) -> Result<Option<Head>, String> {
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(&buffer[..end]).map_err(|_| "a head that is no text")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let status = status.ok_or("a head without a status")?;
        let value_of = |wanted: &str| {
            let of = |line: &str| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
            };
            lines.clone().find_map(of)
        };
        let body_bytes = match value_of("content-length") {
            Some(length) => Some(length.parse().map_err(|_| "a length that is no number")?),
            None if value_of("transfer-encoding").is_some_and(|it| it == "chunked") => None,
            None if status == 204 => Some(0),
            None => return Err(format!("status {status}, and no length")),
        };
        Ok(Some(Head { status, bytes: end + 4, body_bytes }))
    }
}
