//! Where a PostgreSQL database is and how it is reached: from a URL to a [`Config`]. It reads no
//! environment variables and opens nothing.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::tls::Roots;
use crate::error::{Error, Result};

const PORT: u16 = 5432;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that may take longer than this to open is a hang by another name.
const CONNECT_TIMEOUT_SECONDS_MAX: u64 = 3600;
const STATEMENT_CACHE: usize = 256;

/// Everything that opening a connection needs. A clone shares what was read from disk.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) database: String,
    pub(crate) application_name: String,
    /// Command line options for the server, such as `-c statement_timeout=5s`.
    pub(crate) options: Option<String>,
    /// Settings of the server that the connection begins with.
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) ssl_mode: SslMode,
    pub(crate) ssl_root_cert: Option<PathBuf>,
    pub(crate) channel_binding: ChannelBinding,
    /// For reaching the server, and once more for logging in.
    pub(crate) connect_timeout: Duration,
    /// Statements that one connection keeps prepared; at least 1.
    pub(crate) statement_cache: usize,
    /// The connection is for replication: plain statements without parameters, and the stream.
    pub(crate) replication: bool,
    pub(super) roots: Arc<Roots>,
}

/// The machine, or the folder of the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Tcp(String),
    Unix(PathBuf),
}

/// How far the way to the server is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SslMode {
    /// No TLS. The default for loopback addresses and sockets; ignored for nothing else.
    Disable,
    /// Encrypted, but to whoever answers: it keeps out those who only listen.
    Require,
    /// Encrypted, to a server with a certificate of a trusted authority.
    VerifyCa,
    /// Encrypted, to the server of that name. The default for all other hosts.
    VerifyFull,
}

/// Whether SCRAM binds the login to the TLS channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelBinding {
    Disable,
    /// Where the server and its certificate allow it.
    Prefer,
    /// Or not at all.
    Require,
}

impl Config {
    /// Reads `postgres://user:password@host:port/database?name=value&…`. An error never shows the
    /// URL, since a password is in it.
    pub(crate) fn parse(url: &str) -> Result<Config> {
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or_else(|| wrong("it begins with neither postgres:// nor postgresql://"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let mut draft = Draft::default();
        draft.login(login)?;
        draft.place(place)?;
        if !path.is_empty() {
            draft.database = Some(decoded(path, "the database")?);
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| wrong("a setting after the ? has no = in it"))?;
            draft.set(name, decoded(value, name)?)?;
        }
        draft.finish()
    }

    /// The same database, for replication.
    pub(crate) fn for_replication(&self) -> Config {
        Config { replication: true, ..self.clone() }
    }

    /// The folder of the socket, or the host and its port, for messages.
    pub(super) fn place(&self) -> String {
        match &self.host {
            Host::Tcp(host) if host.contains(':') => format!("[{host}]:{}", self.port),
            Host::Tcp(host) => format!("{host}:{}", self.port),
            Host::Unix(folder) => format!("{}, port {}", folder.display(), self.port),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("place", &self.place())
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "(not shown)"))
            .field("database", &self.database)
            .field("ssl_mode", &self.ssl_mode)
            .field("replication", &self.replication)
            .finish_non_exhaustive()
    }
}

/// What has been said so far.
#[derive(Default)]
struct Draft {
    host: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
    application_name: Option<String>,
    options: Option<String>,
    ssl_mode: Option<SslMode>,
    ssl_root_cert: Option<PathBuf>,
    channel_binding: Option<ChannelBinding>,
    connect_timeout: Option<Duration>,
}

impl Draft {
    fn login(&mut self, login: &str) -> Result<()> {
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        if !user.is_empty() {
            self.user = Some(decoded(user, "the user")?);
        }
        if let Some(password) = password {
            self.password = Some(decoded(password, "the password")?);
        }
        Ok(())
    }

