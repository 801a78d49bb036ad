//! An entry: a value of some type, or that there is none, with what decides whether it may be
//! given. It is never changed but for its times; a new value is a new entry.

use std::any::{Any, TypeId};
use std::sync::Arc;

use super::Cacheable;
use super::known::{Known, Trust};
use super::life::{Holds, Life, Moment};
use super::tags::{Slots, Tags};
use super::weigh::weigh;
use crate::cache::Resident;
use crate::depend::{self, Evidence};

/// Why what is made of such an entry has to rest on its own ttl.
const TTL_ALONE: &str = "it rests on an entry of a cache that rests on its ttl alone";

/// Why what is made of a value that is not fresh has to rest on its own ttl.
const STALE: &str = "it rests on an entry of a cache that was not fresh";

/// A value of any type.
pub(crate) type Value = Arc<dyn Any + Send + Sync>;

/// What a load has given, or a caller has set.
#[derive(Clone)]
pub(crate) struct Content {
    /// `None`: there is none.
    pub(crate) value: Option<Value>,
    /// The type that it was asked for as.
    pub(crate) kind: TypeId,
    /// Bytes of the value.
    pub(crate) bytes: usize,
}

impl Content {
    pub(crate) fn of<T: Cacheable>(value: Option<Arc<T>>) -> Content {
        let bytes = value.as_deref().map_or(0, weigh);
        let value = value.map(|value| value as Value);
        Content { value, kind: TypeId::of::<T>(), bytes }
    }

    pub(crate) fn number(count: i64) -> Content {
        Content::of(Some(Arc::new(count)))
    }

    pub(crate) fn holds(&self) -> Holds {
        match self.value {
            Some(_) => Holds::Value,
            None => Holds::Nothing,
        }
    }

    /// The value, if it is of this type.
    #[inline]
    pub(crate) fn get<T: Cacheable>(&self) -> Option<Arc<T>> {
        self.value.clone()?.downcast().ok()
    }
}

/// An entry.
pub(crate) struct Kept {
    pub(crate) content: Content,
    pub(crate) life: Life,
    /// The last deletion by tag when its load began.
    pub(crate) number: u64,
    pub(crate) slots: Slots,
    /// `None`: it rests on its ttl alone.
    pub(crate) evidence: Option<Evidence>,
    /// What is known of changes by others.
    pub(crate) known: Known,
    size: usize,
}

/// How an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Fresh,
    /// Its time is over; it was true to the end.
    Expired,
    /// What it rests on has changed, or cannot be vouched for just now.
    Untrue,
    /// What it rests on has changed.
    Void,
    /// A tag of it was deleted.
    Deleted,
    /// Others have changed what stands under its key.
    Replaced,
    /// Others may have, which would not be heard just now.
    Unheard,
}

impl Kept {
    pub(crate) fn new(
        content: Content,
        life: Life,
        number: u64,
        slots: Slots,
        evidence: Option<Evidence>,
        known: Known,
    ) -> Arc<Kept> {
        let counts = 2 * size_of::<usize>();
        let slots_heap = if slots.spilled() { size_of_val(&*slots) } else { 0 };
        let heap = slots_heap + evidence.as_ref().map_or(0, Evidence::heap_size);
        let heap = heap + known.heap_size();
        let size = size_of::<Kept>() + counts + content.bytes + heap;
        Arc::new(Kept { content, life, number, slots, evidence, known, size })
    }

    /// The number that it is, if it is one.
    pub(crate) fn number(&self) -> Option<i64> {
        self.content.get::<i64>().map(|count| *count)
    }

    /// How it stands now. A use is not noted.
    #[inline]
    pub(crate) fn standing(&self, tags: &Tags, now: Moment) -> Standing {
        if tags.has_deleted(&self.slots, self.number) {
            return Standing::Deleted;
        }
        match self.known.trust() {
            Trust::Yes => {}
            Trust::NotNow => return Standing::Unheard,
            Trust::Over => return Standing::Replaced,
        }
        if let Some(evidence) = &self.evidence {
            let is_true = evidence.is_true();
            self.life.note_true(is_true, now);
            if !is_true {
                return if evidence.is_void() { Standing::Void } else { Standing::Untrue };
            }
        }
        if self.life.is_expired(now) { Standing::Expired } else { Standing::Fresh }
    }

    /// Tells whoever collects what their work rests on when it is given this.
    #[inline]
    pub(crate) fn hand_on(&self) {
        if depend::is_collecting() {
            hand_on(self.evidence.as_ref());
        }
    }

    /// The same when it is not fresh.
    pub(crate) fn hand_on_stale(&self) {
        if let Some(evidence) = &self.evidence {
            evidence.pass_on();
        }
        depend::doubt(STALE);
    }
}

/// Tells whoever collects what a value rests on: nothing but its ttl without evidence.
#[cold]
#[inline(never)]
pub(crate) fn hand_on(evidence: Option<&Evidence>) {
    match evidence {
        Some(evidence) => evidence.pass_on(),
        None => depend::doubt(TTL_ALONE),
    }
}

impl Resident for Kept {
    fn size(&self) -> usize {
        self.size
    }
}
