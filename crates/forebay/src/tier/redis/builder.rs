//! The settings of the tier, their defaults and their bounds, as an application writes them.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::address::Address;
use super::handle::Redis;
use super::settings::Settings;
use crate::error::{Error, Result};

const NAMESPACE_BYTES_MAX: usize = 64;
const CONNECTIONS_MAX: usize = 64;
const VALUE_BYTES_LIMIT: usize = 512 << 20;
const HEARING: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(30);

/// Settings of a [`Redis`] tier. Each has a default.
#[derive(Clone)]
#[must_use = "it does nothing until it is connected"]
pub struct RedisBuilder {
    url: String,
    sentinel_login: Option<(Option<String>, String)>,
    authority: Option<PathBuf>,
    settings: Settings,
}

/// Without the URL, which may contain a password.
impl fmt::Debug for RedisBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl RedisBuilder {
    pub(super) fn new(url: String) -> RedisBuilder {
        let settings = Settings::default();
        RedisBuilder { url, sentinel_login: None, authority: None, settings }
    }

    /// What all names in Redis begin with: letters, digits, `_`, `.` and `-`, at most 64. Processes
    /// with the same one share what is there. The default is `forebay`.
    pub fn namespace(mut self, namespace: impl Into<String>) -> RedisBuilder {
        self.settings.namespace = namespace.into();
        self
    }

    /// The limit of each call, connecting included. The default is 250 ms.
    pub fn timeout(mut self, timeout: Duration) -> RedisBuilder {
        self.settings.timeout = timeout;
        self.settings.fuse.trial_max = timeout.saturating_mul(2);
        self
    }

    /// How many connections to each server the calls share, beside the one that hears changes.
    /// The default is 2: calls are written one behind the other without waiting for replies, so
    /// more are of use only where values are large.
    pub fn connections(mut self, connections: usize) -> RedisBuilder {
        self.settings.connections = connections;
        self
    }

    /// How many calls may be under way at each server; others wait within their limit. The default
    /// is 1,024.
    pub fn calls_max(mut self, calls: usize) -> RedisBuilder {
        self.settings.calls_max = calls;
        self
    }

    /// The longest value that is stored. The default is 8 MiB.
    pub fn value_bytes_max(mut self, bytes: usize) -> RedisBuilder {
        self.settings.value_bytes_max = bytes;
        self
    }

    /// For how long a process may use copies in memory without hearing from the server, and so for
    /// how long a removal waits at most for a process that does not answer. The default is 1 s.
    /// Each process asks the server four times within it. It has to be the same in all processes of
    /// a namespace.
    pub fn hearing(mut self, hearing: Duration) -> RedisBuilder {
        self.settings.hearing = hearing;
        self
    }

    /// The limit of going over all keys, for patterns and for clearing. The default is 30 s.
    pub fn sweep_max(mut self, limit: Duration) -> RedisBuilder {
        self.settings.sweep_max = limit;
        self
    }

    /// After how many faults in a row a server is left alone, and for how long; the time doubles
    /// while it stays out of order, up to twenty times as long. The defaults are 5 and 500 ms.
    pub fn breaker(mut self, faults: u32, open_for: Duration) -> RedisBuilder {
        self.settings.fuse.faults = faults;
        self.settings.fuse.open_for = open_for;
        self.settings.fuse.open_for_max = open_for.saturating_mul(20);
        self
    }

    /// Trusts the certificates in this PEM file instead of those of the system.
    pub fn certificate_authority(mut self, file: impl Into<PathBuf>) -> RedisBuilder {
        self.authority = Some(file.into());
        self
    }

    /// Who we are at the Sentinels, where these want a password of their own.
    pub fn sentinel_login(mut self, user: Option<&str>, password: &str) -> RedisBuilder {
        self.sentinel_login = Some((user.map(str::to_owned), password.to_owned()));
        self
    }

    /// Connects, waiting at most four times the limit of a call. A server that cannot be reached
    /// is no error, nor a reason to wait: it is tried again and again, and until then everything is
    /// a miss.
    ///
    /// # Errors
    ///
    /// `is_usage()` where the URL or a setting cannot be used; `is_open()` where the file of the
    /// certificate authority cannot be read.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time.
    pub async fn connect(self) -> Result<Redis> {
        let mut address = Address::read(&self.url)?;
        self.check()?;
        if let Some((user, password)) = &self.sentinel_login {
            address = address.with_sentinel_login(user.as_deref(), password);
        }
        if let Some(file) = &self.authority {
            let pem = std::fs::read(file).map_err(unreadable)?;
            address = address.with_authority(pem)?;
        }
        if let Some(host) = address.hosts.first() {
            address.client(host)?;
        }
        if address.is_tls() {
            provide_tls();
        }
        Ok(Redis::begin(self.settings, address, random_name()?).await)
    }

    fn check(&self) -> Result<()> {
        let settings = &self.settings;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let length = settings.namespace.len();
        let wrong = if !(1..=NAMESPACE_BYTES_MAX).contains(&length)
            || !settings.namespace.bytes().all(is_plain)
        {
            "the namespace has to be 1 to 64 letters, digits, '_', '.' or '-'"
        } else if settings.timeout.is_zero() {
            "the limit of a call has to be more than nothing"
        } else if !(1..=CONNECTIONS_MAX).contains(&settings.connections) {
            "the connections to a server have to be 1 to 64"
        } else if settings.calls_max == 0
            || settings.calls_max > tokio::sync::Semaphore::MAX_PERMITS
        {
            "the calls under way have to be at least 1"
        } else if settings.value_bytes_max > VALUE_BYTES_LIMIT {
            "a value in Redis has at most 512 MiB"
        } else if !HEARING.contains(&settings.hearing) {
            "the time on the roll has to be 100 ms to 30 s"
        } else if settings.fuse.faults == 0 {
            "the breaker has to allow for at least one fault"
        } else {
            return Ok(());
        };
        Err(Error::usage(format!("a setting of Redis cannot be used: {wrong}")))
    }
}

fn unreadable(error: std::io::Error) -> Error {
    let text = "the file of the certificate authority for Redis cannot be read";
    Error::new(crate::error::Kind::Open, text).with_cause(error)
}

/// The client takes the provider of the process, and panics where there are several and none was
/// chosen. An application's own choice stays.
fn provide_tls() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may just have chosen one.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// A name that no other process has.
fn random_name() -> Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::new(crate::error::Kind::Open, "the system gives no random numbers"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
