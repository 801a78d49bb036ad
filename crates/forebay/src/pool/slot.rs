//! One place for a connection, as a state machine. It decides nothing: the shelf does.

use std::time::Instant;

use super::connect::HolderLabel;

/// A place for one connection, and what is known of the connection that has it.
#[derive(Debug)]
pub(super) struct Slot<T> {
    pub(super) state: State<T>,
    /// When the connection has reached its lifetime.
    pub(super) expires: Option<Instant>,
    /// The sweep saw that the lifetime is over; giving back then needs no clock.
    pub(super) expired: bool,
}

/// Where a slot stands. A connection in use is with its holder, not in the slot.
#[derive(Debug)]
pub(super) enum State<T> {
    /// Exits: `Reserve`.
    Vacant,
    /// Exits: `Lend` (for a caller), `Keep` (ahead of need), `Retire` (open, but not wanted any
    /// more), `Vacate` (could not be opened).
    Opening,
    /// Exits: `Lend`, `Visit`, `Retire`. `since` is set by the first sweep that finds it idle.
    Idle { connection: T, since: Option<Instant> },
    /// Idle, but with a visitor for a moment. Exits: `Keep`, `Retire` (not kept), `Vacate`.
    Visited,
    /// Exits: `Keep`, `Retire` (not kept), `Vacate` (already closed, on its holder's behalf).
    InUse(Loan),
    /// About to be closed. Exits: `Vacate`.
    Closing,
}

/// Who has a connection, and since when.
#[derive(Debug)]
pub(super) struct Loan {
    pub(super) holder: HolderLabel,
    pub(super) since: Instant,
    /// It has been held for too long and this was said.
    pub(super) warned: bool,
}

/// What moves a slot from one state to the next.
#[derive(Debug)]
pub(super) enum Event<T> {
    Reserve,
    Lend(Loan),
    Visit,
    Keep(T),
    Retire,
    Vacate,
}

/// The state without what it carries, to count by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Vacant,
    Opening,
    Idle,
    Visited,
    InUse,
    Closing,
}

impl<T> Slot<T> {
    pub(super) fn vacant() -> Slot<T> {
        Slot { state: State::Vacant, expires: None, expired: false }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.state {
            State::Vacant => Phase::Vacant,
            State::Opening => Phase::Opening,
            State::Idle { .. } => Phase::Idle,
            State::Visited => Phase::Visited,
            State::InUse(_) => Phase::InUse,
            State::Closing => Phase::Closing,
        }
    }

    /// The only place where a state changes. Returns the connection that leaves the slot.
    ///
    /// # Panics
    /// On an event the state has no exit for: only the shelf and the one owner of the slot act
    /// on it, so that would be an error in this module.
    pub(super) fn transition(&mut self, event: Event<T>) -> Option<T> {
        let from = self.phase();
        let state = std::mem::replace(&mut self.state, State::Vacant);
        let (next, leaving) = match (state, event) {
            (State::Vacant, Event::Reserve) => (State::Opening, None),
            (State::Opening, Event::Lend(loan)) => (State::InUse(loan), None),
            (State::Opening | State::InUse(_) | State::Visited, Event::Keep(connection)) => {
                (State::Idle { connection, since: None }, None)
            }
            (State::Opening | State::InUse(_) | State::Visited | State::Closing, Event::Vacate) => {
                (State::Vacant, None)
            }
            (State::Idle { connection, .. }, Event::Visit) => (State::Visited, Some(connection)),
            (State::Idle { connection, .. }, Event::Lend(loan)) => {
                (State::InUse(loan), Some(connection))
            }
            (State::Idle { connection, .. }, Event::Retire) => (State::Closing, Some(connection)),
            (State::Opening | State::InUse(_) | State::Visited, Event::Retire) => {
                (State::Closing, None)
            }
            (_, event) => unreachable!("{} has no exit from {from:?}", event.name()),
        };
        self.state = next;
        leaving
    }
}

impl<T> Event<T> {
    fn name(&self) -> &'static str {
        match self {
            Event::Reserve => "Reserve",
            Event::Lend(_) => "Lend",
            Event::Visit => "Visit",
            Event::Keep(_) => "Keep",
            Event::Retire => "Retire",
            Event::Vacate => "Vacate",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, Location, catch_unwind};

    use super::*;

    fn loan() -> Loan {
        let holder = HolderLabel { caller: Location::caller(), statement: None };
        Loan { holder, since: Instant::now(), warned: false }
    }

    fn state(phase: Phase) -> State<u8> {
        match phase {
            Phase::Vacant => State::Vacant,
            Phase::Opening => State::Opening,
            Phase::Idle => State::Idle { connection: 7, since: None },
            Phase::Visited => State::Visited,
            Phase::InUse => State::InUse(loan()),
            Phase::Closing => State::Closing,
        }
    }

    fn event(name: &str) -> Event<u8> {
        match name {
            "Reserve" => Event::Reserve,
            "Lend" => Event::Lend(loan()),
            "Visit" => Event::Visit,
            "Keep" => Event::Keep(8),
            "Retire" => Event::Retire,
            _ => Event::Vacate,
        }
    }

    #[test]
    fn every_pair_of_state_and_event_is_an_exit_or_refused() {
        use Phase::*;
        let exits = [
            (Vacant, "Reserve", Opening, None),
            (Opening, "Lend", InUse, None),
            (Opening, "Keep", Idle, None),
            (Opening, "Retire", Closing, None),
            (Opening, "Vacate", Vacant, None),
            (Idle, "Lend", InUse, Some(7)),
            (Idle, "Visit", Visited, Some(7)),
            (Idle, "Retire", Closing, Some(7)),
            (Visited, "Keep", Idle, None),
            (Visited, "Retire", Closing, None),
            (Visited, "Vacate", Vacant, None),
            (InUse, "Keep", Idle, None),
            (InUse, "Retire", Closing, None),
            (InUse, "Vacate", Vacant, None),
            (Closing, "Vacate", Vacant, None),
        ];
        for from in [Vacant, Opening, Idle, Visited, InUse, Closing] {
            for name in ["Reserve", "Lend", "Visit", "Keep", "Retire", "Vacate"] {
                let mut slot = Slot { state: state(from), expires: None, expired: false };
                let result = catch_unwind(AssertUnwindSafe(|| slot.transition(event(name))));
                let exit = exits.iter().find(|exit| exit.0 == from && exit.1 == name);
                match (result, exit) {
                    (Ok(leaving), Some((_, _, to, expect))) => {
                        assert_eq!((slot.phase(), leaving), (*to, *expect), "{from:?} {name}");
                    }
                    (Err(_), None) => {}
                    (result, _) => panic!("{from:?} {name}: {result:?}"),
                }
            }
        }
    }
}
