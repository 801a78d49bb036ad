//! What was heard of changes in Redis, and whether a copy in memory is still true. Pure but for
//! atomics and a short lock: who hears, and what a change is of, is decided by its callers.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::name::Kind;
use crate::clock::Clock;

/// Among so many numbers all keys and tags are divided: 128 KiB. Two that share one cost each other
/// a needless read.
const SLOTS: usize = 16_384;

/// How many parts a ticket may rest on: a key and its tags. One with more is never true.
const PARTS_MAX: usize = 64;

/// What one process has heard.
pub(super) struct Heard {
    /// Tells it from every other one.
    run: u64,
    clock: Clock,
    base: Instant,
    number: AtomicU64,
    epoch: AtomicU64,
    /// Until when copies may be used, in nanoseconds from `base`: the earliest of all ears.
    until: AtomicU64,
    slots: Box<[AtomicU64]>,
    hash: RandomState,
    ears: Mutex<Vec<Ear>>,
}

struct Ear {
    id: u64,
    until: u64,
}

/// Shows whether a copy that was read after the ticket was taken is still what Redis has.
///
/// Asking costs a few atomic loads and the time. Clones are of the same state.
#[derive(Clone)]
pub struct RedisTicket {
    heard: Arc<Heard>,
    number: u64,
    epoch: u64,
    slots: SmallVec<[u16; 4]>,
}

impl RedisTicket {
    /// Whether nothing has been heard since that changes the key or one of the tags, and everything
    /// would have been heard. Once false because of a change it stays false; while the connection
    /// is in doubt it is false for that time.
    #[must_use]
    pub fn is_true(&self) -> bool {
        let heard = &self.heard;
        let is_old = |slot: &u16| heard.slot(*slot).load(Ordering::SeqCst) > self.number;
        heard.epoch.load(Ordering::SeqCst) == self.epoch
            && !self.slots.iter().any(is_old)
            && heard.is_hearing()
    }

    /// Whether it is false for good, rather than while nothing is heard.
    pub(crate) fn has_ended(&self) -> bool {
        let heard = &self.heard;
        let is_old = |slot: &u16| heard.slot(*slot).load(Ordering::SeqCst) > self.number;
        heard.epoch.load(Ordering::SeqCst) != self.epoch || self.slots.iter().any(is_old)
    }

    /// A ticket for something else, as if it had been taken when this one was; none where it would
    /// rest on too many tags.
    pub(crate) fn for_other(&self, key: &[u8], tags: &[&[u8]]) -> Option<RedisTicket> {
        let slots = self.heard.places(key, tags)?;
        let heard = Arc::clone(&self.heard);
        Some(RedisTicket { heard, number: self.number, epoch: self.epoch, slots })
    }

    /// When it was taken, in words that can be written down.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { run: self.heard.run, epoch: self.epoch, number: self.number }
    }

    /// The bytes it takes beside its own size.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        if self.slots.spilled() { self.slots.capacity() * size_of::<u16>() } else { 0 }
    }
}

/// A moment of what was heard, as it may be written down. It means something to the tier only that
/// has told it: not to another one, nor after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) run: u64,
    pub(crate) epoch: u64,
    pub(crate) number: u64,
}

impl fmt::Debug for RedisTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTicket").field("is_true", &self.is_true()).finish()
    }
}

impl Heard {
    pub(super) fn new(clock: Clock, run: u64) -> Heard {
        Heard {
            run,
            base: clock.now(),
            clock,
            number: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            until: AtomicU64::new(0),
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            hash: RandomState::default(),
            ears: Mutex::new(Vec::new()),
        }
    }

    /// A ticket for a key and its tags, to be taken before they are read; none while nothing is
    /// heard.
    pub(super) fn ticket(self: &Arc<Self>, key: &[u8], tags: &[&[u8]]) -> Option<RedisTicket> {
        let slots = self.places(key, tags)?;
        let epoch = self.epoch.load(Ordering::SeqCst);
        let number = self.number.load(Ordering::SeqCst);
        // After the epoch: an ear that is new since then has begun another one.
        if !self.is_hearing() {
            return None;
        }
        Some(RedisTicket { heard: Arc::clone(self), number, epoch, slots })
    }

    /// The ticket that was taken at a moment; none if that was of another run.
    pub(super) fn ticket_of(
        self: &Arc<Self>,
        stamp: Stamp,
        key: &[u8],
        tags: &[&[u8]],
    ) -> Option<RedisTicket> {
        if stamp.run != self.run {
            return None;
        }
        let slots = self.places(key, tags)?;
        let heard = Arc::clone(self);
        Some(RedisTicket { heard, number: stamp.number, epoch: stamp.epoch, slots })
    }

    fn places(&self, key: &[u8], tags: &[&[u8]]) -> Option<SmallVec<[u16; 4]>> {
        if tags.len() >= PARTS_MAX {
            return None;
        }
        let mut slots = SmallVec::with_capacity(1 + tags.len());
        slots.push(self.place(Kind::Value, key));
        slots.extend(tags.iter().map(|tag| self.place(Kind::Tag, tag)));
        Some(slots)
    }

    /// A key or a tag has changed.
    pub(super) fn changed(&self, kind: Kind, key: &[u8]) {
        let number = self.number.fetch_add(1, Ordering::SeqCst) + 1;
        self.slot(self.place(kind, key)).fetch_max(number, Ordering::SeqCst);
    }

