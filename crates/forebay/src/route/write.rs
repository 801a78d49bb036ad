//! Statements that write what is split: they go to the member that owns the rows. There is no
//! transaction over several members; what was committed where is always said.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::ask::{Ask, Part};
use super::boundary::Boundary;
use super::member::Layout;
use super::owner::{operand, owner};
use super::plan::{Reading, SplitWriting};
use super::reach::Reach;
use super::routed::{Inner, Routed};
use super::way::Touched;
use crate::backend::Effect;
use crate::error::{Error, Kind, Result};
use crate::invalidate::Bindings;
use crate::outcome::Outcome;
use crate::params::Params;
use crate::row::Rows;
use crate::sql::{Inserted, Operand, Targeted, Written, quoted};
use crate::value::Value;

/// How often a write is routed again because the boundary has moved meanwhile.
pub(super) const MOVES_MAX: usize = 20;

/// SQLite's largest number of a parameter.
const PARAMETERS_MAX: usize = 32_766;

/// A statement that writes what is split. Await it.
///
/// A future that is dropped stops the statement at the member where it runs, as
/// [`crate::Execute`] does; with [`RoutedExecute::across_members`] those before it have committed.
#[must_use = "a statement does nothing until it is awaited"]
pub struct RoutedExecute<'a> {
    routed: &'a Routed,
    ask: Ask<'a>,
    across: bool,
    fault: Option<Error>,
}

/// What a statement has written.
#[derive(Clone, Debug)]
pub struct RoutedOutcome {
    /// Rows inserted, updated or deleted, at all members together.
    pub rows_affected: u64,
    /// Where, in the order in which the members committed.
    pub committed: Vec<Committed>,
    /// The rows of RETURNING.
    pub rows: Rows,
    /// The rowid of the last row inserted at the last of these members.
    pub last_insert_id: Option<i64>,
}

/// What was committed at one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its name.
    pub member: String,
    /// Rows inserted, updated or deleted there.
    pub rows_affected: u64,
}

impl<'a> RoutedExecute<'a> {
    pub(super) fn new(routed: &'a Routed, ask: Ask<'a>) -> RoutedExecute<'a> {
        RoutedExecute { routed, ask, across: false, fault: None }
    }

    /// Binds the next positional parameter.
    pub fn bind<V>(mut self, value: V) -> RoutedExecute<'a>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        match value.try_into() {
            Ok(value) => self.ask.params.push(value),
            Err(error) => {
                self.fault.get_or_insert(error.into());
            }
        }
        self
    }

    /// Binds the parameter called `name`, written with or without its `:`, `@` or `$`.
    pub fn bind_named<V>(mut self, name: &str, value: V) -> RoutedExecute<'a>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        match value.try_into() {
            Ok(value) => self.ask.params.push_named(name, value),
            Err(error) => {
                self.fault.get_or_insert(error.into());
            }
        }
        self
    }

    /// The longest it may run at one member.
    pub fn timeout(mut self, limit: Duration) -> RoutedExecute<'a> {
        self.ask.words.timeout = Some(limit);
        self
    }

    /// Allows it to write at several members, one after another, **without a transaction over
    /// them**: when one fails, those before it have committed, and the error says which.
    pub fn across_members(mut self) -> RoutedExecute<'a> {
        self.across = true;
        self
    }
}

impl<'a> IntoFuture for RoutedExecute<'a> {
    type Output = Result<RoutedOutcome>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            match self.fault {
                Some(fault) => Err(fault),
                None => self.routed.inner.write(&self.ask, self.across).await,
            }
        })
    }
}

/// What is run at one member.
pub(super) enum Run {
    /// What its caller has asked.
    Whole,
    Part(Part),
}

/// A statement, and the parts of the layout where it is run.
pub(super) type Runs = Vec<(usize, Run)>;

