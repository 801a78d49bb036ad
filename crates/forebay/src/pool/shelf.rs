//! The state of a pool and its decisions: which connection is handed out, kept or closed, given
//! the time. Single-threaded; it opens nothing, closes nothing and waits for nothing.

use std::time::{Duration, Instant};

use super::connect::HolderLabel;
use super::options::Options;
use super::slot::{Event, Loan, Phase, Slot, State};

/// The slots of a pool and the order of the idle ones.
///
/// A caller has a permit before it takes, and there are as many permits as the pool may have
/// connections; so whoever finds nothing idle finds a vacant slot.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    slots: Vec<Slot<T>>,
    vacant: Vec<SlotId>,
    /// The last one given back is at the end and is the next to go out: the fewest connections
    /// stay warm and the others reach their idle time-out.
    idle: Vec<SlotId>,
    /// How many slots stand in each phase.
    phases: [usize; 6],
    waiting: usize,
    closed: bool,
    opened: u64,
    closings: u64,
    options: Options,
}

/// Names a slot; whoever has a connection or opens one has the only copy for that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotId(usize);

/// What a caller gets who holds a permit.
#[derive(Debug)]
pub(super) enum Taken<T> {
    /// An idle connection, now in use.
    Idle(SlotId, T),
    /// Nothing is idle: a slot to open a connection for.
    Reserved(SlotId, HolderLabel),
    /// The pool is closed.
    Closed,
}

/// One connection in use, as seen from outside.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) holder: HolderLabel,
    pub(super) time: Duration,
}

/// The counts at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) opening: usize,
    pub(super) idle: usize,
    pub(super) in_use: usize,
    pub(super) waiting: usize,
    pub(super) opened: u64,
    pub(super) closed: u64,
}

impl<T> Shelf<T> {
    pub(super) fn new(options: Options) -> Shelf<T> {
        Shelf {
            slots: Vec::new(),
            vacant: Vec::new(),
            idle: Vec::new(),
            phases: [0; 6],
            waiting: 0,
            closed: false,
            opened: 0,
            closings: 0,
            options,
        }
    }

    /// Hands out the connection that was given back last, or a slot to open one for.
    pub(super) fn take(&mut self, holder: HolderLabel, now: Instant) -> Taken<T> {
        if self.closed {
            return Taken::Closed;
        }
        let Some(id) = self.idle.pop() else {
            return Taken::Reserved(self.reserve(), holder);
        };
        let loan = Loan { holder, since: now, warned: false };
        let connection = self.apply(id, Event::Lend(loan));
        Taken::Idle(id, connection.expect("an idle slot has its connection"))
    }

    /// Reserves a slot to open a connection ahead of need, if too few are idle.
    pub(super) fn reserve_spare(&mut self) -> Option<SlotId> {
        let opening = self.count(Phase::Opening);
        let idle = self.idle.len() + self.count(Phase::Visited);
        let wanted =
            idle + opening < self.options.min_idle && self.occupied() < self.options.max_size;
        (wanted && !self.closed).then(|| self.reserve())
    }

    /// The connection of a reserved slot is open; its lifetime begins.
    pub(super) fn opened(&mut self, id: SlotId, now: Instant) {
        self.opened += 1;
        let lifetime = self.options.max_lifetime.map(|lifetime| spread(lifetime, self.opened));
        let slot = &mut self.slots[id.0];
        slot.expires = lifetime.and_then(|lifetime| now.checked_add(lifetime));
        slot.expired = false;
    }

    /// Lends a connection just opened to the caller it was opened for. False: the pool was
    /// closed meanwhile; the caller closes the connection and then vacates the slot.
    pub(super) fn lend(&mut self, id: SlotId, holder: HolderLabel, now: Instant) -> bool {
        let event = match self.closed {
            true => Event::Retire,
            false => Event::Lend(Loan { holder, since: now, warned: false }),
        };
        self.apply(id, event);
        !self.closed
    }

    /// Takes a connection back. `Some`: it is not kept; the caller closes it and then vacates
    /// the slot.
    ///
    /// One above `max_size` is kept only for a caller that waits and has no idle one yet.
    pub(super) fn keep(&mut self, id: SlotId, connection: T) -> Option<T> {
        let overflow = self.occupied() > self.options.max_size && self.idle.len() >= self.waiting;
        if self.closed || overflow || self.slots[id.0].expired {
            self.apply(id, Event::Retire);
            return Some(connection);
        }
        self.apply(id, Event::Keep(connection));
        self.idle.push(id);
        None
    }

    /// The slot is free again: what it stood for is closed, or never came to be.
    pub(super) fn vacate(&mut self, id: SlotId) {
        self.apply(id, Event::Vacate);
        self.vacant.push(id);
    }

    /// The connection of a slot in use was closed; its holder, who still wants one, is returned.
    pub(super) fn vacate_for_holder(&mut self, id: SlotId) -> HolderLabel {
        let holder = match &self.slots[id.0].state {
            State::InUse(loan) => loan.holder.clone(),
            _ => unreachable!("only what is in use has a holder"),
        };
        self.vacate(id);
        holder
    }

