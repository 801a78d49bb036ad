//! What the watch is told: every statement of a scope that has succeeded, with digests of its
//! parameters and rows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::nearby::Nearby;
use super::schema::Tables;
use crate::cache::Shape;
use crate::engine::call::Call;
use crate::engine::course;
use crate::engine::database::Engine;
use crate::engine::entry::{Entry, Payload};
use crate::engine::pinned::Pinned;
use crate::engine::read::Read;
use crate::error::Result;
use crate::row::Rows;
use crate::sql::{Comment, Dialect, operands};
use crate::trace::TraceParent;
use crate::watch::{
    Digest, Record, RepeatFinding, RepeatLedger, RepeatSettings, RepeatWatch, Sample, Scope, Told,
};

/// Operands of which digests are made.
const OPERANDS_MAX: usize = 16;

/// The state of the watch.
pub(in crate::engine) struct Repeats {
    watch: RepeatWatch,
    pub(super) ledger: Arc<RepeatLedger>,
    nearby: Nearby,
    /// The schema as it was read last. Whoever judges has it, so that it is read once.
    pub(super) tables: tokio::sync::Mutex<Option<Arc<Tables>>>,
}

/// A scope that goes on being told of a statement, whose rows come one after another.
pub(crate) struct Telling {
    scope: Scope,
    ledger: Arc<RepeatLedger>,
    record: Arc<Record>,
}

impl Repeats {
    pub(in crate::engine) fn new(settings: RepeatSettings, dialect: Dialect) -> Repeats {
        Repeats {
            watch: settings.watch,
            ledger: Arc::new(RepeatLedger::new(settings, dialect)),
            nearby: Nearby::default(),
            tables: tokio::sync::Mutex::default(),
        }
    }
}

impl Engine {
    /// The scope that a statement belongs to: that of the task, of the trace in its comment or of
    /// the task, of its transaction, or of what else the task runs lately. A few nanoseconds if to
    /// none.
    #[inline]
    pub(crate) fn scope_of(&self, call: &Call<'_>, pinned: Option<&Pinned>) -> Option<Scope> {
        if Scope::is_open() {
            return Scope::current();
        }
        match self.repeats.watch {
            RepeatWatch::Off => None,
            RepeatWatch::Scopes
                if call.around.is_empty() && pinned.is_none() && !TraceParent::is_open() =>
            {
                None
            }
            _ => self.other_scope(call, pinned),
        }
    }

    #[cold]
    fn other_scope(&self, call: &Call<'_>, pinned: Option<&Pinned>) -> Option<Scope> {
        let nearby = &self.repeats.nearby;
        let comment = Comment::of(call.around, self.dialect());
        if let Some(trace) = comment.trace.or_else(TraceParent::current) {
            return Some(nearby.of_trace(trace.trace_id(), &comment, Instant::now()));
        }
        if let Some(pinned) = pinned {
            return Some(pinned.scope().clone());
        }
        let is_all = self.repeats.watch == RepeatWatch::All;
        is_all.then(|| nearby.of_task(Instant::now()))
    }

    /// Waits for a statement, and tells its scope of it.
    pub(crate) async fn noted(
        &self,
        scope: Scope,
        call: &Call<'_>,
        run: impl Future<Output = Result<Read>>,
    ) -> Result<Read> {
        let began = Instant::now();
        let done = run.await;
        // An answer from memory has been told of where it was found.
        if let Ok(read) = &done
            && !read.outcome.cached
        {
            let (rows, affected) = (&read.outcome.rows, read.outcome.rows_affected);
            self.tell(
                &scope,
                call,
                &self.record_for(call),
                Some(rows),
                affected,
                Some(began.elapsed()),
            );
        }
        done
    }

    /// Tells of an answer from memory, if somebody wants to know.
    #[inline]
    pub(in crate::engine) fn note_hit(&self, call: &Call<'_>, entry: &Entry) {
        course::tell_hit(&entry.record, self.dialect());
        if let Some(scope) = self.scope_of(call, None) {
            self.tell_of_hit(&scope, call, entry);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_of_hit(&self, scope: &Scope, call: &Call<'_>, entry: &Entry) {
        let rows = match &entry.payload {
            Payload::Rows(rows) => Some(rows.clone()),
            // The same answer lies beside it as rows, as a rule.
            Payload::Typed(..) => {
                let beside = self.peek(call, Shape::rows());
                beside.and_then(|entry| match &entry.payload {
                    Payload::Rows(rows) => Some(rows.clone()),
                    Payload::Typed(..) => None,
                })
            }
        };
        self.tell(scope, call, &entry.record, rows.as_ref(), 0, None);
    }

    /// Tells of a statement whose rows will come one after another.
    pub(crate) fn tell_of_stream(&self, scope: Scope, call: &Call<'_>, began: Instant) -> Telling {
        let record = self.record_for(call);
        self.tell(&scope, call, &record, None, 0, Some(began.elapsed()));
        Telling { scope, ledger: self.repeats.ledger.clone(), record }
    }

    fn tell(
        &self,
        scope: &Scope,
        call: &Call<'_>,
        record: &Arc<Record>,
        rows: Option<&Rows>,
        affected: u64,
        spent: Option<Duration>,
    ) {
        let ledger = &self.repeats.ledger;
        let is_watched = self.repeats.watch != RepeatWatch::Off;
        let told = Told {
            record,
            operands: &if is_watched { digests(ledger, call) } else { SmallVec::new() },
            rows: rows.map_or(0, |rows| rows.len() as u64),
            affected,
            spent,
            caller: call.caller,
        };
        scope.note(ledger, &told, rows, &|| sample(call, ledger.dialect()));
        if ledger.takes_news() {
            self.judge_behind();
        }
    }

    fn record_for(&self, call: &Call<'_>) -> Arc<Record> {
        match self.templates.get(&call.text) {
            Some(template) => template.record.clone(),
            None => self.fingerprints.of(call.text.sql),
        }
    }

    /// What was found about repeated statements, with what is known of the schema by now.
    pub(crate) fn repeats_known(&self) -> Vec<RepeatFinding> {
        self.repeats.ledger.findings()
    }

    /// Scopes that have begun, and repeated statements of which too many are known already.
    pub(crate) fn repeat_counts(&self) -> (u64, u64) {
        self.repeats.ledger.counts()
    }
}

impl Telling {
    /// More rows have come.
    pub(crate) fn rows(&self, rows: &Rows) {
        self.scope.answered(&self.ledger, &self.record, rows);
    }
}

/// The digests of the parameters; of a text that has none, those of its literals.
fn digests(ledger: &RepeatLedger, call: &Call<'_>) -> SmallVec<[Digest; 4]> {
    let digester = &ledger.digester;
    let values = call.params.values().take(OPERANDS_MAX);
    let digests: SmallVec<[Digest; 4]> = values.map(|value| digester.of(value)).collect();
    if !digests.is_empty() {
        return digests;
    }
    let sql = call.text.sql;
    let literals = operands(sql, ledger.dialect()).into_iter().take(OPERANDS_MAX);
    literals.map(|it| digester.of_literal(&sql[it.start..it.end])).collect()
}

fn sample(call: &Call<'_>, dialect: Dialect) -> Sample {
    let names = call.params.names().map(|name| name.trim_start_matches([':', '@', '$']).into());
    Sample {
        text: call.text.to_text().sql,
        names: names.collect(),
        is_literal: call.params.values().next().is_none(),
        comment: Comment::of(call.around, dialect).caller.map(Into::into),
    }
}
