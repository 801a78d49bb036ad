//! The keys that wait to be loaded together, and who waits for them. Nothing is loaded here.

use std::collections::HashMap;
use std::hash::Hash;

use tokio::sync::oneshot::{Receiver, Sender, channel};

use crate::depend::Evidence;
use crate::error::Result;

/// What comes of one key, with what it rests on.
pub(super) type Loaded<V> = (Result<Option<V>>, Evidence);

/// Keys that are loaded together, in the order in which they came.
pub(super) struct Batch<K, V> {
    /// Tells it from those before.
    pub(super) number: u64,
    order: Vec<K>,
    waiting: HashMap<K, Vec<Sender<Loaded<V>>>>,
}

impl<K: Hash + Eq + Clone, V: Clone> Batch<K, V> {
    pub(super) fn new(number: u64) -> Batch<K, V> {
        Batch { number, order: Vec::new(), waiting: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Waits with the others for this key.
    pub(super) fn join(&mut self, key: K) -> Receiver<Loaded<V>> {
        let (sender, receiver) = channel();
        if !self.waiting.contains_key(&key) {
            self.order.push(key.clone());
        }
        self.waiting.entry(key).or_default().push(sender);
        receiver
    }

    /// The keys that somebody still waits for.
    pub(super) fn keys(&mut self) -> Vec<K> {
        self.waiting.retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
        self.order.iter().filter(|key| self.waiting.contains_key(key)).cloned().collect()
    }

    /// Gives everybody what was loaded. Who has given up is passed over.
    pub(super) fn land(self, loaded: &Result<HashMap<K, V>>, evidence: &Evidence) {
        for (key, senders) in self.waiting {
            let value = match loaded {
                Ok(values) => Ok(values.get(&key).cloned()),
                Err(error) => Err(error.share()),
            };
            for sender in senders {
                drop(sender.send((value.clone(), evidence.clone())));
            }
        }
    }
}
