//! The task that looks after the connections: finds out who serves what, has each server heard, and
//! begins again when one is not. It ends with the tier.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::{AbortHandle, JoinSet};

use super::address::{Host, Layout};
use super::ear::hear;
use super::fault::Fault;
use super::node::Node;
use super::seek::{Found, seek};
use super::shared::{Map, Shared};

/// The wait after the first failure; it doubles with each further one, up to the second time.
const AGAIN_MIN: Duration = Duration::from_millis(20);
const AGAIN_MAX: Duration = Duration::from_secs(1);

/// An ear that ends sooner counts as one that did not come about.
const EAR_MIN: Duration = Duration::from_secs(2);

/// How often a Cluster is asked who serves what, though nothing hints at a change.
const LOOK_EVERY: Duration = Duration::from_secs(15);

struct Keeper {
    shared: Arc<Shared>,
    ears: JoinSet<(u64, Fault)>,
    /// The ears that run, by server.
    running: HashMap<Host, Running>,
    last_id: u64,
    failures: u32,
}

struct Running {
    id: u64,
    since: Instant,
    task: AbortHandle,
}

/// Looks after the connections until it is dropped.
pub(super) async fn keep(shared: Arc<Shared>) {
    let mut keeper =
        Keeper { shared, ears: JoinSet::new(), running: HashMap::new(), last_id: 0, failures: 0 };
    loop {
        match seek(&keeper.shared).await {
            Ok(found) => keeper.adopt(&found),
            Err(fault) => keeper.failed(&fault),
        }
        keeper.wait().await;
    }
}

impl Keeper {
    /// Takes over what was found: a map if it is another one, and an ear for each server.
    fn adopt(&mut self, found: &Found) {
        let current = self.shared.map();
        let is_same = found.len() == current.nodes.len()
            && found.iter().zip(&current.nodes).all(|((host, shards), node)| {
                node.host == *host && current.shards_of(node) == *shards
            });
        if !is_same {
            match self.build(found, &current) {
                Some(map) => self.change(map),
                None => return self.failed(&Fault::Nowhere),
            }
        }
        for node in &self.shared.map().nodes {
            if !self.running.contains_key(&node.host) {
                self.last_id += 1;
                let (shared, node, id) = (Arc::clone(&self.shared), Arc::clone(node), self.last_id);
                let host = node.host.clone();
                let task = self.ears.spawn(async move { (id, hear(shared, node, id).await) });
                self.running.insert(host, Running { id, since: Instant::now(), task });
            }
        }
        self.expect();
    }

    /// Servers that stay keep their connections.
    fn build(&self, found: &Found, current: &Map) -> Option<Map> {
        let mut map = Map::default();
        map.owners.resize(self.shared.names.shards().count(), None);
        for (place, (host, shards)) in found.iter().enumerate() {
            let known = current.nodes.iter().find(|node| node.host == *host);
            let node = match known {
                Some(node) => Arc::clone(node),
                None => {
                    let client = self.shared.address.client(host).ok()?;
                    let counts = Arc::clone(&self.shared.counts);
                    Node::new(host.clone(), client, &self.shared.settings, counts)
                }
            };
            map.nodes.push(node);
            for shard in shards {
                map.owners[usize::from(shard.0)] = Some(place);
            }
        }
        Some(map)
    }

    fn change(&mut self, map: Map) {
        self.running.retain(|host, ear| {
            let stays = map.nodes.iter().any(|node| node.host == *host);
            if !stays {
                ear.task.abort();
            }
            stays
        });
        let servers: Vec<String> = map.nodes.iter().map(|node| node.host.to_string()).collect();
        tracing::info!(servers = ?servers, "the tier in Redis has found its servers");
        self.shared.set_map(map);
    }

    fn expect(&self) {
        let ids: Vec<u64> = self.running.values().map(|ear| ear.id).collect();
        self.shared.heard.expect(&ids);
    }

    fn failed(&mut self, fault: &Fault) {
        self.shared.counts.fault(fault);
        self.shared.has_failed.store(true, Ordering::Relaxed);
        if self.failures == 0 {
            tracing::warn!("{fault}; it is tried again and again");
        }
        self.failures = self.failures.saturating_add(1);
    }

    /// Waits until something has to be looked at again.
    async fn wait(&mut self) {
        if self.failures > 0 {
            tokio::time::sleep(self.pause()).await;
        }
        let is_cluster = self.shared.address.layout == Layout::Cluster;
        let all_run =
            self.running.len() == self.shared.map().nodes.len() && !self.running.is_empty();
        if !all_run {
            return;
        }
        tokio::select! {
            Some(ended) = self.ears.join_next() => {
                match ended {
                    Ok((id, fault)) => self.ended(id, &fault),
                    Err(error) if error.is_cancelled() => {}
                    // Nobody knows which it was: all begin anew.
                    Err(_) => self.running.drain().for_each(|(_, ear)| ear.task.abort()),
                }
            }
            () = self.shared.wanted.notified() => {
                self.failures = 1;
            }
            () = tokio::time::sleep(LOOK_EVERY), if is_cluster => {}
        }
    }

    fn ended(&mut self, id: u64, fault: &Fault) {
        let Some((host, since)) = self.of(id) else { return };
        self.running.remove(&host);
        if let Some(node) = self.shared.map().nodes.iter().find(|node| node.host == host) {
            node.hang_up();
        }
        if since.elapsed() > EAR_MIN {
            self.failures = 0;
        }
        self.failed(fault);
    }

    fn of(&self, id: u64) -> Option<(Host, Instant)> {
        let found = self.running.iter().find(|(_, ear)| ear.id == id);
        found.map(|(host, ear)| (host.clone(), ear.since))
    }

    /// Spread by who we are, so that processes which lost a server together do not come together.
    fn pause(&self) -> Duration {
        let doubled = AGAIN_MIN * 2_u32.saturating_pow(self.failures.min(10) - 1);
        let spread = self.shared.me.bytes().map(u32::from).sum::<u32>() % 100;
        doubled.min(AGAIN_MAX) * (100 + spread) / 200
    }
}
