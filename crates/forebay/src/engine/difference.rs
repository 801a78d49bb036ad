//! The last answers in the cache that were found to differ from the database's. They hold no
//! values of the answers, and no parameters unless that was asked for.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::params::Params;
use crate::row::Rows;
use crate::stats::Difference;
use crate::watch::Record;

/// Differences remembered.
const DIFFERENCES_MAX: usize = 16;

/// Bytes of parameters remembered with each.
const PARAMS_BYTES_MAX: usize = 1_024;

pub(super) struct Differences {
    shows_params: bool,
    last: Mutex<VecDeque<Difference>>,
}

/// Who found a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoundBy {
    Audit,
    Shadow,
}

impl Differences {
    pub(super) fn new(shows_params: bool) -> Differences {
        Differences { shows_params, last: Mutex::default() }
    }

    /// Remembers one and tells the log.
    pub(super) fn report(
        &self,
        found_by: FoundBy,
        record: &Record,
        params: &Params,
        kept: &Rows,
        read: &Rows,
    ) {
        let found_by = match found_by {
            FoundBy::Audit => "audit",
            FoundBy::Shadow => "shadow",
        };
        tracing::error!(
            fingerprint = %format_args!("{:016x}", record.id()),
            statement = %record.text(),
            found_by,
            rows_kept = kept.len(),
            rows_read = read.len(),
            "an answer in the cache differs from the database's; please report this"
        );
        let difference = Difference {
            fingerprint: record.id(),
            statement: record.text().to_string(),
            params: self.shows_params.then(|| shown(params)),
            found_by,
            at: SystemTime::now(),
            rows_kept: kept.len(),
            rows_read: read.len(),
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= DIFFERENCES_MAX {
            last.pop_front();
        }
        last.push_back(difference);
    }

    pub(super) fn all(&self) -> Vec<Difference> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().cloned().collect()
    }
}

pub(super) fn shown(params: &Params) -> String {
    let named = params.named().map(|(name, value)| format!("{name} = {value:?}"));
    let all: Vec<String> =
        params.positional().map(|value| format!("{value:?}")).chain(named).collect();
    let mut text = all.join(", ");
    if text.len() > PARAMS_BYTES_MAX {
        let end = (0..=PARAMS_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}
