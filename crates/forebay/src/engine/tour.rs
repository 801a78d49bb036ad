//! The trip of a stream, which goes on after its caller has got the first rows. The time in which
//! the database waited for the reader is not the database's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::call::Call;
use super::database::Engine;
use super::stream::Message;
use super::trip::{Brought, Errand, Trip};
use crate::error::Result;
use crate::params::Params;
use crate::row::Rows;
use crate::watch::Record;

/// A trip with all that is needed to note it later.
pub(super) struct Tour {
    engine: Weak<Engine>,
    record: Arc<Record>,
    whole: Box<str>,
    /// Where the statement is in the whole.
    sql: std::ops::Range<usize>,
    params: Params,
    trip: Trip,
}

/// What a stream has brought so far.
#[derive(Default)]
pub(super) struct Tally {
    rows: AtomicU64,
    bytes: AtomicU64,
    steps: AtomicU64,
    idle_nanos: AtomicU64,
}

impl Engine {
    pub(super) fn tour(&self, call: &Call<'_>, record: &Arc<Record>, trip: Trip) -> Tour {
        let (sql, whole) = (call.text.sql, call.text.whole);
        let start = whole.find(sql).unwrap_or(0);
        Tour {
            engine: self.this.clone(),
            record: record.clone(),
            whole: whole.into(),
            sql: start..start + sql.len(),
            params: call.params.clone(),
            trip,
        }
    }
}

impl Tour {
    /// It has a connection now.
    pub(super) fn arrive(&mut self) {
        self.trip.arrive(Instant::now());
    }

    pub(super) fn end(self, tally: &Tally, failed: bool) {
        let Some(engine) = self.engine.upgrade() else { return };
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let brought = Brought {
            rows: read(&tally.rows),
            bytes: read(&tally.bytes),
            steps: read(&tally.steps),
            failed,
        };
        let sql = self.whole.get(self.sql).unwrap_or(&self.whole);
        let (record, whole) = (&self.record, &*self.whole);
        let errand = Errand { record, sql, whole, params: Some(&self.params) };
        let idle = Duration::from_nanos(read(&tally.idle_nanos));
        engine.note_trip_but(idle, &self.trip, &errand, &brought);
    }
}

impl Tally {
    pub(super) fn add(&self, rows: &Rows, steps: u64) {
        self.rows.fetch_add(rows.len() as u64, Ordering::Relaxed);
        self.bytes.fetch_add(rows.size() as u64, Ordering::Relaxed);
        self.steps.fetch_add(steps, Ordering::Relaxed);
    }

    /// The reader was waited for since `began`.
    pub(super) fn idle(&self, began: Instant) {
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.idle_nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

/// Whether a stream has failed, by what it leaves to be sent.
pub(super) fn has_failed(last: &Result<Vec<Message>>) -> bool {
    match last {
        Ok(last) => last.iter().any(|message| matches!(message, Message::Chunk(Err(_)))),
        Err(_) => true,
    }
}