impl Inner {
    async fn write(&self, ask: &Ask<'_>, across: bool) -> Result<RoutedOutcome> {
        #[cfg(feature = "postgres")]
        if let Some(server) = &self.server {
            return Box::pin(server.write(self, ask, across)).await;
        }
        let plan = self.plan(ask).await?;
        if plan.known.effect != Effect::Write {
            return Err(Error::usage(
                "the statement is no INSERT, UPDATE or DELETE: use `query` for reads, and run what \
                 changes a schema at each `member`",
            ));
        }
        let Reading::Split(reading) = &plan.reading else {
            return self.write_elsewhere(ask).await;
        };
        let writing = reading.writing.as_ref().map_err(|why| Error::usage(why.clone()))?;
        let values = plan.values(&ask.params)?;
        let mut done = Vec::new();
        for _ in 0..MOVES_MAX {
            let layout = self.layout().await?;
            let runs = self.runs(writing, &layout, &values, across)?;
            match self.run_all(ask, &layout, runs, &mut done).await? {
                true => return Ok(RoutedOutcome::of(done)),
                // The live member comes first, so that nothing was done yet.
                false => continue,
            }
        }
        Err(moved_again())
    }

    /// Runs all; `None` if the boundary has moved and nothing was done.
    #[cfg(feature = "postgres")]
    pub(super) async fn write_all(
        &self,
        ask: &Ask<'_>,
        layout: &Layout,
        runs: Runs,
    ) -> Result<Option<RoutedOutcome>> {
        let mut done = Vec::new();
        let is_done = self.run_all(ask, layout, runs, &mut done).await?;
        Ok(is_done.then(|| RoutedOutcome::of(done)))
    }

    /// Runs what writes nothing that is split.
    pub(super) async fn write_elsewhere(&self, ask: &Ask<'_>) -> Result<RoutedOutcome> {
        let live = self.live();
        let outcome = self.limited(ask, &Run::Whole, live.db.engine()).fetch().await;
        let outcome = outcome.map_err(|error| live.fault(&error))?;
        Ok(RoutedOutcome::of(vec![(live.name.to_string(), outcome)]))
    }

    /// Runs all; `false` if the boundary has moved and nothing was done.
    async fn run_all(
        &self,
        ask: &Ask<'_>,
        layout: &Layout,
        runs: Runs,
        done: &mut Vec<(String, Outcome)>,
    ) -> Result<bool> {
        for (part, run) in runs {
            let index = layout.parts[part].member;
            let member = &self.members[index];
            let is_fenced = self.is_moving && index == self.members.len() - 1;
            let outcome = match is_fenced {
                true => self.run_live(ask, &run, layout.generation).await,
                false => self.limited(ask, &run, member.db.engine()).fetch().await.map(Some),
            };
            match outcome {
                Ok(Some(outcome)) => done.push((member.name.to_string(), outcome)),
                Ok(None) => return Ok(false),
                Err(error) => return Err(member.fault(&error).after(done)),
            }
        }
        Ok(true)
    }