    /// Anything may have changed.
    pub(super) fn doubted(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// From now on these have to be heard, and no others.
    pub(super) fn expect(&self, ids: &[u64]) {
        let mut ears = self.ears.lock().unwrap_or_else(PoisonError::into_inner);
        let until = |id: u64| ears.iter().find(|ear| ear.id == id).map_or(0, |ear| ear.until);
        *ears = ids.iter().map(|id| Ear { id: *id, until: until(*id) }).collect();
        self.publish(&ears);
    }

    /// What one hears is complete until `until`.
    pub(super) fn hears(&self, id: u64, until: Instant) {
        let nanos = until.saturating_duration_since(self.base).as_nanos();
        self.set(id, u64::try_from(nanos).unwrap_or(u64::MAX));
    }

    /// One does not hear any more.
    pub(super) fn is_deaf(&self, id: u64) {
        self.set(id, 0);
    }

    /// Whether copies may be used at this moment.
    pub(super) fn is_hearing(&self) -> bool {
        let until = self.until.load(Ordering::SeqCst);
        until > 0 && self.clock.now().saturating_duration_since(self.base).as_nanos() < until.into()
    }

    fn set(&self, id: u64, until: u64) {
        let mut ears = self.ears.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ear) = ears.iter_mut().find(|ear| ear.id == id) {
            ear.until = until;
        }
        self.publish(&ears);
    }

    /// Under the lock of the ears, so that the earliest of them is published last.
    fn publish(&self, ears: &[Ear]) {
        let until = ears.iter().map(|ear| ear.until).min().unwrap_or(0);
        self.until.store(until, Ordering::SeqCst);
    }

    fn place(&self, kind: Kind, key: &[u8]) -> u16 {
        let hash = self.hash.hash_one((kind == Kind::Tag, key));
        u16::try_from(hash % SLOTS as u64).expect("there are fewer slots than a u16 counts")
    }

    fn slot(&self, place: u16) -> &AtomicU64 {
        &self.slots[usize::from(place) % SLOTS]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn hearing() -> (Arc<Heard>, Clock) {
        let clock = Clock::manual();
        let heard = Arc::new(Heard::new(clock.clone(), 1));
        heard.expect(&[7]);
        heard.hears(7, clock.now() + SECOND);
        (heard, clock)
    }

    #[test]
    fn there_is_no_ticket_while_nothing_is_heard() {
        let clock = Clock::manual();
        let heard = Arc::new(Heard::new(clock.clone(), 1));
        assert!(heard.ticket(b"a", &[]).is_none());
        heard.hears(7, clock.now() + SECOND);
        assert!(heard.ticket(b"a", &[]).is_none(), "nobody waits for this one");
        heard.expect(&[7, 8]);
        heard.hears(7, clock.now() + SECOND);
        assert!(heard.ticket(b"a", &[]).is_none(), "one of two");
        heard.hears(8, clock.now() + 2 * SECOND);
        let ticket = heard.ticket(b"a", &[]).unwrap();
        clock.advance(SECOND);
        assert!(!ticket.is_true() && heard.ticket(b"a", &[]).is_none(), "the earlier one counts");
        heard.hears(7, clock.now() + SECOND);
        assert!(ticket.is_true(), "nothing was missed");
        heard.is_deaf(8);
        assert!(!ticket.is_true());
        heard.expect(&[7]);
        assert!(ticket.is_true());
    }

    #[test]
    fn a_ticket_ends_with_its_key_its_tags_and_doubt() {
        let (heard, _clock) = hearing();
        let check = |what: &dyn Fn(), expect: bool| {
            let ticket = heard.ticket(b"a", &[b"t", b"u"]).unwrap();
            assert!(ticket.is_true());
            what();
            assert_eq!(ticket.is_true(), expect);
        };
        check(&|| heard.changed(Kind::Value, b"a"), false);
        check(&|| heard.changed(Kind::Tag, b"u"), false);
        check(&|| heard.doubted(), false);
        check(&|| (), true);
    }

    #[test]
    fn a_ticket_with_too_many_tags_is_not_given() {
        let (heard, _clock) = hearing();
        assert!(heard.ticket(b"a", &[&b"t"[..]; PARTS_MAX - 1]).is_some());
        assert!(heard.ticket(b"a", &[&b"t"[..]; PARTS_MAX]).is_none());
    }

    /// A ticket that is true has no change behind it; nearly all without one are true.
    #[test]
    fn tickets_agree_with_a_naive_model() {
        let (heard, _clock) = hearing();
        let mut random = fastrand::Rng::with_seed(5);
        let mut changes: HashMap<(bool, u8), u32> = HashMap::new();
        let mut tickets = Vec::new();
        let (mut kept, mut needless) = (0, 0);
        for step in 0..20_000_u32 {
            let (is_tag, key) = (random.bool(), random.u8(..));
            if random.u8(..) < 200 {
                heard.changed(if is_tag { Kind::Tag } else { Kind::Value }, &[key]);
                changes.insert((is_tag, key), step);
            } else {
                let tag = random.u8(..);
                let ticket = heard.ticket(&[key], &[&[tag]]).unwrap();
                tickets.push((step, key, tag, ticket));
            }
            let Some((taken, key, tag, ticket)) = tickets.get(random.usize(..tickets.len().max(1)))
            else {
                continue;
            };
            let of = |part| changes.get(&part).is_some_and(|at| at > taken);
            let expect = !of((false, *key)) && !of((true, *tag));
            assert!(expect || !ticket.is_true(), "a change after the ticket was not seen");
            kept += u32::from(expect && ticket.is_true());
            needless += u32::from(expect && !ticket.is_true());
        }
        assert!(kept > 100 && needless * 5 < kept, "{kept} kept, {needless} dropped needlessly");
    }
}
