//! One turn of the run: a transaction, who carries it out, how it ends, and where the process
//! that carries it out is killed, if it is.

use fastrand::Rng;

use super::statement::statement;
use crate::domain::Statement;
use crate::read::{Aim, view};
use crate::schema::{Change, Part, Schema, alter};

/// Who carries a turn out, and by which part of the public face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// `db.execute`, statement after statement.
    Execute,
    /// `db.execute_batch`.
    Batch,
    /// `db.transaction`.
    Transaction,
    /// A session with BEGIN and COMMIT.
    Session,
    /// The same as one script.
    Script,
    /// A session without a transaction, with objects of its own.
    TempSession,
    /// Another process.
    Second,
    /// Nobody: it is waited until the pages of the database are mapped.
    Mapping,
}

/// One step inside a turn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Op {
    Run(Statement),
    /// A savepoint, kept or rolled back.
    Nested(Vec<Op>, bool),
}

/// Where the other process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// After so many statements of an open transaction.
    After(usize),
    /// Once it has committed.
    Acknowledged,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    pub(crate) by: By,
    pub(crate) ops: Vec<Op>,
    /// Whether the statements stand in one transaction.
    pub(crate) is_one: bool,
    /// Whether that transaction is committed.
    pub(crate) commits: bool,
    pub(crate) kill: Option<Kill>,
    /// Nothing is read before the next turn.
    pub(crate) is_quiet: bool,
}

impl Turn {
    pub(crate) fn single(by: By, statement: Statement) -> Turn {
        let ops = vec![Op::Run(statement)];
        Turn { by, ops, is_one: false, commits: true, kill: None, is_quiet: false }
    }

    /// A turn in which nothing is written, and the pages of the database are mapped.
    pub(crate) fn mapping() -> Turn {
        let (by, ops) = (By::Mapping, Vec::new());
        Turn { by, ops, is_one: false, commits: true, kill: None, is_quiet: true }
    }

    /// The same changes of rows once more, and committed; `None` if it had none.
    pub(crate) fn again(&self) -> Option<Turn> {
        let changes_rows = |op: &&Op| match op {
            Op::Run(statement) => {
                ["INSERT", "UPDATE", "DELETE"].iter().any(|word| statement.sql.starts_with(word))
            }
            Op::Nested(..) => false,
        };
        let ops: Vec<Op> = self.ops.iter().filter(changes_rows).cloned().collect();
        let is_own = self.by == By::TempSession;
        (!ops.is_empty() && !is_own).then(|| Turn { ops, commits: true, kill: None, ..*self })
    }

    /// The turn as statements for people.
    pub(crate) fn described(&self) -> Vec<String> {
        if self.by == By::Mapping {
            return vec!["-- the pages of the database are mapped".to_owned()];
        }
        let killed = self.kill.map(|kill| format!(", killed: {kill:?}")).unwrap_or_default();
        let quiet = if self.is_quiet { ", nothing read after it" } else { "" };
        let mut lines = vec![format!("-- by {:?}{killed}{quiet}", self.by)];
        if self.is_one {
            lines.push("BEGIN;".to_owned());
        }
        describe(&self.ops, 0, &mut lines);
        if self.is_one {
            lines.push(if self.commits { "COMMIT;" } else { "ROLLBACK;" }.to_owned());
        }
        lines
    }
}

fn describe(ops: &[Op], level: usize, lines: &mut Vec<String>) {
    for op in ops {
        match op {
            Op::Run(statement) => lines.push(statement.described()),
            Op::Nested(ops, keep) => {
                lines.push(format!("SAVEPOINT p{level};"));
                describe(ops, level + 1, lines);
                if !keep {
                    lines.push(format!("ROLLBACK TO p{level};"));
                }
                lines.push(format!("RELEASE p{level};"));
            }
        }
    }
}

