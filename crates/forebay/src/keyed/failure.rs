//! The errors of loads, with texts that say what to do.

use std::error::Error as StdError;
use std::time::Duration;

use crate::error::{Error, Kind};

/// What a load may fail with.
pub(crate) type Cause = Box<dyn StdError + Send + Sync>;

/// A load has failed. An error of this crate stays what it is.
pub(crate) fn failed(cause: impl Into<Cause>) -> Error {
    match cause.into().downcast::<Error>() {
        Ok(error) => *error,
        Err(cause) => {
            let text = "loading what was to be kept in the cache failed: see the source of this \
                        error";
            Error::new(Kind::Load, text).with_cause(cause)
        }
    }
}

pub(crate) fn panicked() -> Error {
    Error::new(Kind::Load, "the load of a cache panicked: see what its panic has printed")
}

pub(crate) fn overdue(limit: Duration) -> Error {
    let text = format!(
        "the load of a cache took longer than {limit:?}: make it faster, or raise load_timeout"
    );
    Error::new(Kind::Timeout, text)
}

pub(crate) fn shut_down() -> Error {
    Error::new(Kind::Closed, "the runtime was shut down while a load of a cache ran in it")
}

/// What `get_or_load_many` was given does not fit.
pub(crate) fn unasked() -> Error {
    Error::usage("a load gave a value for a key that it was not asked for")
}
