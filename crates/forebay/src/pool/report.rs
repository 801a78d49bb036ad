//! What the pool says: errors with what to do about them, and the warning about a connection
//! held for too long.

use std::fmt;

use crate::error::{Error, Kind};
use crate::stats::Holder;

use super::connect::HolderLabel;
use super::options::Options;
use super::shelf::{Counts, Held};

/// A statement in an error or a log line is cut after this many characters.
const STATEMENT_CHARS_MAX: usize = 200;

pub(super) fn exhausted(options: &Options, counts: Counts, longest: Option<&Held>) -> Error {
    let Options { name, max_size, max_overflow, acquire_timeout, .. } = options;
    let max = options.max();
    let Counts { in_use, opening, waiting, .. } = counts;
    let mut text = format!(
        "no connection of the {name} pool became free within {acquire_timeout:?}: \
         {in_use} of {max} in use, {opening} being opened, {waiting} waiting"
    );
    if let Some(held) = longest {
        text += &format!("; held longest, for {:.1?}, by {}", held.time, Who(&held.holder));
    }
    text += &format!(
        ". Raise max_size ({max_size}) or max_overflow ({max_overflow}) if the load is real; \
         else find the holder that does not give its connection back, or the call that asks \
         the pool for another connection while its own task holds one, as a query on the \
         database inside of a transaction does: make it on the transaction instead"
    );
    Error::new(Kind::PoolExhausted, text)
}

pub(super) fn opening_timed_out(options: &Options) -> Error {
    let Options { name, acquire_timeout, .. } = options;
    Error::new(
        Kind::Open,
        format!(
            "opening a connection for the {name} pool took longer than its acquire_timeout \
             ({acquire_timeout:?}); see whether the database can be reached and answers"
        ),
    )
}

pub(super) fn closed(options: &Options) -> Error {
    Error::new(Kind::Closed, format!("the {} pool is closed", options.name))
}

pub(super) fn no_runtime(options: &Options) -> Error {
    Error::usage(format!(
        "the {} pool must be made inside of a tokio runtime, which runs its background tasks",
        options.name
    ))
}

/// Said once for each connection that is held for longer than `held_warning`.
pub(super) fn warn_held(options: &Options, held: &Held) {
    tracing::warn!(
        pool = options.name,
        held_ms = u64::try_from(held.time.as_millis()).unwrap_or(u64::MAX),
        caller = %held.holder.caller,
        statement = held.holder.statement.as_deref().map(cut),
        "a connection of the {} pool has been held for {:.1?} by {}",
        options.name,
        held.time,
        Who(&held.holder),
    );
}

/// Said once for each row of failures to open connections ahead of need.
pub(super) fn warn_spare(options: &Options, error: &Error) {
    tracing::warn!(
        pool = options.name,
        %error,
        "the {} pool cannot open the connections it keeps idle; it goes on trying",
        options.name,
    );
}

/// The holder as the public statistics name it.
pub(super) fn holder(held: &Held) -> Holder {
    Holder {
        held: held.time,
        caller: held.holder.caller.to_string(),
        statement: held.holder.statement.as_deref().map(str::to_owned),
    }
}

/// A holder in one line.
struct Who<'a>(&'a HolderLabel);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.statement {
            Some(statement) => write!(f, "{} ({})", self.0.caller, cut(statement)),
            None => write!(f, "{}", self.0.caller),
        }
    }
}

fn cut(statement: &str) -> &str {
    match statement.char_indices().nth(STATEMENT_CHARS_MAX) {
        Some((end, _)) => &statement[..end],
        None => statement,
    }
}