    fn limited<'q>(
        &self,
        ask: &'q Ask<'_>,
        run: &'q Run,
        engine: &'q crate::engine::Engine,
    ) -> crate::query::Query<'q> {
        let query = match run {
            Run::Whole => ask.query(engine),
            Run::Part(part) => {
                let target = crate::query::Target::Shared(engine);
                crate::query::Query::new(target, &part.sql, ask.caller)
                    .with_params(part.params.clone())
            }
        };
        match ask.words.timeout {
            Some(limit) => query.timeout(limit),
            None => query,
        }
    }

    /// Runs at the live member, where the boundary cannot move meanwhile; `None` if it has moved.
    async fn run_live(&self, ask: &Ask<'_>, run: &Run, generation: i64) -> Result<Option<Outcome>> {
        #[cfg(feature = "postgres")]
        if let Some(server) = &self.server {
            return server.run_live(self, ask, run, generation).await;
        }
        let (sql, params) = match run {
            Run::Whole => (ask.sql.to_owned(), ask.params.clone()),
            Run::Part(part) => (part.sql.clone(), part.params.clone()),
        };
        let limit = ask.words.timeout;
        let (table, column) = (self.names.tables[0].clone(), self.names.column.clone());
        self.live()
            .db
            .transaction(|tx| async move {
                let asked = tx.query(Boundary::ASK).bind(&*table).fetch().await?;
                let now = Boundary::of(&asked.rows, &column)?.map_or(0, |it| it.generation);
                if now != generation {
                    return Ok(None);
                }
                let query = tx.query(&sql).with_params(params);
                let query = match limit {
                    Some(limit) => query.timeout(limit),
                    None => query,
                };
                query.fetch().await.map(Some)
            })
            .await
    }

    fn runs(
        &self,
        writing: &SplitWriting,
        layout: &Layout,
        values: &[Value],
        across: bool,
    ) -> Result<Runs> {
        let mut runs = match &writing.written {
            Written::Insert(insert) => insert_runs(writing, insert, layout, values, across)?,
            Written::Target(target) => self.target_runs(writing, target, layout, values, across)?,
        };
        // The newest first: the live member is the only one where it may turn out to be late.
        runs.sort_by_key(|(part, _)| std::cmp::Reverse(*part));
        Ok(runs)
    }

    fn target_runs(
        &self,
        writing: &SplitWriting,
        target: &Targeted,
        layout: &Layout,
        values: &[Value],
        across: bool,
    ) -> Result<Runs> {
        let bound: Vec<&Value> = values.iter().collect();
        let reach = match &writing.target {
            Some(occurrence) => Reach::of(occurrence, writing.column, Bindings(&bound)),
            None => Reach::everything(),
        };
        let touched = Touched::by(&[reach], layout);
        check_sets(writing, target, layout, &touched.parts, values)?;
        if let ([only], true) = (touched.parts.as_slice(), touched.is_within) {
            return Ok(vec![(*only, Run::Whole)]);
        }
        if !target.is_plain {
            return Err(Error::usage(
                "the statement may change rows beyond the range of one member, and has a \
                 RETURNING, FROM, LIMIT or a subquery, which only one member can be asked: limit \
                 the column that the rows are split by to the range of one member",
            ));
        }
        if touched.parts.len() > 1 && !across {
            return Err(ACROSS.into());
        }
        let column = quoted(&self.names.column);
        let run = |part: &usize| {
            let fence =
                layout.parts[*part].fence(&format!("{}.{column}", target.alias), values.len() + 1);
            let mut params = Params::default();
            values.iter().chain(&fence.values).for_each(|value| params.push(value.clone()));
            let sql = target.cut.under(Some(&fence.condition), None);
            (*part, Run::Part(Part { sql, params }))
        };
        Ok(touched.parts.iter().map(run).collect())
    }
}

/// An error for what is written at several members and was not allowed to be.
#[cfg(feature = "postgres")]
pub(super) fn across_refused() -> Error {
    ACROSS.into()
}

/// An error for what was routed again and again.
pub(super) fn moved_again() -> Error {
    Error::new(
        Kind::Busy,
        "rows were moved to the archive again and again while it was to be written; try again",
    )
}

struct Across;

const ACROSS: Across = Across;

impl From<Across> for Error {
    fn from(_: Across) -> Error {
        Error::usage(
            "the statement writes rows of several members, and there is no transaction over them: \
             limit the column that the rows are split by to the range of one member, or allow it \
             with `across_members`",
        )
    }
}

impl Error {
    /// The same error, with what was committed before it.
    fn after(self, done: &[(String, Outcome)]) -> Error {
        if done.is_empty() {
            return self;
        }
        let done: Vec<String> = done
            .iter()
            .map(|(member, outcome)| format!("{} rows at {member}", outcome.rows_affected))
            .collect();
        self.prefixed(&format!("after these were committed: {}; then", done.join(", ")))
    }
}

