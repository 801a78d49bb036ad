//! What a statement does, from what the authorizer reported and from its program: the effect,
//! the tables it reads and writes, and every rule that keeps its answers out of the cache.

use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rusqlite::Connection;

use super::capture::Means;
use super::catalogue::{Catalogue, Snapshot};
use super::consequence::drops;
use super::control::Control;
use super::footprint::Footprint;
use super::hooks::{Hooked, Watch};
use super::module;
use super::observe::Observed;
use super::relations::Relations;
use super::reliance::Reliance;
use super::straight::{Instruction, Straightness};
use crate::backend::{Effect, Known, Pace};
use crate::invalidate::{Author, WriteSet};
use crate::row::{Column, ColumnKind};
use crate::sql::{
    Bypass, Dialect, Fingerprint, begins_with_rows, has_word, is_immutable, skip_blank,
};

/// Everything known about one prepared statement. It holds as long as SQLite does not prepare
/// the statement again.
#[derive(Debug)]
pub(crate) struct Analysis {
    known: Known,
    pub(super) writes: WriteSet,
    /// Who is said to have made its changes.
    pub(super) author: Author,
    /// What it does to each table it writes, for the rows it changes to be captured.
    pub(super) footprint: Arc<Footprint>,
    /// It begins, keeps or undoes a savepoint.
    pub(super) is_savepoint: bool,
    /// Its program has no loop over the rows of a table.
    pub(super) is_straight: bool,
    /// How it goes on this connection within transactions.
    pub(super) pace: Pace,
    /// The schema cookie under which a statement on rows was analysed.
    pub(super) schema: i64,
}

impl Deref for Analysis {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.known
    }
}

impl DerefMut for Analysis {
    fn deref_mut(&mut self) -> &mut Known {
        &mut self.known
    }
}

/// What the program of a statement opens, as EXPLAIN lists it.
#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    pub(super) virtual_table: bool,
    /// What virtual tables write is captured.
    is_seen: bool,
    /// A table of another database than main is opened.
    elsewhere: bool,
    /// Root pages in the main database that are opened, for reading or writing.
    roots: Vec<i64>,
    /// Of these, the ones that are opened for writing, and those that are cleared.
    written: Vec<i64>,
    cleared: Vec<i64>,
    /// One of the former is in no catalogue.
    writes_unknown: bool,
    /// Cursors that write, and those through which rows are deleted without being counted.
    writing: Vec<i64>,
    dropping: Vec<i64>,
    /// Cursors that read tables, and those of which rows are taken as they lie.
    reading: Vec<i64>,
    copied: Vec<i64>,
    /// Functions that are called and not known to be immutable.
    functions: Vec<Box<str>>,
    straightness: Straightness,
}

impl Analysis {
    /// Judges a statement that was just prepared on `connection`.
    pub(super) fn of(
        connection: &Connection,
        control: &Control,
        sql: &str,
        statement: &rusqlite::Statement<'_>,
        observed: Observed,
    ) -> Result<Analysis, rusqlite::Error> {
        let is_explain = statement.is_explain() != 0;
        let is_readonly = statement.readonly();
        let effect = effect(&observed, is_readonly, is_explain);
        let mut known = Known::of(effect, columns(statement)?);
        (known.is_explain, known.is_readonly) = (is_explain, is_readonly);
        let mut analysis = Analysis {
            known,
            writes: WriteSet::none(),
            author: Author::UNKNOWN,
            footprint: Arc::default(),
            is_savepoint: observed.savepoint,
            is_straight: false,
            pace: Pace::default(),
            schema: 0,
        };
        let judged = match effect {
            Effect::Read | Effect::Write
                if !is_explain && (!observed.pragma || begins_with_rows(sql)) =>
            {
                analysis.judge_program(connection, control, sql)
            }
            _ => {
                analysis.fill_in(observed, &Program::default(), control.capture().means());
                Ok(())
            }
        };
        if effect == Effect::Write {
            let fingerprint = Fingerprint::new(sql, Dialect::Sqlite);
            analysis.author = Author::statement(Fingerprint::number(fingerprint.id()));
        }
        analysis.asks = asks(sql, &analysis);
        // What was prepared for the analysis has reported too; those reports are not the caller's.
        control.take_observed();
        judged.map(|()| analysis)
    }