    /// Picks an idle connection that has no reason to stay, if there is one: one too many, too
    /// old, or idle for too long. The caller closes it and then vacates the slot.
    pub(super) fn retire(&mut self, now: Instant) -> Option<(SlotId, T)> {
        let overflow = self.occupied() > self.options.max_size && self.idle.len() > self.waiting;
        let spare = self.idle.len() > self.options.min_idle;
        let oldest = *self.idle.first()?;
        let position = if self.closed || overflow {
            Some(0)
        } else if let Some(position) = self.idle.iter().position(|id| self.too_old(*id, now)) {
            Some(position)
        } else {
            (spare && self.idle_too_long(oldest, now)).then_some(0)
        };
        let id = self.idle.remove(position?);
        let connection = self.apply(id, Event::Retire);
        Some((id, connection.expect("an idle slot has its connection")))
    }

    /// Takes out the idle connection that was given back first of those that `wants` names. The
    /// visitor gives it back as a holder does, and has a permit for it meanwhile.
    pub(super) fn visit(&mut self, wants: impl Fn(&T) -> bool) -> Option<(SlotId, T)> {
        let wanted = |id: &SlotId| match &self.slots[id.0].state {
            State::Idle { connection, .. } => wants(connection),
            _ => false,
        };
        let position = self.idle.iter().position(wanted)?;
        let id = self.idle.remove(position);
        let connection = self.apply(id, Event::Visit);
        Some((id, connection.expect("an idle slot has its connection")))
    }

    /// Marks what the time has brought: idle since, lifetime over, held too long. Returns those
    /// held too long that were not returned before.
    pub(super) fn mark(&mut self, now: Instant) -> Vec<Held> {
        let limit = self.options.held_warning.unwrap_or(Duration::MAX);
        let mut overdue = Vec::new();
        for slot in &mut self.slots {
            slot.expired |= slot.expires.is_some_and(|expires| expires <= now);
            match &mut slot.state {
                State::Idle { since, .. } => {
                    since.get_or_insert(now);
                }
                State::InUse(loan) if !loan.warned => {
                    let time = now.saturating_duration_since(loan.since);
                    if time >= limit {
                        loan.warned = true;
                        overdue.push(Held { holder: loan.holder.clone(), time });
                    }
                }
                _ => {}
            }
        }
        overdue
    }

    /// A caller has begun to wait for a permit.
    pub(super) fn enter_queue(&mut self) {
        self.waiting += 1;
    }

    /// A caller waits no longer, with a permit or without.
    pub(super) fn leave_queue(&mut self) {
        self.waiting -= 1;
    }

    /// Nothing is handed out or kept from now on.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Closed, and no connection is left, not even one that is being closed.
    pub(super) fn is_drained(&self) -> bool {
        self.closed && self.occupied() == 0
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn longest_held(&self, now: Instant) -> Option<Held> {
        let loans = self.slots.iter().filter_map(|slot| match &slot.state {
            State::InUse(loan) => Some(loan),
            _ => None,
        });
        loans.min_by_key(|loan| loan.since).map(|loan| Held {
            holder: loan.holder.clone(),
            time: now.saturating_duration_since(loan.since),
        })
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            opening: self.count(Phase::Opening),
            idle: self.idle.len() + self.count(Phase::Visited),
            in_use: self.count(Phase::InUse),
            waiting: self.waiting,
            opened: self.opened,
            closed: self.closings,
        }
    }

    fn reserve(&mut self) -> SlotId {
        let id = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Slot::vacant());
            self.phases[Phase::Vacant as usize] += 1;
            SlotId(self.slots.len() - 1)
        });
        self.apply(id, Event::Reserve);
        debug_assert!(self.occupied() <= self.options.max(), "more slots in use than permits");
        id
    }

    fn apply(&mut self, id: SlotId, event: Event<T>) -> Option<T> {
        let slot = &mut self.slots[id.0];
        let before = slot.phase();
        let connection = slot.transition(event);
        let after = slot.phase();
        self.phases[before as usize] -= 1;
        self.phases[after as usize] += 1;
        let dropped = before == Phase::InUse && after == Phase::Vacant;
        self.closings += u64::from(dropped || after == Phase::Closing);
        connection
    }

    fn count(&self, phase: Phase) -> usize {
        self.phases[phase as usize]
    }

    fn occupied(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    fn too_old(&self, id: SlotId, now: Instant) -> bool {
        self.slots[id.0].expires.is_some_and(|expires| expires <= now)
    }

    fn idle_too_long(&self, id: SlotId, now: Instant) -> bool {
        match (&self.slots[id.0].state, self.options.idle_timeout) {
            (State::Idle { since: Some(since), .. }, Some(limit)) => {
                now.saturating_duration_since(*since) >= limit
            }
            _ => false,
        }
    }
}

/// Shortens a lifetime by up to a tenth. Successive numbers land far apart (the golden ratio's
/// multiples), so that connections opened together do not end together.
pub(super) fn spread(lifetime: Duration, number: u64) -> Duration {
    let share = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let tenth = lifetime / 10;
    let nanos = (tenth.as_nanos() * u128::from(share)) >> 32;
    lifetime - Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_end_apart_and_within_the_last_tenth() {
        let second = Duration::from_secs(1);
        let mut ends: Vec<_> = (1..=30).map(|number| spread(second * 3_600, number)).collect();
        ends.sort();
        assert!(ends[0] >= second * 3_240 && ends[29] <= second * 3_600, "{ends:?}");
        // Thirty in 360 s are 12 s apart at best.
        assert!(ends.windows(2).all(|pair| pair[1] - pair[0] > second * 4), "{ends:?}");
        assert_eq!(spread(Duration::ZERO, 7), Duration::ZERO);
        assert!(spread(Duration::MAX, 7) >= Duration::MAX - Duration::MAX / 10);
    }
}
