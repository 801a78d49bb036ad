//! Stopping the statement that the server is at, and nothing but that one: when a request to
//! cancel may be sent, and when the next statement may follow it. Pure; the bytes are in `cancel`.

use std::time::{Duration, Instant};

/// How long the server may be silent when it was asked to stop a statement, before the connection
/// is given up.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// How long it may take, rows coming all the while.
const FLOOD: Duration = Duration::from_secs(60);
/// A request to cancel that comes between two messages is lost, so it is sent again after this.
const AGAIN: Duration = Duration::from_millis(500);

/// How far stopping the oldest request on the wire has come. While it is not `No`, nothing is
/// written. Begins at `No`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// Becomes `Asking`.
    No,
    /// A second connection carries the request to cancel. Becomes `Asked` when the server has
    /// closed that, and `Settling` when the statement has ended first.
    Asking(Patience),
    /// The signal was sent. Becomes `No` when the statement has ended, and `Asking` if it does not.
    Asked { patience: Patience, again_at: Instant },
    /// The statement has ended and the signal may still be on its way. Becomes `No` when the server
    /// has closed the second connection.
    Settling,
}

/// Since when one waits for the end of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    asked: Instant,
    heard: Instant,
}

impl Patience {
    fn ends(self) -> Instant {
        (self.heard + GRACE).min(self.asked + FLOOD)
    }
}

/// What has become of a request to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The server has closed the connection it came on: it has sent the signal.
    Yes,
    /// It cannot have reached the server.
    No,
    /// It may reach the server at any time.
    Perhaps,
}

/// A signal may come at any time: the connection must not be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsettled;

impl Halt {
    pub(super) fn may_write(self) -> bool {
        self == Halt::No
    }

    /// A request to cancel is being sent.
    pub(super) fn ask(&mut self, now: Instant) {
        *self = match *self {
            Halt::No => Halt::Asking(Patience { asked: now, heard: now }),
            Halt::Asked { patience, .. } => Halt::Asking(patience),
            Halt::Asking(_) | Halt::Settling => unreachable!("one is asked for at a time"),
        };
    }

    /// Something has come from the server, on the first connection.
    pub(super) fn heard(&mut self, now: Instant) {
        match self {
            Halt::Asking(patience) | Halt::Asked { patience, .. } => patience.heard = now,
            Halt::No | Halt::Settling => {}
        }
    }

    /// The second connection has come to its end.
    pub(super) fn told(&mut self, told: Told, now: Instant) -> Result<(), Unsettled> {
        *self = match (*self, told) {
            (_, Told::Perhaps) => return Err(Unsettled),
            (Halt::Asking(patience), Told::Yes | Told::No) => {
                Halt::Asked { patience, again_at: now + AGAIN }
            }
            (Halt::Settling, Told::Yes | Told::No) => Halt::No,
            (Halt::No | Halt::Asked { .. }, Told::Yes | Told::No) => {
                unreachable!("there is no second connection")
            }
        };
        Ok(())
    }

    /// The oldest request on the wire was answered to its end.
    pub(super) fn answered(&mut self) {
        *self = match *self {
            // The server sends the signal before it closes the second connection, and a signal that
            // comes while no statement runs is dropped.
            Halt::No | Halt::Asked { .. } => Halt::No,
            Halt::Asking(_) | Halt::Settling => Halt::Settling,
        };
    }

    /// When something has to be done about it.
    pub(super) fn due(self) -> Option<Instant> {
        match self {
            Halt::No | Halt::Settling => None,
            Halt::Asking(patience) => Some(patience.ends()),
            Halt::Asked { patience, again_at } => Some(again_at.min(patience.ends())),
        }
    }

    pub(super) fn is_given_up(self, now: Instant) -> bool {
        match self {
            Halt::No | Halt::Settling => false,
            Halt::Asking(patience) | Halt::Asked { patience, .. } => now >= patience.ends(),
        }
    }

    pub(super) fn is_to_be_asked_again(self, now: Instant) -> bool {
        matches!(self, Halt::Asked { again_at, .. } if now >= again_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_before_both_have_ended() {
        let now = Instant::now();
        let mut halt = Halt::No;
        assert!(halt.may_write() && halt.due().is_none());
        halt.ask(now);
        assert!(!halt.may_write());
        let mut first_told = halt;
        first_told.told(Told::Yes, now).unwrap();
        assert!(!first_told.may_write());
        first_told.answered();
        assert!(first_told.may_write());
        halt.answered();
        assert!(!halt.may_write());
        // Those behind it end, too.
        halt.answered();
        assert!(!halt.may_write());
        halt.told(Told::Yes, now).unwrap();
        assert!(halt.may_write());
    }

    #[test]
    fn it_is_asked_again_and_given_up_in_the_end() {
        let now = Instant::now();
        let mut halt = Halt::No;
        halt.ask(now);
        assert_eq!(halt.due(), Some(now + GRACE));
        halt.told(Told::No, now).unwrap();
        assert_eq!(halt.due(), Some(now + AGAIN));
        assert!(!halt.is_to_be_asked_again(now) && halt.is_to_be_asked_again(now + AGAIN));
        halt.ask(now + AGAIN);
        assert!(!halt.is_given_up(now + AGAIN));
        assert_eq!(halt.due(), Some(now + GRACE));
        assert!(halt.is_given_up(now + GRACE));
    }

    #[test]
    fn rows_that_still_come_give_it_time_but_not_for_ever() {
        let begun = Instant::now();
        let mut halt = Halt::No;
        halt.ask(begun);
        for seconds in 1..60 {
            let now = begun + Duration::from_secs(seconds);
            assert!(!halt.is_given_up(now), "{seconds}");
            halt.heard(now);
        }
        assert!(halt.is_given_up(begun + FLOOD));
    }

    #[test]
    fn a_signal_that_may_still_come_ends_the_connection() {
        let mut halt = Halt::No;
        halt.ask(Instant::now());
        assert_eq!(halt.told(Told::Perhaps, Instant::now()), Err(Unsettled));
        halt.answered();
        assert_eq!(halt.told(Told::Perhaps, Instant::now()), Err(Unsettled));
    }
}