    /// Judges a statement on rows within one snapshot, so that the schema under which it is
    /// prepared, the one under which its program is listed, and the catalogue are the same.
    fn judge_program(
        &mut self,
        connection: &Connection,
        control: &Control,
        sql: &str,
    ) -> Result<(), rusqlite::Error> {
        let _snapshot = Snapshot::open(connection, control.is_nested())?;
        let catalogue = Catalogue::read(connection)?;
        control.take_observed();
        let fresh = connection.prepare(sql)?;
        let mut observed = control.take_observed();
        self.columns = columns(&fresh)?;
        let mut program = Program::of(connection, sql)?;
        for root in &program.roots {
            match catalogue.table(*root) {
                Some(table) => observed.note_read(table),
                None => self.bypasses.push(Bypass::Unknown),
            }
        }
        for root in &program.written {
            match catalogue.table(*root) {
                Some(table) => observed.note_write(table),
                None => program.writes_unknown = true,
            }
        }
        for function in &program.functions {
            observed.note_function(function);
        }
        self.schema = catalogue.cookie;
        self.is_straight = program.straightness.is_straight();
        if self.effect == Effect::Read {
            // A schema that cannot be read here costs precision, not the statement.
            let relations = Relations::read(connection, sql).unwrap_or_default();
            let reliance = Reliance::of(sql, &observed, &relations);
            (self.basis, self.rests_on) = (reliance.basis, reliance.lines);
            self.determined = reliance.determined;
        }
        if self.effect == Effect::Write {
            let touched = observed.reads.iter().chain(&observed.writes).map(|table| &**table);
            program.is_seen = program.virtual_table
                && control.capture().means() == Means::Hook
                && module::is_seen(connection, touched)?;
            let cleared: Vec<_> =
                program.cleared.iter().filter_map(|root| catalogue.table(*root)).collect();
            let capture = control.capture();
            self.footprint =
                capture.footprint(connection, &catalogue, sql, &observed, &program, &cleared)?;
        }
        self.fill_in(observed, &program, control.capture().means());
        Ok(())
    }

    fn fill_in(&mut self, observed: Observed, program: &Program, means: Means) {
        self.writes = writes(self.effect, &observed, program);
        self.drops = drops(self.effect, &self.writes, &observed, &self.footprint, means);
        let stopped = bypasses(self.effect, self.is_explain, &observed, program);
        self.bypasses.extend(stopped);
        self.read_tables = observed.reads;
        self.write_tables = observed.writes;
        self.functions = observed.functions;
    }

    /// Captures the rows that it changes, while it runs.
    pub(super) fn watch<'c>(&self, hooked: &'c Hooked) -> Option<Watch<'c>> {
        match self.effect {
            Effect::Write => Some(hooked.watch(Some(&self.footprint))),
            Effect::Transaction => Some(hooked.watch(None)),
            // They change everything, or no row.
            Effect::Read | Effect::Schema | Effect::Maintain | Effect::Session => None,
        }
    }

    /// Whether it calls a function, a trigger of it included.
    fn calls(&self, name: &str) -> bool {
        self.functions.iter().any(|function| function.eq_ignore_ascii_case(name))
    }

    /// Bytes that it takes, about: what grows with the schema and the text is counted.
    pub(crate) fn size(&self) -> usize {
        size_of::<Analysis>() + self.known.heap_size() + self.footprint.size()
    }
}

/// The columns of a statement's answer; an error if one has a name that is not UTF-8, at which the
/// driver panics.
pub(super) fn columns(statement: &rusqlite::Statement<'_>) -> rusqlite::Result<Arc<[Column]>> {
    let named = catch_unwind(AssertUnwindSafe(|| {
        // A loop, because the driver answers a vector or an iterator, depending on its version.
        let mut columns = Vec::with_capacity(statement.column_count());
        for column in statement.columns() {
            let declared = column.decl_type().map(Into::into);
            columns.push(Column { name: column.name().into(), declared, kind: ColumnKind::Plain });
        }
        columns.into()
    }));
    named.map_err(|_| {
        let what = "it is not valid UTF-8; name the columns, and this one anew with AS";
        rusqlite::Error::InvalidColumnName(what.to_owned())
    })
}

/// See [`Analysis::asks`]. In a trigger they speak of the statement that has fired it, so of a
/// write only the text counts.
fn asks(sql: &str, analysis: &Analysis) -> Vec<&'static str> {
    let is_asked = |name: &&str| match analysis.effect {
        Effect::Read => analysis.calls(name),
        Effect::Write => analysis.calls(name) && has_word(sql, name),
        _ => false,
    };
    ["changes", "last_insert_rowid", "total_changes"].into_iter().filter(is_asked).collect()
}

fn effect(observed: &Observed, is_readonly: bool, is_explain: bool) -> Effect {
    if is_explain {
        Effect::Read
    } else if observed.session {
        Effect::Session
    } else if observed.transaction {
        Effect::Transaction
    } else if observed.schema {
        Effect::Schema
    } else if observed.maintain {
        Effect::Maintain
    } else if is_readonly && observed.any {
        Effect::Read
    } else if !observed.writes.is_empty() || observed.writes_attached || observed.writes_temp {
        Effect::Write
    } else {
        // VACUUM reports nothing while it is prepared.
        Effect::Maintain
    }
}

