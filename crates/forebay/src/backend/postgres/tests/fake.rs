//! A server that says what a test wants it to say.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::super::{Config, Connection};

const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Fake {
    listener: TcpListener,
}

/// One connection, seen from the server.
pub(super) struct Client {
    pub(super) stream: TcpStream,
}

impl Fake {
    pub(super) async fn new() -> Fake {
        Fake { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(super) fn config(&self) -> Config {
        let port = self.listener.local_addr().unwrap().port();
        Config::parse(&format!("postgres://u:geheim@127.0.0.1:{port}/d")).unwrap()
    }

    pub(super) async fn accept(&self) -> Client {
        let accepted = tokio::time::timeout(PATIENCE, self.listener.accept()).await;
        Client { stream: accepted.expect("somebody connects").unwrap().0 }
    }

    /// A connection that has logged in, from both ends.
    pub(super) async fn pair(&self) -> (Connection, Client) {
        let config = self.config();
        let opening = tokio::spawn(async move { Connection::open(&config).await });
        let mut client = self.accept().await;
        client.greeting().await;
        let welcome = [
            message(b'R', &[0, 0, 0, 0]),
            message(b'S', b"server_version\x0015.0\0"),
            message(b'K', &[0, 0, 0, 7, 0, 0, 0, 9]),
            ready(),
        ];
        client.send(&welcome.concat()).await;
        (opening.await.unwrap().unwrap(), client)
    }
}

impl Client {
    /// The first message, which has no tag.
    pub(super) async fn greeting(&mut self) -> Vec<u8> {
        let length = self.stream.read_u32().await.unwrap();
        let mut body = vec![0; length as usize - 4];
        self.stream.read_exact(&mut body).await.unwrap();
        body
    }

    /// The next message; `None` when the client has closed.
    pub(super) async fn message(&mut self) -> Option<(u8, Vec<u8>)> {
        let read = async {
            let tag = self.stream.read_u8().await.ok()?;
            let length = self.stream.read_u32().await.ok()?;
            let mut body = vec![0; length as usize - 4];
            self.stream.read_exact(&mut body).await.ok()?;
            Some((tag, body))
        };
        tokio::time::timeout(PATIENCE, read).await.expect("the client goes on")
    }

    /// All messages up to a Sync or a Query, as their tags.
    pub(super) async fn request(&mut self) -> String {
        let mut tags = String::new();
        while let Some((tag, _)) = self.message().await {
            tags.push(tag.into());
            if tag == b'S' || tag == b'Q' || tag == b'X' {
                break;
            }
        }
        tags
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Answers the preparing of a statement without parameters and with one column, an int8.
    pub(super) async fn prepared(&mut self) {
        assert_eq!(self.request().await, "PDS");
        self.send(&described()).await;
    }
}

pub(super) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

pub(super) fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

/// What Parse, Describe and Sync are answered with.
pub(super) fn described() -> Vec<u8> {
    let column =
        [&b"a\0"[..], &[0; 6], &20u32.to_be_bytes(), &[0, 8], &[0xff; 4], &[0; 2]].concat();
    let columns = message(b'T', &[&[0, 1][..], &column].concat());
    [message(b'1', b""), message(b't', &[0, 0]), columns, ready()].concat()
}

/// A row of one column, an int8: a number as the server writes it, or whatever it should not write.
pub(super) fn row(text: &[u8]) -> Vec<u8> {
    let number = str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    let value = number.map_or(text.to_vec(), |number| number.to_be_bytes().to_vec());
    let length = u32::try_from(value.len()).unwrap().to_be_bytes();
    message(b'D', &[&[0, 1][..], &length, &value].concat())
}

pub(super) fn error(severity: &str, code: &str) -> Vec<u8> {
    let body = format!("V{severity}\0C{code}\0Mcanceling or so\0\0");
    message(b'E', body.as_bytes())
}

/// What Bind, Execute and Sync are answered with.
pub(super) fn answered(text: &[u8]) -> Vec<u8> {
    [message(b'2', b""), row(text), message(b'C', b"SELECT 1\0"), ready()].concat()
}