/// A turn, and the change of the schema it brings about if it succeeds.
/// In a database that `maps` its pages, the other process does more, and the schema, which the map
/// belongs to, changes less often.
pub(crate) fn turn(
    rng: &mut Rng,
    schema: &mut Schema,
    maps: bool,
    aims: &[Aim],
) -> Option<(Turn, Change)> {
    if rng.u16(..if maps { 300 } else { 35 }) == 0 {
        return schema_turn(rng, schema, aims);
    }
    let by = match rng.u8(..100) {
        _ if maps && rng.bool() => By::Second,
        0..50 => By::Execute,
        50..58 => By::Batch,
        58..70 => By::Transaction,
        70..77 => By::Session,
        77..80 => By::Script,
        80..84 => By::TempSession,
        _ => By::Second,
    };
    let is_one = match by {
        By::Execute | By::TempSession | By::Mapping => false,
        By::Batch | By::Transaction | By::Session | By::Script => true,
        By::Second => rng.bool(),
    };
    let mut ops = Vec::new();
    if by == By::TempSession {
        ops.extend(temporary(rng, schema)?.into_iter().map(Op::Run));
    }
    let count = if is_one { rng.usize(1..=4) } else { 1 };
    for _ in 0..count {
        ops.push(Op::Run(statement(rng, schema, aims)?));
    }
    if is_one && by != By::Batch && rng.u8(..3) == 0 {
        let at = rng.usize(..ops.len());
        let inner = ops.split_off(at);
        let inner = if rng.u8(..4) == 0 { vec![Op::Nested(inner, rng.bool())] } else { inner };
        ops.push(Op::Nested(inner, rng.bool()));
        if rng.bool() {
            ops.push(Op::Run(statement(rng, schema, aims)?));
        }
    }
    let commits = !is_one || by == By::Batch || rng.u8(..5) > 0;
    let kill = if by == By::Second && rng.u8(..25) == 0 {
        Some(if is_one && rng.bool() {
            Kill::After(rng.usize(..=count))
        } else {
            Kill::Acknowledged
        })
    } else {
        None
    };
    Some((Turn { by, ops, is_one, commits, kill, is_quiet: rng.u8(..6) == 0 }, Change::Nothing))
}

/// Objects that only one session sees, and that may hide others of the same name.
fn temporary(rng: &mut Rng, schema: &Schema) -> Option<Vec<Statement>> {
    let table = schema.table(rng)?;
    let (name, target) = (&table.name, schema.table(rng)?);
    Some(match rng.u8(..3) {
        0 => {
            vec![Statement::plain(format!("CREATE TEMP TABLE {name} AS SELECT * FROM main.{name}"))]
        }
        1 => vec![Statement::plain(format!(
            "CREATE TEMP TRIGGER tr AFTER INSERT ON main.{name} BEGIN DELETE FROM {} WHERE {} = \
             1; END",
            target.name, target.columns[0].name
        ))],
        _ => vec![Statement::plain("PRAGMA recursive_triggers = ON")],
    })
}

fn schema_turn(rng: &mut Rng, schema: &mut Schema, aims: &[Aim]) -> Option<(Turn, Change)> {
    let Part { sql, change } = match rng.u8(..7) {
        0 => view(rng, schema)?,
        1 | 2 => replaced_view(rng, schema)?,
        _ => alter(rng, schema)?,
    };
    let is_alone = sql.starts_with("VACUUM");
    let by = match rng.u8(..8) {
        _ if sql.contains("; CREATE") => [By::Batch, By::Second][rng.usize(..2)],
        0..3 => By::Execute,
        3 if !is_alone => By::Batch,
        4 if !is_alone => By::Transaction,
        5 if !is_alone => By::Session,
        6 if !is_alone => By::Script,
        _ => By::Second,
    };
    let is_one = !matches!(by, By::Execute | By::Second);
    let mut ops = vec![Op::Run(Statement::plain(sql))];
    if is_one && rng.bool() {
        ops.insert(0, Op::Run(statement(rng, schema, aims)?));
    }
    if is_one && rng.bool() {
        // Analysed under a schema that is rolled back, perhaps.
        ops.push(Op::Run(statement(rng, schema, aims)?));
    }
    let commits = !is_one || by == By::Batch || rng.u8(..4) > 0;
    let change = if commits { change } else { Change::Nothing };
    Some((Turn { by, ops, is_one, commits, kill: None, is_quiet: false }, change))
}

/// Another view under the name of one that there is.
fn replaced_view(rng: &mut Rng, schema: &mut Schema) -> Option<Part> {
    let views = schema.views();
    let old = views.get(rng.usize(..views.len().max(1)))?.name.clone();
    let Part { sql, change } = view(rng, schema)?;
    let Change::AddRelation(mut relation) = change else { return None };
    // A view cannot be made of itself.
    if sql.contains(&format!("{old} ")) {
        return None;
    }
    let sql = sql.replacen(&format!("VIEW {} ", relation.name), &format!("VIEW {old} "), 1);
    relation.name.clone_from(&old);
    let change = Change::ReplaceRelation(relation);
    Some(Part { sql: format!("DROP VIEW {old}; {sql}"), change })
}