/// An UPDATE may give the column another value only within the range of its only member.
fn check_sets(
    writing: &SplitWriting,
    target: &Targeted,
    layout: &Layout,
    parts: &[usize],
    values: &[Value],
) -> Result<()> {
    for (_, value) in target.sets.iter().filter(|(column, _)| *column == writing.column) {
        let stays = match (value, parts) {
            (Some(value), [only]) => {
                owner(writing, layout, operand(value, values)).is_ok_and(|owner| owner == *only)
            }
            _ => false,
        };
        if !stays {
            return Err(Error::usage(
                "the UPDATE may move rows to another member, by a new value of the column that \
                 they are split by: insert them there and delete them here, or set a literal or a \
                 parameter within the range of the member whose rows are changed",
            ));
        }
    }
    Ok(())
}

fn insert_runs(
    writing: &SplitWriting,
    insert: &Inserted,
    layout: &Layout,
    values: &[Value],
    across: bool,
) -> Result<Runs> {
    let Some(rows) = &insert.rows else {
        return Err(Error::usage(
            "the rows of an INSERT have to be written down as VALUES, since they are looked at to \
             find their member: read them first, and insert what was read",
        ));
    };
    if insert.altered.contains(&writing.column) {
        return Err(Error::usage(
            "the ON CONFLICT may move a row to another member, by a new value of the column that \
             rows are split by: set it to its value in `excluded`, or leave it out",
        ));
    }
    let Some(at) = insert.columns.iter().position(|column| *column == writing.column) else {
        return Err(Error::usage(
            "the INSERT does not name the column that rows are split by; give its value",
        ));
    };
    let mut owners: Vec<(usize, Vec<&Vec<Option<Operand>>>)> = Vec::new();
    for row in rows {
        let Some(Some(value)) = row.get(at) else {
            return Err(Error::usage(
                "the value of the column that rows are split by has to be a literal or a parameter",
            ));
        };
        let part = owner(writing, layout, operand(value, values))?;
        match owners.iter_mut().find(|(known, _)| *known == part) {
            Some((_, rows)) => rows.push(row),
            None => owners.push((part, vec![row])),
        }
    }
    if let [(part, _)] = owners.as_slice() {
        return Ok(vec![(*part, Run::Whole)]);
    }
    if !insert.is_plain {
        return Err(Error::usage(
            "the INSERT has rows of several members and a RETURNING, ON CONFLICT or WITH: write it \
             as one statement for each member",
        ));
    }
    if !across {
        return Err(ACROSS.into());
    }
    let mut runs = Vec::new();
    for (part, rows) in owners {
        runs.push((part, Run::Part(insert_part(insert, &rows, values)?)));
    }
    Ok(runs)
}

/// An INSERT of these rows alone.
fn insert_part(
    insert: &Inserted,
    rows: &[&Vec<Option<Operand>>],
    values: &[Value],
) -> Result<Part> {
    let mut params = Params::default();
    let mut lines = Vec::new();
    for row in rows {
        for value in *row {
            let Some(value) = value else {
                return Err(Error::usage(
                    "an INSERT with rows of several members takes literals and parameters only",
                ));
            };
            params.push(operand(value, values).clone());
        }
        lines.push(format!("({})", vec!["?"; row.len()].join(", ")));
    }
    if params.positional().count() > PARAMETERS_MAX {
        return Err(Error::usage(format!(
            "the INSERT has more than {PARAMETERS_MAX} values for one member; insert fewer rows at \
             once"
        )));
    }
    Ok(Part { sql: format!("{} VALUES {}", insert.head, lines.join(", ")), params })
}

impl RoutedOutcome {
    fn of(done: Vec<(String, Outcome)>) -> RoutedOutcome {
        let committed: Vec<Committed> = done
            .iter()
            .map(|(member, outcome)| Committed {
                member: member.clone(),
                rows_affected: outcome.rows_affected,
            })
            .collect();
        let last = done.into_iter().last().map(|(_, outcome)| outcome);
        RoutedOutcome {
            rows_affected: committed.iter().map(|it| it.rows_affected).sum(),
            committed,
            last_insert_id: last.as_ref().and_then(|outcome| outcome.last_insert_id),
            rows: last.map_or_else(|| Rows::new(Arc::new([]), Vec::new()), |outcome| outcome.rows),
        }
    }
}
