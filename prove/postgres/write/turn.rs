//! Turns: who writes, in which way, and what else happens meanwhile.

use fastrand::Rng;
use forebay::Isolation;

use super::statement::write;
use crate::domain::{Statement, once_in, pick};
use crate::schema::{Kind, Schema, alter};

/// What leaves a temporary table in its session, with the name of another one.
pub(crate) const SHADOWING: &str = "shadowing function";

/// In which way statements are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// One by one on the handle.
    Execute,
    /// As a prepared statement of the library.
    Prepared,
    /// `Db::transaction_with`.
    Transaction(Isolation),
    /// A session with BEGIN and COMMIT.
    Session(Isolation),
    /// A session with a role, a search path or a setting of its own, statement by statement.
    Changed(&'static str),
    /// One text for all.
    Script,
    /// One text for all in a session, which may have BEGIN and COMMIT in it.
    SessionScript,
    /// PREPARE TRANSACTION in a session, COMMIT PREPARED in another one.
    TwoPhase,
    /// Past Forebay, statement by statement.
    Past,
    /// Past Forebay, in a transaction.
    PastTransaction,
    /// Past Forebay, PREPARE TRANSACTION and COMMIT PREPARED.
    PastTwoPhase,
}

/// One thing that is done in a turn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Op {
    Run(Statement),
    /// In a savepoint, which is kept or undone.
    Nested(Vec<Statement>, bool),
}

/// What else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    /// The stream stands still from before the write until the first answers are in.
    Stalled,
    /// The commit is in the stream long before anybody can see it.
    Unseen,
    /// What is written is seen for a while before it is acknowledged.
    Unacknowledged,
    /// The stream is lost, and the write comes before the next one.
    Lost,
    /// Connections of the pool are ended by the server.
    Ended,
    /// Reads go on all the while.
    Crowded,
    /// Others have made a trigger on the table before the write, and the stream has not told.
    Behind,
}

/// A turn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    pub(crate) way: Way,
    pub(crate) ops: Vec<Op>,
    pub(crate) commits: bool,
    pub(crate) fault: Fault,
    /// Reads are asked at once afterwards, and not once more when things have settled.
    pub(crate) is_hasty: bool,
    /// Kinds of its statements, for the table of coverage.
    pub(crate) kinds: Vec<&'static str>,
}

impl Way {
    pub(crate) fn is_past(self) -> bool {
        matches!(self, Way::Past | Way::PastTransaction | Way::PastTwoPhase)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Way::Execute => "execute",
            Way::Prepared => "prepared",
            Way::Transaction(_) => "transaction",
            Way::Session(_) => "session",
            Way::Changed(_) => "session with settings",
            Way::Script => "script",
            Way::SessionScript => "script in a session",
            Way::TwoPhase => "two-phase",
            Way::Past => "past",
            Way::PastTransaction => "past, transaction",
            Way::PastTwoPhase => "past, two-phase",
        }
    }
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fault::Nothing => "none",
            Fault::Stalled => "stream stalled",
            Fault::Unseen => "told before it is seen",
            Fault::Unacknowledged => "seen before it is acknowledged",
            Fault::Lost => "stream lost",
            Fault::Ended => "connections ended",
            Fault::Crowded => "reads meanwhile",
            Fault::Behind => "schema of others not told yet",
        }
    }
}

impl Turn {
    /// One statement on the handle.
    pub(crate) fn single(statement: Statement) -> Turn {
        Turn {
            way: Way::Execute,
            ops: vec![Op::Run(statement)],
            commits: true,
            fault: Fault::Nothing,
            is_hasty: false,
            kinds: Vec::new(),
        }
    }

    /// Its statements in their order.
    pub(crate) fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.ops.iter().flat_map(|op| match op {
            Op::Run(statement) => std::slice::from_ref(statement),
            Op::Nested(inner, _) => inner.as_slice(),
        })
    }
}

const ISOLATIONS: &[Isolation] =
    &[Isolation::ReadCommitted, Isolation::RepeatableRead, Isolation::Serializable];

/// Settings with which a session means other tables or has other rights.
const CHANGES: &[&str] = &[
    "SET search_path = alt, public",
    "SET ROLE writer",
    "SET synchronous_commit = off",
    "SET session_replication_role = replica",
    "SET TimeZone = 'Asia/Tokyo'",
];

