//! One server: started with settings of a test, killed, frozen, started again on the same port.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use tempfile::TempDir;

use super::binary;
use super::process::Running;
use super::talk::talk;
use crate::account::Account;
use crate::certificate::Certificate;
use crate::port::Port;

const READY_WAIT_MAX: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// What a server is started with.
#[derive(Clone, Debug, Default)]
pub struct RedisSettings {
    /// Options as the configuration file has them, for example `("maxmemory", "2mb")`.
    pub options: Vec<(&'static str, String)>,
    /// Serve TLS, and nothing else, with a certificate for `localhost` and 127.0.0.1.
    pub tls: bool,
    /// Keep what was written when it ends in order or is killed: an append-only file.
    pub durable: bool,
}

/// A server of one's own. It is gone when this is dropped.
pub struct RedisServer {
    running: Option<Running>,
    port: Port,
    settings: RedisSettings,
    certificate: Option<Certificate>,
    folder: TempDir,
}

impl RedisServer {
    /// Starts one that keeps nothing.
    pub fn start() -> Result<RedisServer> {
        RedisServer::with(RedisSettings::default())
    }

    /// Starts one with settings, and waits until it serves.
    pub fn with(settings: RedisSettings) -> Result<RedisServer> {
        let folder = tempfile::Builder::new().prefix("forebay-redis-").tempdir()?;
        let certificate = match settings.tls {
            true => Some(Certificate::make(folder.path(), Account::Own)?),
            false => None,
        };
        let port = Port::reserve()?;
        let mut server = RedisServer { running: None, port, settings, certificate, folder };
        server.run()?;
        Ok(server)
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The authority that signed its certificate, where it serves TLS.
    #[must_use]
    pub fn authority(&self) -> Option<&Path> {
        self.certificate.as_ref().map(|made| made.authority.as_path())
    }

    /// Its address for clients.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.settings.tls { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}", self.port())
    }

    /// Runs one command on a connection of its own.
    pub fn talk(&self, command: &[&str]) -> Result<String> {
        talk(self.port(), command)
    }

    /// Kills it. It can be started again.
    pub fn kill(&mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), Running::kill)
    }

    /// Starts it again, on the same port, with what it has kept.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.run()
    }

    /// Freezes it: its connections stay open, and nothing is answered.
    pub fn freeze(&self) -> Result<()> {
        self.running.as_ref().context("it is killed")?.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub fn thaw(&self) -> Result<()> {
        self.running.as_ref().context("it is killed")?.signal(Signal::CONT)
    }

    /// The number of its process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Running::pid)
    }

    fn run(&mut self) -> Result<()> {
        let program = binary::in_folder(self.folder.path())?;
        let running = Running::spawn(&program, &self.arguments(), self.folder.path())?;
        let start = Instant::now();
        while !self.is_ready() {
            if running.has_ended() || start.elapsed() > READY_WAIT_MAX {
                let log = std::fs::read_to_string(self.folder.path().join("log"));
                bail!("redis-server does not serve:\n{}", log.unwrap_or_default());
            }
            std::thread::sleep(POLL);
        }
        self.running = Some(running);
        Ok(())
    }

    /// That it wants a password or is loading is an answer too, and TLS is not spoken here.
    fn is_ready(&self) -> bool {
        match talk(self.port(), &["PING"]) {
            Ok(text) => text == "PONG",
            Err(error) => (self.settings.tls && is_there(self.port())) || is_answer(&error),
        }
    }

    fn arguments(&self) -> Vec<String> {
        let port = self.port().to_string();
        let none = "0".to_owned();
        let (plain, tls) = if self.settings.tls { (none, port) } else { (port, none) };
        let mut options = vec![
            ("port", plain),
            ("bind", "127.0.0.1".to_owned()),
            ("save", String::new()),
            ("appendonly", if self.settings.durable { "yes" } else { "no" }.to_owned()),
            ("appendfsync", "no".to_owned()),
            ("daemonize", "no".to_owned()),
            ("dir", self.folder.path().display().to_string()),
        ];
        if let Some(certificate) = &self.certificate {
            options.extend([
                ("tls-port", tls),
                ("tls-cert-file", certificate.server.display().to_string()),
                ("tls-key-file", certificate.key.display().to_string()),
                ("tls-ca-cert-file", certificate.authority.display().to_string()),
                ("tls-auth-clients", "no".to_owned()),
            ]);
        }
        options.extend(self.settings.options.iter().cloned());
        options.into_iter().flat_map(|(name, value)| [format!("--{name}"), value]).collect()
    }
}

fn is_there(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn is_answer(error: &anyhow::Error) -> bool {
    ["NOAUTH", "LOADING"].iter().any(|code| error.to_string().contains(code))
}
