//! What all handles and tasks of one tier share: who has which keys, what was heard, the counters.
//! Commands are sent from here to whoever has the key.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::{Cmd, Value};
use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::timeout;

use super::address::Address;
use super::change::{CHANGES_MAX, RedisChange};
use super::fault::Fault;
use super::heard::Heard;
use super::name::{Kind, Names, Shard};
use super::node::Node;
use super::reply;
use super::roll::{Calls, Message, NAMES_MAX, Others, What};
use super::script::{Scripts, Text};
use super::settings::{Settings, milliseconds};
use super::stats::{Counts, count};
use crate::clock::Clock;

/// What is shared.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) address: Address,
    pub(super) names: Names,
    pub(super) scripts: Scripts,
    pub(super) counts: Arc<Counts>,
    pub(super) heard: Arc<Heard>,
    pub(super) calls: Arc<Calls>,
    /// This process, or rather this tier in it, among those that share the namespace.
    pub(super) me: String,
    pub(super) runtime: Handle,
    pub(super) changes: broadcast::Sender<RedisChange>,
    /// Told when it has to be found out again who has what.
    pub(super) wanted: Notify,
    /// Whether reaching the servers has failed once: nobody waits for the first time any more.
    pub(super) has_failed: AtomicBool,
    map: RwLock<Arc<Map>>,
    map_number: watch::Sender<u64>,
}

/// Who has which shard.
#[derive(Debug, Default)]
pub(super) struct Map {
    pub(super) nodes: Vec<Arc<Node>>,
    /// By shard: a place in `nodes`.
    pub(super) owners: Vec<Option<usize>>,
}

impl Map {
    pub(super) fn owner(&self, shard: Shard) -> Option<&Arc<Node>> {
        let owner = self.owners.get(usize::from(shard.0)).copied().flatten()?;
        self.nodes.get(owner)
    }

    pub(super) fn shards_of(&self, node: &Arc<Node>) -> Vec<Shard> {
        let all = (0..u16::try_from(self.owners.len()).unwrap_or(u16::MAX)).map(Shard);
        all.filter(|shard| self.owner(*shard).is_some_and(|one| Arc::ptr_eq(one, node))).collect()
    }
}

impl Shared {
    pub(super) fn new(settings: Settings, address: Address, me: String) -> Shared {
        let is_cluster = address.layout == super::address::Layout::Cluster;
        // A name of 16 random digits, of base 16.
        let run = u64::from_str_radix(&me, 16).unwrap_or_default();
        Shared {
            names: Names::new(&settings.namespace, is_cluster),
            scripts: Scripts::new(),
            counts: Arc::new(Counts::default()),
            heard: Arc::new(Heard::new(Clock::real(), run)),
            calls: Arc::new(Calls::default()),
            me,
            runtime: Handle::current(),
            changes: broadcast::Sender::new(CHANGES_MAX),
            wanted: Notify::new(),
            has_failed: AtomicBool::new(false),
            map: RwLock::default(),
            map_number: watch::Sender::new(0),
            settings,
            address,
        }
    }

    pub(super) fn map(&self) -> Arc<Map> {
        Arc::clone(&self.map.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Somebody else has the keys from now on. What was read before and after under the map that
    /// was there is doubtful.
    pub(super) fn set_map(&self, map: Map) {
        self.doubted();
        *self.map.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(map);
        self.doubted();
        self.map_number.send_modify(|number| *number += 1);
    }

    /// What a name stands for has changed.
    pub(super) fn changed(&self, name: &[u8]) {
        let Some((kind @ (Kind::Value | Kind::Tag), key)) = self.names.read(name) else {
            return self.doubted();
        };
        self.heard.changed(kind, key);
        count(&self.counts.changes);
        if self.changes.receiver_count() > 0 {
            let key = key.to_vec();
            let is_tag = kind == Kind::Tag;
            // Without a receiver there is nobody to tell.
            let _ = self.changes.send(if is_tag {
                RedisChange::Tag(key)
            } else {
                RedisChange::Key(key)
            });
        }
    }

    /// Anything may have changed.
    pub(super) fn doubted(&self) {
        self.heard.doubted();
        count(&self.counts.doubts);
        let _ = self.changes.send(RedisChange::Everything);
    }

    /// Applies what somebody has said.
    pub(super) fn apply(&self, what: &What) {
        match what {
            What::Names(names) => names.iter().for_each(|name| self.changed(name)),
            What::Everything => self.doubted(),
        }
    }

    pub(super) fn owner(&self, shard: Shard) -> Result<Arc<Node>, Fault> {
        self.map().owner(shard).cloned().ok_or(Fault::Nowhere)
    }

    /// Runs a command where the shard is. When that has moved, once more where it is then.
    pub(super) async fn run(&self, shard: Shard, command: &Cmd) -> Result<Value, Fault> {
        let before = *self.map_number.borrow();
        let reply = self.note(self.owner_runs(shard, command).await);
        if reply != Err(Fault::Moved) {
            return reply;
        }
        let mut number = self.map_number.subscribe();
        let is_new = number.wait_for(|number| *number != before);
        match timeout(self.settings.timeout, is_new).await {
            Ok(Ok(_)) => {}
            _ => return reply,
        }
        self.note(self.owner_runs(shard, command).await)
    }

    async fn owner_runs(&self, shard: Shard, command: &Cmd) -> Result<Value, Fault> {
        self.owner(shard)?.run(command).await
    }

    /// Runs a script where the shard is.
    pub(super) async fn script(
        &self,
        shard: Shard,
        script: &Text,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<Value, Fault> {
        match self.run(shard, &script.short(keys, args)).await {
            Err(Fault::NoScript) => self.run(shard, &script.long(keys, args)).await,
            reply => reply,
        }
    }

    /// Runs a script that calls the processes on the roll of a shard, and waits for them. `args` go
    /// before those of the call. The answer is what the script says first.
    pub(super) async fn acknowledged(
        &self,
        shard: Shard,
        script: &Text,
        keys: &[&[u8]],
        args: &[&[u8]],
        what: What,
    ) -> Result<u64, Fault> {
        let waiting = self.calls.open();
        let (caller, number) = (self.me.clone(), waiting.number);
        let message = Message { caller, number, what };
        let roll = self.names.roll(shard);
        let hearing = milliseconds(self.settings.hearing).to_string();
        let (channel, text) = (self.names.calls(), message.write());
        let keys: Vec<&[u8]> = std::iter::once(&roll[..]).chain(keys.iter().copied()).collect();
        let of_call = [self.me.as_bytes(), hearing.as_bytes(), channel.as_bytes(), &text];
        let args: Vec<&[u8]> = args.iter().copied().chain(of_call).collect();
        let reply = self.script(shard, script, &keys, &args).await?;
        let (first, others): (u64, Others) = reply::others(reply).ok_or(Fault::Garbage)?;
        waiting.wait(&others).await;
        self.apply(&message.what);
        Ok(first)
    }

    /// Counts a fault, and has looked who has what when that may be the reason.
    pub(super) fn note<T>(&self, reply: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(fault) = &reply
            && *fault != Fault::NoScript
        {
            self.counts.fault(fault);
            if fault.asks_for_map() {
                self.wanted.notify_one();
            }
        }
        reply
    }

    /// How long an acknowledgement takes at most: the call, again after a move, and the roll.
    pub(super) fn acknowledged_max(&self) -> Duration {
        4 * self.settings.timeout + self.settings.hearing
    }

    /// How many names go into one call.
    pub(super) const NAMES_MAX: usize = NAMES_MAX;
}
