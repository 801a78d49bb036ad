//! What the engine does so that the cache can be trusted: switches, audits, and the judgement of
//! what is worth keeping, with the hooks that the way of a read calls.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::audit::Audit;
use super::call::Call;
use super::database::Engine;
use super::difference::Differences;
use super::entry::Entry;
use super::switch::{Glance, Switches};
use super::template::Template;
use crate::backend::Answer;
use crate::cache::Shape;
use crate::invalidate::Author;
use crate::mode::CacheMode;
use crate::watch::{Cost, Drops, Pair, Record, Switch};

/// One hit in so many is timed, a power of two.
const TIMED_HITS: u64 = 128;

/// One read past the cache in so many counts for the mean, a power of two.
const TIMED_READS: u32 = 16;

/// One kept miss in so many is timed.
const TIMED_FILLS: u64 = 16;

/// Everything about trust that can be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrustSettings {
    pub(crate) mode: CacheMode,
    /// One hit in so many is audited; 0 for none.
    pub(crate) audit_one_in: u32,
    /// Differences show parameters.
    pub(crate) audit_parameters: bool,
    /// Statements that do not pay are not kept.
    pub(crate) worth_it: bool,
}

/// The state of trust.
pub(super) struct Trust {
    pub(super) switches: Switches,
    pub(super) audit: Audit,
    pub(super) drops: Drops,
    pub(super) differences: Differences,
    pub(super) judges_worth: bool,
}

/// Measures what keeping an answer adds to a read: the time while it runs.
pub(super) struct Keeping(Option<Stopwatch>);

struct Stopwatch {
    since: Instant,
    spent: Duration,
}

impl Trust {
    pub(super) fn new(settings: TrustSettings) -> Trust {
        Trust {
            switches: Switches::new(settings.mode),
            audit: Audit::new(settings.audit_one_in),
            drops: Drops::default(),
            differences: Differences::new(settings.audit_parameters),
            judges_worth: settings.worth_it,
        }
    }
}

impl Engine {
    /// Whether anything may be served from the cache.
    #[inline]
    pub(super) fn is_serving(&self) -> bool {
        self.trust.switches.glance() != Glance::Nothing
    }

    /// Whether answers are kept, to be served or compared.
    pub(super) fn is_keeping(&self) -> bool {
        self.is_serving() || self.cache_mode() == CacheMode::Shadow
    }

    /// Counts a hit and now and then looks after it. False: it is not to be served.
    #[inline]
    pub(super) fn admit_hit(&self, call: &Call<'_>, shape: Shape, entry: &Arc<Entry>) -> bool {
        if self.trust.switches.glance() != Glance::Everything && entry.record.switch() != Switch::On
        {
            return false;
        }
        let hits = entry.record.hit();
        let is_timed = hits % TIMED_HITS == TIMED_HITS / 2;
        if is_timed || self.trust.audit.picks(hits) {
            self.look_after(call, shape, entry, hits);
        }
        true
    }

    #[cold]
    #[inline(never)]
    fn look_after(&self, call: &Call<'_>, shape: Shape, entry: &Arc<Entry>, hits: u64) {
        if hits % TIMED_HITS == TIMED_HITS / 2 {
            // The same once more: the way of a hit itself is spared two looks at the clock.
            let began = Instant::now();
            std::hint::black_box(self.peek(call, shape));
            let spent = began.elapsed();
            entry.record.worth.note(Cost::Hit, spent);
            entry.record.hit_took(spent);
        }
        if self.trust.audit.picks(hits) {
            self.audit(call, entry);
        }
    }

    /// An entry that is true now, without counting it.
    pub(super) fn peek(&self, call: &Call<'_>, shape: Shape) -> Option<Arc<Entry>> {
        if !self.origin.is_current() {
            return None;
        }
        self.store.get(&call.key(shape)).filter(|entry| self.origin.is_valid(&entry.ticket))
    }

    /// The record of a text that reads these tables, with the switch that is in force for it.
    pub(super) fn record_of(&self, sql: &str, tables: &[Box<str>]) -> Arc<Record> {
        let record = self.fingerprints.of(sql);
        record.set_tables(tables);
        self.trust.switches.settle(&record);
        record
    }

    /// Gives a fingerprint its name, for which there may be a switch.
    pub(super) fn set_name(&self, record: &Record, name: &str) {
        if record.set_name(name) {
            self.trust.switches.settle(record);
        }
    }

    /// Counts an entry that was dropped because what it rests on has changed.
    pub(super) fn count_dropped(&self, entry: &Entry) {
        entry.record.invalidated();
        let culprit = self.origin.culprit(&entry.ticket);
        let write = culprit.filter(|author| *author != Author::UNKNOWN).map(Author::number);
        self.trust.drops.count(Pair { read: entry.record.id(), write });
    }

    /// Whether answers of this fingerprint are worth keeping.
    pub(super) fn is_worth(&self, record: &Record) -> bool {
        !self.trust.judges_worth || record.worth.admits(|| record.hits(), record.misses())
    }

    /// Counts a miss whose answer is to be kept, and judges anew when it is time to.
    pub(super) fn count_miss(&self, record: &Record) {
        let misses = record.miss();
        if !self.trust.judges_worth {
            return;
        }
        if let Some(findings) = record.worth.missed(|| record.hits(), misses) {
            tracing::debug!(statement = %record.text(), ?findings, "whether to keep its answers");
        }
    }

    /// Notes how long a read took at the database, for the judgement of its worth.
    pub(super) fn note_cost(&self, template: &Template, answer: &Answer, spent: Duration) {
        let record = &template.record;
        match answer.ticket_time {
            // Nothing was to be kept. The last bits of a time pick as well as chance does.
            None if !answer.is_fill && (spent.subsec_nanos() >> 3).is_multiple_of(TIMED_READS) => {
                record.worth.note(Cost::Origin, spent);
            }
            None => {}
            Some(ticket) => {
                record.worth.note(Cost::Ticket, ticket);
                record.worth.note(Cost::Origin, spent.saturating_sub(ticket));
            }
        }
    }
}

impl Keeping {
    /// Begins to measure, if it is this miss's turn.
    pub(super) fn begin(record: &Record) -> Keeping {
        let is_timed = record.misses().is_multiple_of(TIMED_FILLS);
        let begin = || Stopwatch { since: Instant::now(), spent: Duration::ZERO };
        Keeping(is_timed.then(begin))
    }

    /// Measures nothing.
    pub(super) fn untimed() -> Keeping {
        Keeping(None)
    }

    pub(super) fn pause(&mut self) {
        if let Some(watch) = &mut self.0 {
            watch.spent += watch.since.elapsed();
        }
    }

    pub(super) fn resume(&mut self) {
        if let Some(watch) = &mut self.0 {
            watch.since = Instant::now();
        }
    }

    pub(super) fn end(mut self, record: &Record) {
        self.pause();
        if let Some(watch) = self.0 {
            record.worth.note(Cost::Keep, watch.spent);
        }
    }
}
