//! A connection that has ended while somebody still waited: why, and what that leaves open.

use std::io;

use super::fault::Fault;
use super::flight::Flight;
use super::garbage::Garbage;
use super::halt::Unsettled;
use crate::error::{Error, Kind};

/// Why a connection was given up.
#[derive(Debug)]
pub(super) enum Lost {
    /// The server said why.
    Ended(Fault),
    /// The server closed it without a word.
    Closed,
    Broken(io::Error),
    Garbage(Garbage),
    /// The server did not stop a statement when it was asked to.
    Unstoppable,
    /// A signal to stop might still hit the next statement.
    Unsettled,
    /// Its last handle was dropped.
    Dropped,
    /// It has become one for replication.
    Turned,
}

impl From<Garbage> for Lost {
    fn from(garbage: Garbage) -> Lost {
        Lost::Garbage(garbage)
    }
}

impl From<Unsettled> for Lost {
    fn from(_: Unsettled) -> Lost {
        Lost::Unsettled
    }
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Lost {
        Lost::Broken(error)
    }
}

impl Lost {
    /// The error for a request that was written.
    pub(super) fn during(&self, flight: &Flight) -> Error {
        if flight.may_have_effect() {
            return self.error(
                Kind::Lost,
                "while the statement ran: whether it has taken effect is not known, so look before \
                 running it again",
            );
        }
        self.error(Kind::Disconnected, "before the statement was answered; it has changed nothing")
    }

    /// The error for a request that was never written.
    pub(super) fn before(&self) -> Error {
        self.error(Kind::Disconnected, "before the statement was sent")
    }

    /// The error for whoever reads a stream.
    pub(super) fn stream(&self) -> Error {
        self.error(Kind::Disconnected, "in the middle of the stream")
    }

    fn error(&self, kind: Kind, when: &str) -> Error {
        let error =
            Error::new(kind, format!("the connection to PostgreSQL ended {when} ({})", self.why()));
        match self {
            Lost::Ended(fault) => match fault.error(None).code() {
                Some(code) => error.with_code(code),
                None => error,
            },
            _ => error,
        }
    }

    fn why(&self) -> String {
        match self {
            Lost::Ended(fault) => fault.words(),
            Lost::Closed => "the server closed it without saying why".to_owned(),
            Lost::Broken(error) => error.to_string(),
            Lost::Garbage(garbage) => garbage.to_string(),
            Lost::Unstoppable => {
                "the statement was to be stopped, and the server did not do so in time".to_owned()
            }
            Lost::Unsettled => {
                "it is not known whether the server will stop a statement".to_owned()
            }
            Lost::Dropped => "its last handle was dropped".to_owned(),
            Lost::Turned => "it was turned into one for replication".to_owned(),
        }
    }
}
