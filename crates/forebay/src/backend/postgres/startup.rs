//! Opening a connection: reaching the server, TLS, logging in, and hearing what it says until it is
//! ready. Statements come later.

use std::collections::BTreeMap;
use std::time::Duration;

use postgres_protocol::message::frontend;
use tokio::time::timeout;

use super::config::{ChannelBinding, Config, Host, SslMode};
use super::fault::Fault;
use super::frame::Header;
use super::garbage::Garbage;
use super::login::{Login, Way};
use super::socket::{self, Peer, Socket};
use super::tls::{self, Secured};
use super::wire::{Turn, Wire};
use crate::error::{Error, Kind, Result};

/// What a server says before it knows its client has to be short.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Settings that the server reports; it has some fifteen.
const PARAMETERS_MAX: usize = 256;

/// A connection that is ready for its first statement.
pub(super) struct Opened {
    pub(super) wire: Wire,
    pub(super) peer: Peer,
    pub(super) key: Option<Key>,
    pub(super) parameters: BTreeMap<Box<str>, Box<str>>,
}

/// What the server wants to see before it stops a statement of this connection.
#[derive(Clone, Copy)]
pub(super) struct Key {
    pub(super) process: i32,
    pub(super) secret: i32,
}

/// Opens one within twice the time-out. Cancel safe: what was begun is closed.
pub(super) async fn open(config: &Config) -> Result<Opened> {
    let limit = config.connect_timeout;
    let (way, peer) = timeout(limit, reach(config))
        .await
        .unwrap_or_else(|_| Err(late(config, "there was no answer", limit)))?;
    timeout(limit, begin(config, way, peer))
        .await
        .unwrap_or_else(|_| Err(late(config, "the server did not finish the login", limit)))
}

fn late(config: &Config, what: &str, limit: Duration) -> Error {
    let place = config.place();
    let seconds = limit.as_secs();
    let message = format!(
        "cannot open a connection to PostgreSQL at {place}: {what} within {seconds} s; check that \
         it is reachable, or raise connect_timeout"
    );
    Error::new(Kind::Open, message)
}

/// A socket, and how far it is protected.
pub(super) struct Route {
    pub(super) socket: Socket,
    pub(super) way: Way,
}

async fn reach(config: &Config) -> Result<(Route, Peer)> {
    let (socket, peer) = socket::reach(config).await?;
    Ok((protect(config, socket).await?, peer))
}

/// TLS where it is asked for.
pub(super) async fn protect(config: &Config, socket: Socket) -> Result<Route> {
    match (&config.host, config.ssl_mode) {
        (Host::Unix(_), _) => Ok(Route { socket, way: Way::Local }),
        (Host::Tcp(_), SslMode::Disable) => Ok(Route { socket, way: Way::Open }),
        (Host::Tcp(_), SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => {
            let mut wire = Wire::new(socket);
            frontend::ssl_request(&mut wire.outbox);
            let broken = |error: std::io::Error| {
                let message = format!("PostgreSQL at {} gave no answer: {error}", config.place());
                Error::new(Kind::Open, message).with_cause(error)
            };
            wire.flush().await.map_err(broken)?;
            // One byte and no more: what came with it unencrypted would be somebody else's words.
            match wire.byte().await.map_err(broken)? {
                b'S' => {
                    let Secured { socket, binding } =
                        tls::secure(config, wire.into_socket()).await?;
                    Ok(Route { socket, way: Way::Tls { binding } })
                }
                b'N' => Err(Error::new(
                    Kind::Open,
                    format!(
                        "PostgreSQL at {} offers no TLS: set ssl = on there, or, on a network that \
                         you trust, say sslmode=disable",
                        config.place()
                    ),
                )),
                _ => Err(garbage(
                    config,
                    Garbage("it answers a request for TLS with neither yes nor no"),
                )),
            }
        }
    }
}

async fn begin(config: &Config, route: Route, peer: Peer) -> Result<Opened> {
    if config.channel_binding == ChannelBinding::Require
        && !matches!(&route.way, Way::Tls { binding: Some(_) })
    {
        return Err(Error::new(
            Kind::Open,
            "channel_binding=require needs TLS and a certificate signed with SHA-256 or SHA-384",
        ));
    }
    let mut start = Start {
        config,
        login: Login::new(config, route.way),
        wire: Wire::new(route.socket),
        key: None,
        parameters: BTreeMap::new(),
    };
    start.greet()?;
    loop {
        start.flush().await?;
        let header = start.header().await?;
        let is_ready = header.tag == b'Z';
        start.hear(header)?;
        start.wire.inbox.consume(header);
        if is_ready {
            let Start { wire, key, parameters, .. } = start;
            return Ok(Opened { wire, peer, key, parameters });
        }
    }
}

struct Start<'a> {
    config: &'a Config,
    login: Login<'a>,
    wire: Wire,
    key: Option<Key>,
    parameters: BTreeMap<Box<str>, Box<str>>,
}

