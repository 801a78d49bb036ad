//! One cached answer: what it says, what it rests on, and who counts it.

use std::any::Any;
use std::sync::Arc;

use crate::cache::Resident;
use crate::invalidate::Ticket;
use crate::row::Rows;
use crate::watch::Record;

/// An answer in the form it is kept in.
pub(crate) enum Payload {
    Rows(Rows),
    /// An `Arc<Vec<T>>` under a key with the type of `T`, and the digest of the rows it is from.
    Typed(Arc<dyn Any + Send + Sync>, u64),
}

/// A cached answer. The counters of its fingerprint follow its life.
pub(crate) struct Entry {
    pub(crate) payload: Payload,
    pub(crate) ticket: Ticket,
    pub(crate) record: Arc<Record>,
    size: usize,
}

impl Entry {
    /// `payload_bytes`: what the payload takes, heap included.
    pub(crate) fn new(
        payload: Payload,
        payload_bytes: usize,
        ticket: Ticket,
        record: Arc<Record>,
    ) -> Arc<Entry> {
        let size = size_of::<Entry>() + payload_bytes + ticket.heap_size();
        record.stored(size);
        Arc::new(Entry { payload, ticket, record, size })
    }
}

impl Resident for Entry {
    fn size(&self) -> usize {
        self.size
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.record.released(self.size);
    }
}