    fn place(&mut self, place: &str) -> Result<()> {
        let (host, port) = if let Some(rest) = place.strip_prefix('[') {
            let (host, rest) = rest
                .split_once(']')
                .ok_or_else(|| wrong("an address that begins with [ has to end with ]"))?;
            match rest.strip_prefix(':') {
                Some(port) => (host, port),
                None if rest.is_empty() => (host, ""),
                None => return Err(wrong("after ] comes a port or nothing")),
            }
        } else {
            place.split_once(':').unwrap_or((place, ""))
        };
        if !host.is_empty() {
            self.host = Some(decoded(host, "the host")?);
        }
        if !port.is_empty() {
            self.set("port", port.to_owned())?;
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: String) -> Result<()> {
        match name {
            "host" => self.host = Some(value),
            "port" => {
                let port = value.parse().ok().filter(|port| *port != 0);
                let port = port.ok_or_else(|| wrong("the port is not a number from 1 to 65535"))?;
                self.port = Some(port);
            }
            "user" => self.user = Some(value),
            "password" => self.password = Some(value),
            "dbname" => self.database = Some(value),
            "application_name" => self.application_name = Some(value),
            "options" => self.options = Some(value),
            "sslmode" => self.ssl_mode = Some(ssl_mode(&value)?),
            "sslrootcert" => self.ssl_root_cert = Some(value.into()),
            "channel_binding" => self.channel_binding = Some(channel_binding(&value)?),
            "connect_timeout" => {
                let seconds = value.parse().ok();
                let seconds =
                    seconds.filter(|n| (1..=CONNECT_TIMEOUT_SECONDS_MAX).contains(n)).ok_or_else(
                        || wrong("connect_timeout is not a number of seconds from 1 to 3600"),
                    )?;
                self.connect_timeout = Some(Duration::from_secs(seconds));
            }
            _ => {
                return Err(wrong(&format!(
                    "the setting {name:?} is not known; known are host, port, user, password, \
                     dbname, application_name, options, sslmode, sslrootcert, channel_binding and \
                     connect_timeout; settings of the server go into options=-c%20name=value"
                )));
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Config> {
        let host = self.host.unwrap_or_else(|| "localhost".to_owned());
        if host.contains(',') {
            return Err(wrong("it names several hosts; name the one that takes writes"));
        }
        let host = if host.starts_with('/') { Host::Unix(host.into()) } else { Host::Tcp(host) };
        let user = self.user.ok_or_else(|| wrong("it names no user"))?;
        let texts = [Some(&user), self.database.as_ref(), self.password.as_ref()];
        let others = [self.application_name.as_ref(), self.options.as_ref()];
        if texts.into_iter().chain(others).flatten().any(|text| text.contains('\0')) {
            return Err(wrong("it contains a NUL byte (%00)"));
        }
        let ssl_mode = match &host {
            // The server never speaks TLS on a socket.
            Host::Unix(_) => SslMode::Disable,
            Host::Tcp(name) => self.ssl_mode.unwrap_or_else(|| default_mode(name)),
        };
        if self.ssl_root_cert.is_some() && matches!(ssl_mode, SslMode::Disable | SslMode::Require) {
            return Err(wrong(
                "sslrootcert has no effect without sslmode=verify-ca or sslmode=verify-full",
            ));
        }
        Ok(Config {
            database: self.database.unwrap_or_else(|| user.clone()),
            host,
            port: self.port.unwrap_or(PORT),
            user,
            password: self.password,
            application_name: self.application_name.unwrap_or_else(|| "forebay".to_owned()),
            options: self.options,
            settings: Vec::new(),
            ssl_mode,
            ssl_root_cert: self.ssl_root_cert,
            channel_binding: self.channel_binding.unwrap_or(ChannelBinding::Prefer),
            connect_timeout: self.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
            statement_cache: STATEMENT_CACHE,
            replication: false,
            roots: Arc::default(),
        })
    }
}

fn default_mode(host: &str) -> SslMode {
    let is_loopback = host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_loopback { SslMode::Disable } else { SslMode::VerifyFull }
}

fn ssl_mode(value: &str) -> Result<SslMode> {
    Ok(match value {
        "disable" => SslMode::Disable,
        "require" => SslMode::Require,
        "verify-ca" => SslMode::VerifyCa,
        "verify-full" => SslMode::VerifyFull,
        "allow" | "prefer" => {
            return Err(wrong(
                "sslmode=allow and sslmode=prefer leave it to whoever is on the way whether the \
                 connection is encrypted; say disable, require (encrypted, but the server is not \
                 verified), verify-ca or verify-full",
            ));
        }
        _ => {
            return Err(wrong(
                "sslmode is one of disable, require (encrypted, but the server is not verified), \
                 verify-ca and verify-full",
            ));
        }
    })
}

fn channel_binding(value: &str) -> Result<ChannelBinding> {
    match value {
        "disable" => Ok(ChannelBinding::Disable),
        "prefer" => Ok(ChannelBinding::Prefer),
        "require" => Ok(ChannelBinding::Require),
        _ => Err(wrong("channel_binding is one of disable, prefer and require")),
    }
}

/// Percent-decoding. A + is a +, as for PostgreSQL's own tools.
fn decoded(text: &str, what: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(wrong(&format!(
                "in {what} a % is not followed by two hexadecimal digits; a % itself is written %25"
            )));
        };
        bytes.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits are one byte"));
    }
    String::from_utf8(bytes).map_err(|_| wrong(&format!("{what} is not UTF-8")))
}

fn wrong(why: &str) -> Error {
    Error::usage(format!("the URL of the database is wrong: {why}"))
}
