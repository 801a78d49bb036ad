//! A master with a replica, and one Sentinel that watches them and makes the replica the master
//! when the master is gone.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tempfile::TempDir;

use super::binary;
use super::process::Running;
use super::server::{RedisServer, RedisSettings};
use super::talk::talk;
use crate::port::Port;

const READY_WAIT_MAX: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// The name under which the Sentinel knows the master.
const MASTER: &str = "mymaster";

/// The three of them. They are gone when this is dropped.
pub struct Sentinel {
    /// The first master, then its replica.
    pub servers: Vec<RedisServer>,
    running: Running,
    port: Port,
    _folder: TempDir,
}

impl Sentinel {
    /// Starts all, and waits until the Sentinel knows the replica.
    pub fn start() -> Result<Sentinel> {
        let master = RedisServer::start()?;
        let follow = ("replicaof", format!("127.0.0.1 {}", master.port()));
        let settings = RedisSettings { options: vec![follow], ..RedisSettings::default() };
        let replica = RedisServer::with(settings)?;
        let folder = tempfile::Builder::new().prefix("forebay-redis-").tempdir()?;
        let port = Port::reserve()?;
        let conf = format!(
            "port {}\nbind 127.0.0.1\ndir {}\nsentinel monitor {MASTER} 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds {MASTER} 300\n\
             sentinel failover-timeout {MASTER} 3000\n",
            port.number,
            folder.path().display(),
            master.port(),
        );
        let path = folder.path().join("sentinel.conf");
        fs::write(&path, conf)?;
        let program = binary::in_folder(folder.path())?;
        let args = [path.display().to_string(), "--sentinel".to_owned()];
        let running = Running::spawn(&program, &args, folder.path())?;
        let servers = vec![master, replica];
        let sentinel = Sentinel { servers, running, port, _folder: folder };
        sentinel.wait_for_replica()?;
        Ok(sentinel)
    }

    /// Its address for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis-sentinel://127.0.0.1:{}/{MASTER}", self.port.number)
    }

    /// The port of the master, as the Sentinel says it.
    pub fn master(&self) -> Result<u16> {
        let reply = talk(self.port.number, &["SENTINEL", "get-master-addr-by-name", MASTER])?;
        Ok(reply.lines().nth(1).unwrap_or_default().parse()?)
    }

    /// The number of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    fn wait_for_replica(&self) -> Result<()> {
        let start = Instant::now();
        let asked = ["SENTINEL", "replicas", MASTER];
        while !talk(self.port.number, &asked)
            .is_ok_and(|reply| reply.contains("master-link-status\nok"))
        {
            if start.elapsed() > READY_WAIT_MAX {
                bail!("the Sentinel does not know the replica after {READY_WAIT_MAX:?}");
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}