fn writes(effect: Effect, observed: &Observed, program: &Program) -> WriteSet {
    // Virtual tables write their shadow tables behind the authorizer's back, though perhaps not
    // behind that of the preupdate hook.
    let is_known = !program.virtual_table || program.is_seen;
    match effect {
        Effect::Read | Effect::Transaction => WriteSet::none(),
        Effect::Write if is_known && !observed.writes_attached && !program.writes_unknown => {
            WriteSet::tables(observed.writes.iter().map(|table| &**table))
        }
        _ => WriteSet::Everything,
    }
}

fn bypasses(
    effect: Effect,
    is_explain: bool,
    observed: &Observed,
    program: &Program,
) -> Vec<Bypass> {
    let system =
        |table: &str| table.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case("sqlite_"));
    let rules = [
        (Bypass::Write, effect != Effect::Read),
        (Bypass::Pragma, is_explain || observed.pragma),
        (Bypass::Function, !observed.functions.is_empty()),
        (Bypass::VirtualTable, program.virtual_table),
        (Bypass::SystemTable, observed.reads.iter().any(|table| system(table))),
        (Bypass::OtherDatabase, observed.reads_elsewhere || program.elsewhere),
    ];
    rules.into_iter().filter(|(_, holds)| *holds).map(|(rule, _)| rule).collect()
}

impl Program {
    /// Whether rows are deleted that neither the update hook nor the count of changed rows shows.
    /// Cursors are numbered anew in each trigger, so that this may see too much.
    pub(super) fn drops_silently(&self) -> bool {
        self.dropping.iter().any(|cursor| self.writing.contains(cursor))
    }

    /// Whether rows of a table may be copied into another one as they lie: what the preupdate hook
    /// shows of them lacks the defaults of columns that were added to the table later.
    pub(super) fn copies_rows(&self) -> bool {
        self.copied.iter().any(|cursor| self.reading.contains(cursor))
    }

    /// Lists the program of `sql`, triggers included. It is compiled, not run.
    ///
    /// Opcodes and operands: `OpenRead`, `OpenWrite` and `ReopenIdx` open the b-tree at root page
    /// P2 of database P3 (0 is main); `Clear` empties the b-tree at root page P1 of database P2;
    /// every opcode on virtual tables begins with `V`, but for `Variable` and `Vacuum`; opcodes
    /// that call a function have `name(arguments)` in P4. `Delete` has flags in P2: 0x01 says that
    /// the row is counted and told by the update hook, 0x40 that nothing is deleted. One without
    /// either belongs to REPLACE, to an UPDATE of a key, or to a table in passing. `RowData` takes
    /// a row of cursor P1 as it lies, `RowCell` one of cursor P2.
    fn of(connection: &Connection, sql: &str) -> Result<Program, rusqlite::Error> {
        let mut program = Program::default();
        let mut listing = connection.prepare(&format!("EXPLAIN {}", skip_blank(sql)))?;
        let mut rows = listing.raw_query();
        while let Some(row) = rows.next()? {
            let opcode = row.get_ref(1)?.as_str().unwrap_or_default();
            let (address, p1, p2) = (row.get(0)?, row.get(2)?, row.get(3)?);
            program.straightness.note(Instruction { address, opcode, p1, p2 });
            let (root, database): (i64, i64) = match opcode {
                "OpenRead" | "OpenWrite" | "ReopenIdx" => (row.get(3)?, row.get(4)?),
                "Clear" => (row.get(2)?, row.get(3)?),
                "Delete" => {
                    if row.get::<_, i64>(3)? & 0x41 == 0 {
                        program.dropping.push(row.get(2)?);
                    }
                    continue;
                }
                "RowData" | "RowCell" => {
                    program.copied.push(row.get(if opcode == "RowData" { 2 } else { 3 })?);
                    continue;
                }
                "Function" | "PureFunc" | "AggStep" => {
                    let called = row.get_ref(5)?.as_str().unwrap_or_default();
                    let name = called.split_once('(').map_or(called, |(name, _)| name);
                    if !is_immutable(name) && !program.functions.iter().any(|f| **f == *name) {
                        program.functions.push(name.into());
                    }
                    continue;
                }
                "Variable" | "Vacuum" => continue,
                _ => {
                    program.virtual_table |= opcode.starts_with('V');
                    continue;
                }
            };
            if database != 0 {
                program.elsewhere = true;
                continue;
            }
            program.roots.push(root);
            if matches!(opcode, "OpenWrite" | "Clear") {
                program.written.push(root);
            }
            match opcode {
                "OpenRead" => program.reading.push(row.get(2)?),
                "OpenWrite" => program.writing.push(row.get(2)?),
                "Clear" => program.cleared.push(root),
                _ => {}
            }
        }
        Ok(program)
    }
}