/// A turn, or `None` if what was drawn does not fit the schema.
pub(crate) fn turn(rng: &mut Rng, schema: &Schema, version: u32) -> Option<Turn> {
    let way = way(rng);
    let is_ddl = once_in(rng, 9) && matches!(way, Way::Execute | Way::Past | Way::Session(_));
    let fault = fault(rng, way);
    if way == Way::Execute && once_in(rng, 30) {
        let fault = if rng.bool() { Fault::Stalled } else { Fault::Nothing };
        return shadowed(rng, schema, fault);
    }
    if is_ddl {
        let (kind, sql) = alter(rng, schema)?;
        let is_script = sql.contains("; ");
        // A function must not be called in a transaction that waits for the stream.
        let way = if is_script && way == Way::Execute { Way::Script } else { way };
        let way = if sql.contains("CONCURRENTLY") && way != Way::Past { Way::Execute } else { way };
        let fault = if fault == Fault::Unacknowledged { Fault::Crowded } else { fault };
        return Some(Turn {
            way,
            ops: vec![Op::Run(Statement::plain(sql))],
            commits: true,
            fault,
            is_hasty: once_in(rng, 3),
            kinds: vec![kind],
        });
    }
    let is_long = matches!(
        way,
        Way::Transaction(_) | Way::Session(_) | Way::PastTransaction | Way::TwoPhase | Way::Script
    );
    let count = if is_long { rng.usize(1..=4) } else { 1 };
    let binds = !way.is_past() && !matches!(way, Way::Script | Way::SessionScript);
    if fault == Fault::Behind {
        return behind(rng, schema);
    }
    let (mut ops, mut kinds) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let is_nested = count > 1 && way != Way::Script && once_in(rng, 4);
        let mut inner = Vec::new();
        for _ in 0..=usize::from(is_nested) {
            let (kind, statement) = write(rng, schema, binds, version)?;
            kinds.push(kind);
            inner.push(statement);
        }
        ops.push(match inner.pop() {
            Some(single) if inner.is_empty() => Op::Run(single),
            Some(last) => Op::Nested(inner.into_iter().chain([last]).collect(), rng.bool()),
            None => return None,
        });
    }
    Some(Turn { way, ops, commits: rng.u8(..6) > 0, fault, is_hasty: once_in(rng, 3), kinds })
}

/// An update of a table that others have just given a trigger.
fn behind(rng: &mut Rng, schema: &Schema) -> Option<Turn> {
    let table = schema.target(rng).filter(|table| table.kind == Kind::Table)?;
    let column = table.columns.iter().find(|column| column.name == "q")?;
    let (table, column) = (table.full(), &column.name);
    let trigger = format!(
        "CREATE OR REPLACE TRIGGER behind AFTER UPDATE ON {table} FOR EACH STATEMENT \
         EXECUTE FUNCTION public.note_row()"
    );
    let write = format!("UPDATE {table} SET {column} = {column} WHERE id = 1");
    let ops = [trigger, write].map(|sql| Op::Run(Statement::plain(sql))).into();
    let single = Turn::single(Statement::default());
    Some(Turn { ops, fault: Fault::Behind, kinds: vec!["UPDATE"], ..single })
}

/// A table of a session's own with the name of another one, and with a trigger that writes to a
/// third; then a write that is taken for one of the other one.
fn shadowed(rng: &mut Rng, schema: &Schema, fault: Fault) -> Option<Turn> {
    let table = schema.target(rng).filter(|it| it.kind == Kind::Table && it.schema == "public")?;
    let name = &table.name;
    let calls = [
        format!("SELECT public.{}('{name}')", pick(rng, &["shadow", "shadow_telling"])),
        format!("INSERT INTO {name} (id) VALUES ({}) ON CONFLICT DO NOTHING", rng.u8(1..30)),
    ];
    let ops = calls.map(|sql| Op::Run(Statement::plain(sql))).into();
    let kinds = vec![SHADOWING, "INSERT"];
    Some(Turn { ops, fault, kinds, ..Turn::single(Statement::default()) })
}

fn way(rng: &mut Rng) -> Way {
    match rng.u8(..40) {
        0..12 => Way::Execute,
        12..14 => Way::Prepared,
        14..18 => Way::Transaction(pick(rng, ISOLATIONS)),
        18..21 => Way::Session(pick(rng, ISOLATIONS)),
        21..24 => Way::Changed(pick(rng, CHANGES)),
        24..26 => Way::Script,
        26 => Way::SessionScript,
        27 => Way::TwoPhase,
        28..36 => Way::Past,
        36..39 => Way::PastTransaction,
        _ => Way::PastTwoPhase,
    }
}

fn fault(rng: &mut Rng, way: Way) -> Fault {
    match rng.u8(..40) {
        0..6 => Fault::Stalled,
        6..9 => Fault::Unseen,
        9..11 if way == Way::Execute => Fault::Unacknowledged,
        11 if once_in(rng, 3) => Fault::Lost,
        12 if once_in(rng, 3) && !way.is_past() => Fault::Ended,
        13..16 => Fault::Crowded,
        16 if way == Way::Execute && once_in(rng, 2) => Fault::Behind,
        _ => Fault::Nothing,
    }
}