impl Start<'_> {
    fn greet(&mut self) -> Result<()> {
        let config = self.config;
        let fixed = [
            ("user", config.user.as_str()),
            ("database", config.database.as_str()),
            ("client_encoding", "UTF8"),
            ("application_name", config.application_name.as_str()),
        ];
        let options = config.options.as_deref().map(|options| ("options", options));
        let replication = config.replication.then_some(("replication", "database"));
        let settings = config.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all = fixed.into_iter().chain(options).chain(replication).chain(settings);
        frontend::startup_message(all, &mut self.wire.outbox).map_err(|error| {
            Error::usage("a setting of the connection contains a NUL byte").with_cause(error)
        })
    }

    async fn flush(&mut self) -> Result<()> {
        self.wire.flush().await.map_err(|error| self.broken(&error.to_string()))
    }

    /// Waits for the next message, whole.
    async fn header(&mut self) -> Result<Header> {
        loop {
            let header = self.wire.inbox.header().map_err(|error| garbage(self.config, error))?;
            if let Some(header) = header {
                if header.length > MESSAGE_BYTES_MAX {
                    let why = Garbage("a message before the login has ended is too long");
                    return Err(garbage(self.config, why));
                }
                if self.wire.inbox.is_whole(header) {
                    return Ok(header);
                }
            }
            match self.wire.turn(true).await {
                Ok(Turn::Read | Turn::Wrote) => {}
                Ok(Turn::Closed) => return Err(self.broken("the server closed it")),
                Err(error) => return Err(self.broken(&error.to_string())),
            }
        }
    }

    fn hear(&mut self, header: Header) -> Result<()> {
        let body = self.wire.inbox.body(header);
        let heard = match header.tag {
            b'R' => return self.login.hear(body, &mut self.wire.outbox),
            b'E' => return Err(self.refused(body)),
            b'S' if self.parameters.len() < PARAMETERS_MAX => {
                parameter(body).map(|(name, value)| drop(self.parameters.insert(name, value)))
            }
            b'K' => key(body).map(|key| self.key = Some(key)),
            b'Z' => return self.login.check_ended(),
            // Notices, and the versions of the protocol that it would rather speak.
            b'N' | b'v' | b'S' => Some(()),
            _ => None,
        };
        heard.ok_or_else(|| {
            garbage(self.config, Garbage("a message does not belong between login and readiness"))
        })
    }

    fn refused(&self, body: &[u8]) -> Error {
        let place = self.config.place();
        let Some(fault) = Fault::read(body) else {
            return garbage(self.config, Garbage("an error cannot be read"));
        };
        let error = fault.error(None);
        let message = format!("PostgreSQL at {place} refuses the connection: {}", error.message());
        let opened = Error::new(Kind::Open, message);
        match error.code() {
            Some(code) => opened.with_code(code),
            None => opened,
        }
    }

    fn broken(&self, why: &str) -> Error {
        let place = self.config.place();
        let message = format!("the connection to PostgreSQL at {place} broke off at login: {why}");
        Error::new(Kind::Open, message)
    }
}

/// A setting and its value, as the server reports them whenever it changes.
pub(super) fn parameter(body: &[u8]) -> Option<(Box<str>, Box<str>)> {
    let mut texts = body.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into());
    let (name, value) = (texts.next()?, texts.next()?);
    // What follows the last NUL is empty.
    (texts.count() == 1).then_some((name, value))
}

fn key(body: &[u8]) -> Option<Key> {
    let (process, secret) = body.split_first_chunk()?;
    let secret = secret.try_into().ok()?;
    Some(Key { process: i32::from_be_bytes(*process), secret: i32::from_be_bytes(secret) })
}

fn garbage(config: &Config, why: Garbage) -> Error {
    let place = config.place();
    let message = format!("what answers at {place} is perhaps not PostgreSQL: {why}");
    Error::new(Kind::Open, message)
}
