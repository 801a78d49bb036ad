//! A Cluster of masters without replicas, with slots that can be moved between them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::server::{RedisServer, RedisSettings};
use crate::port::Port;

const READY_WAIT_MAX: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

const SLOTS: usize = 16_384;
const KEYS_AT_ONCE: &str = "1000";

/// The masters. They are gone when this is dropped.
pub struct RedisCluster {
    /// In the order of their slots.
    pub masters: Vec<RedisServer>,
    _buses: Vec<Port>,
}

impl RedisCluster {
    /// Starts `count` masters that share the slots equally, and waits until they agree.
    pub fn start(count: usize) -> Result<RedisCluster> {
        let mut cluster = RedisCluster { masters: Vec::new(), _buses: Vec::new() };
        for _ in 0..count {
            let bus = Port::reserve()?;
            let options = vec![
                ("cluster-enabled", "yes".to_owned()),
                ("cluster-config-file", "nodes.conf".to_owned()),
                ("cluster-port", bus.number.to_string()),
                ("cluster-node-timeout", "2000".to_owned()),
            ];
            let settings = RedisSettings { options, ..RedisSettings::default() };
            cluster.masters.push(RedisServer::with(settings)?);
            cluster._buses.push(bus);
        }
        cluster.join()?;
        Ok(cluster)
    }

    /// Its address for clients: that of the first master.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.masters.first().map_or(0, RedisServer::port);
        format!("redis-cluster://127.0.0.1:{port}")
    }

    /// Moves a slot with its keys from one master to another.
    pub fn move_slot(&self, slot: u16, from: usize, to: usize) -> Result<()> {
        let slot = slot.to_string();
        let (source, target) = (&self.masters[from], &self.masters[to]);
        let (source_id, target_id) = (id(source)?, id(target)?);
        target.talk(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source_id])?;
        source.talk(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target_id])?;
        let port = target.port().to_string();
        loop {
            let keys = source.talk(&["CLUSTER", "GETKEYSINSLOT", &slot, KEYS_AT_ONCE])?;
            if keys.is_empty() {
                break;
            }
            let head = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            let command: Vec<&str> = head.into_iter().chain(keys.lines()).collect();
            source.talk(&command)?;
        }
        for master in [target, source].into_iter().chain(&self.masters) {
            master.talk(&["CLUSTER", "SETSLOT", &slot, "NODE", &target_id])?;
        }
        Ok(())
    }

    fn join(&self) -> Result<()> {
        let count = self.masters.len();
        for (place, master) in self.masters.iter().enumerate() {
            master.talk(&["CLUSTER", "SET-CONFIG-EPOCH", &(place + 1).to_string()])?;
            let slots = SLOTS * place / count..SLOTS * (place + 1) / count;
            let slots: Vec<String> = slots.map(|slot| slot.to_string()).collect();
            let head = ["CLUSTER", "ADDSLOTS"];
            let command: Vec<&str> =
                head.into_iter().chain(slots.iter().map(String::as_str)).collect();
            master.talk(&command)?;
        }
        let first = self.masters.first().context("a Cluster has a master")?;
        for (master, bus) in self.masters.iter().zip(&self._buses).skip(1) {
            let (port, bus) = (master.port().to_string(), bus.number.to_string());
            first.talk(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])?;
        }
        let start = Instant::now();
        while !self.masters.iter().all(|master| agrees(master, count)) {
            if start.elapsed() > READY_WAIT_MAX {
                bail!("the masters do not agree after {READY_WAIT_MAX:?}");
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

fn id(master: &RedisServer) -> Result<String> {
    master.talk(&["CLUSTER", "MYID"])
}

fn agrees(master: &RedisServer, count: usize) -> bool {
    let info = master.talk(&["CLUSTER", "INFO"]).unwrap_or_default();
    info.contains("cluster_state:ok") && info.contains(&format!("cluster_known_nodes:{count}\r"))
}
