//! A connection to PostgreSQL while somebody has it: what may run on it, what that may change, and
//! how it is made fit for the next one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backend::postgres::{self, Connector, Fenced, Followed, Status};
use crate::backend::{Effect, Limits, Scope};
use crate::error::{Error, Kind, Result};
use crate::invalidate::Extent;
use crate::params::Params;
use crate::pool::Checkout;
use crate::row::Row;
use crate::sql::skip_blank;
use crate::value::Value;

/// The longest that making a connection fit for another caller may take; it is closed then.
const CLEAN_MAX: Duration = Duration::from_secs(10);

/// Puts a session back to how it began, but for the statements that we have prepared: `DISCARD ALL`
/// would drop those too.
const RESET: &str = "RESET SESSION AUTHORIZATION; RESET ALL; CLOSE ALL; UNLISTEN *; \
                     SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES; \
                     DO $$ DECLARE one pg_catalog.text; BEGIN FOR one IN SELECT p.name FROM \
                     pg_catalog.pg_prepared_statements p WHERE p.from_sql LOOP EXECUTE \
                     pg_catalog.format('DEALLOCATE %I', one); END LOOP; END $$";

/// Drops what we have prepared, too: under another schema it may mean other tables.
const FORGET: &str = "DEALLOCATE ALL";

/// What is proven of a statement before it is sent.
#[derive(Clone, Debug)]
pub(super) struct Proven {
    /// It changes nothing else.
    extent: Extent,
    /// It leaves nothing behind in its session.
    is_clean: bool,
    /// The number of the schema under which that is so.
    schema: Option<u64>,
}

impl Proven {
    /// It may do anything.
    pub(super) fn nothing() -> Proven {
        Proven { extent: Extent::everything(), is_clean: false, schema: None }
    }

    /// It does nothing, whatever the schema.
    fn harmless() -> Proven {
        Proven { extent: Extent::none(), is_clean: true, schema: None }
    }

    /// Of a statement that is run with these parameters.
    pub(super) fn of(analysis: &postgres::Analysis, params: &Params) -> Proven {
        match analysis.schema {
            None => Proven::nothing(),
            schema => {
                let values: Vec<&Value> = params.positional().collect();
                Proven { extent: analysis.extent(&values), is_clean: analysis.is_clean, schema }
            }
        }
    }

    /// Of a statement, whatever it is run with.
    pub(super) fn of_any(analysis: &postgres::Analysis) -> Proven {
        match analysis.schema {
            None => Proven::nothing(),
            schema => Proven { extent: analysis.widest(), is_clean: analysis.is_clean, schema },
        }
    }

    /// Whether it only reads.
    pub(super) fn is_read(&self) -> bool {
        self.is_clean && self.extent.is_none()
    }

    /// The number of the schema under which it is proven that it only reads.
    pub(super) fn read_under(&self) -> Option<u64> {
        self.schema.filter(|_| self.is_read())
    }

    /// Adds what another statement of the same transaction does.
    fn merge(&mut self, other: &Proven) {
        if other.extent.is_none() {
            return;
        }
        if self.extent.is_none() || self.schema == other.schema {
            self.extent.merge(&other.extent);
            self.schema = other.schema;
        } else {
            self.extent = Extent::everything();
        }
    }
}

/// What comes of something that is done before a statement is sent; an error if it has not come by
/// the deadline of the statement.
async fn by<T>(deadline: Option<Instant>, done: impl Future<Output = T>) -> Result<T> {
    let Some(deadline) = deadline else { return Ok(done.await) };
    tokio::time::timeout_at(deadline.into(), done).await.map_err(|_| {
        Error::new(
            Kind::Timeout,
            "the time limit of the statement passed before it could be sent: its connection was \
             being made ready; raise the limit if that happens often",
        )
    })
}

/// A connection to PostgreSQL out of the pool.
pub(super) struct Link {
    checkout: Checkout<Connector>,
    followed: Arc<Followed>,
    /// A statement has left something in the session.
    is_changed: bool,
    /// It is closed when it is given back.
    is_unfit: bool,
    /// What the open transaction may have written.
    wrote: Proven,
}

impl Link {
    pub(super) fn new(checkout: Checkout<Connector>, followed: &Arc<Followed>) -> Link {
        let followed = followed.clone();
        let wrote = Proven::harmless();
        Link { checkout, followed, is_changed: false, is_unfit: false, wrote }
    }

    pub(super) fn connection(&self) -> &crate::backend::postgres::Connection {
        &self.checkout
    }

    /// Whether no transaction is open; one whose connection is lost is over.
    pub(super) fn is_autocommit(&self) -> bool {
        matches!(self.checkout.status(), Status::Idle | Status::Closed)
    }

    /// Whether something was left in its session; with a connection that is lost, that is, too.
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed && self.checkout.status() != Status::Closed
    }

    /// Its session has to be put back before another caller gets it.
    pub(super) fn note_change(&mut self) {
        self.is_changed = true;
    }

    pub(super) fn is_busy(&self) -> bool {
        self.checkout.is_busy()
    }

    pub(super) async fn rest(&self) {
        // A connection that is lost rests, too.
        let _ = self.checkout.ping(Instant::now().checked_add(CLEAN_MAX)).await;
    }

    /// An error unless a transaction is open.
    pub(super) fn check_open(&self) -> Result<()> {
        match self.checkout.status() {
            Status::InTransaction | Status::Failed => Ok(()),
            Status::Idle => {
                Err(Error::new(Kind::Closed, "the transaction has ended before; begin another one"))
            }
            Status::Closed => Err(Error::new(
                Kind::Closed,
                "the connection was lost and the transaction with it, unless it was being \
                 committed just then; begin another one",
            )),
        }
    }

    /// Whether the transaction can only be rolled back.
    pub(super) fn has_failed(&self) -> bool {
        self.checkout.status() == Status::Failed
    }

    /// What is still proven of a statement: its caller may have waited, and a view that it reads
    /// may be another one by now.
    pub(super) fn proven_still(&self, proven: Proven) -> Proven {
        let is_of_now = |number| self.followed.reflection().is_schema(number);
        if proven.schema.is_none_or(is_of_now) { proven } else { Proven::nothing() }
    }

    /// Whether a statement may run here on its caller's behalf. What it may do to the session is
    /// noted before: a statement that fails or is given up has perhaps done it all the same. What
    /// comes back is the fence that the statement has to be sent with.
    pub(super) fn admit(
        &mut self,
        sql: &str,
        scope: Scope,
        proven: &Proven,
    ) -> Result<Option<Fenced>> {
        if scope == Scope::Transaction {
            self.check_open()?;
        }
        let known = postgres::known(sql);
        match known.effect {
            Effect::Transaction if scope != Scope::Session => return Err(known.refusal()),
            Effect::Session if scope == Scope::Shared => return Err(known.refusal()),
            _ => {}
        }
        if self.checkout.status() == Status::Idle && postgres::is_commit(sql) {
            return Err(Error::usage(
                "there is no transaction to commit: none was begun, or it has ended before; what \
                 was run since then was committed statement by statement",
            ));
        }
        if postgres::may_change_session(&known, sql) {
            self.note_change();
        }
        match (proven.is_clean, proven.schema) {
            (true, Some(schema)) => self.connection().prove(schema),
            _ => self.connection().taint(),
        }
        Ok(self.fence(sql, known.effect, proven))
    }

    /// The fence around what a statement may commit, raised; `None` if it commits nothing.
    fn fence(&mut self, sql: &str, effect: Effect, proven: &Proven) -> Option<Fenced> {
        // Names may mean other tables in a session with settings or temporary tables of its own.
        let is_own = self.is_changed || self.is_tainted();
        let nothing = is_own.then(Proven::nothing);
        let proven = nothing.as_ref().unwrap_or(proven);
        match (self.checkout.status(), effect) {
            (Status::Idle | Status::Closed, Effect::Transaction) => {
                self.wrote = Proven::harmless();
                None
            }
            (Status::Idle | Status::Closed, _) => self.raise(proven.clone()),
            (Status::InTransaction | Status::Failed, Effect::Transaction) => {
                postgres::is_commit(sql).then(|| self.fence_commit()).flatten()
            }
            (Status::InTransaction | Status::Failed, _) => {
                self.wrote.merge(proven);
                None
            }
        }
    }

    /// The fence around what the open transaction has written, for its COMMIT.
    pub(super) fn fence_commit(&mut self) -> Option<Fenced> {
        self.raise(self.wrote.clone())
    }

    /// The fence around a script, which may hold anything.
    pub(super) fn fence_script(&mut self) -> Option<Fenced> {
        self.connection().taint();
        self.wrote = Proven::nothing();
        self.raise(Proven::nothing())
    }

    fn raise(&self, proven: Proven) -> Option<Fenced> {
        let Proven { extent, schema, .. } = proven;
        if extent.is_none() {
            return None;
        }
        let fence = Fenced::raise(&self.followed, &extent);
        // After it is up: a schema that changes later makes it a wide one by itself.
        let is_known = || schema.is_some_and(|it| self.followed.reflection().is_schema(it));
        if !extent.is_everything() && !is_known() {
            return Some(Fenced::raise(&self.followed, &Extent::everything()));
        }
        Some(fence)
    }

    fn is_tainted(&self) -> bool {
        self.connection().is_tainted(self.followed.reflection().schema_told())
    }

    fn has_old_plans(&self) -> bool {
        self.connection().has_old_plans(self.followed.reflection().schema_told())
    }

    /// Puts a shared session back to how it began, if something may have been left in it that could
    /// undo what is proven of the statement that is to run, or if its plans are of another schema,
    /// which whoever reads past the cache is not to see either. Where that fails, nothing counts as
    /// proven. An error if it was not done by the deadline of the statement.
    pub(super) async fn prepare(
        &mut self,
        scope: Scope,
        proven: &Proven,
        deadline: Option<Instant>,
    ) -> Result<()> {
        let is_shared = scope == Scope::Shared && self.checkout.status() == Status::Idle;
        if is_shared && (proven.schema.is_some() || self.has_old_plans()) {
            let _ = by(deadline, self.purge()).await?;
        }
        Ok(())
    }

    /// Puts the session back to how it began, if something ran on it that may have left something.
    async fn purge(&mut self) -> Result<()> {
        if !self.is_tainted() && !self.has_old_plans() {
            return Ok(());
        }
        let schema = self.followed.reflection().schema_told();
        let is_planned = self.connection().is_planned_under(schema);
        let script = if is_planned { RESET.to_owned() } else { [RESET, FORGET].join("; ") };
        // Until it is done: whoever gives up meanwhile leaves the session half-way.
        let was_unfit = std::mem::replace(&mut self.is_unfit, true);
        self.checkout.run_script(script.into(), Instant::now().checked_add(CLEAN_MAX)).await?;
        self.connection().cleanse();
        self.connection().plan_under(schema);
        self.is_unfit = was_unfit;
        Ok(())
    }

    /// Whether what is read here may be stored: it is of the server whose stream is followed, and
    /// nothing that another statement has left in the session can change what this one means. An
    /// error if that was not known by the deadline of the statement.
    pub(super) async fn is_fit_for_fill(&mut self, deadline: Option<Instant>) -> Result<bool> {
        let Some(server) = self.followed.server() else { return Ok(false) };
        // A former server, perhaps, that others are not to be lent any more.
        let was_unfit = std::mem::replace(&mut self.is_unfit, true);
        let patience = Instant::now().checked_add(CLEAN_MAX);
        if !by(deadline, self.connection().is_of(&server, patience)).await? {
            return Ok(false);
        }
        self.is_unfit = was_unfit;
        Ok(by(deadline, self.purge()).await?.is_ok())
    }

    /// The error for a COMMIT that has rolled back, as it does after a failed statement. To the
    /// server that is a success.
    pub(super) fn not_committed() -> Error {
        Error::new(
            Kind::Closed,
            "the transaction was rolled back, because one of its statements failed; its error was \
             not passed on",
        )
    }

    /// The query plan of a statement, one step a line; of one with parameters, the generic plan,
    /// where the server can show it (16 and later).
    pub(super) async fn plan(&self, sql: &str, has_parameters: bool) -> Result<Vec<String>> {
        let version = self.connection().parameter("server_version").unwrap_or_default();
        let major: u32 = version.split(['.', ' ', 'b']).next().unwrap_or("").parse().unwrap_or(0);
        let how = match (has_parameters, major) {
            (false, _) => "EXPLAIN ",
            (true, 16..) => "EXPLAIN (GENERIC_PLAN) ",
            (true, _) => return Ok(Vec::new()),
        };
        let limits = Limits { rows_max: 10_000, bytes_max: 1 << 20 };
        let script: Arc<str> = [how, skip_blank(sql)].concat().into();
        let rows = self.connection().query_script(script, None, limits).await?;
        let line = |row: Row| match row.values() {
            [Value::Text(line), ..] => line.to_string(),
            _ => String::new(),
        };
        Ok(rows.iter().map(line).collect())
    }

    /// Gives the connection back, after it was made fit for another caller where it is not.
    pub(super) fn retire(self) {
        if self.is_unfit {
            return self.checkout.discard();
        }
        if self.checkout.is_at_rest() && !self.is_changed {
            return;
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(self.clean())),
            Err(_) => self.checkout.discard(),
        }
    }

    async fn clean(self) {
        let Link { checkout, is_changed, .. } = self;
        let deadline = Instant::now().checked_add(CLEAN_MAX);
        let cleaned = async {
            if checkout.ping(deadline).await? != Status::Idle {
                checkout.run_script("ROLLBACK".into(), deadline).await?;
            }
            if is_changed {
                checkout.run_script(RESET.into(), deadline).await?;
                checkout.cleanse();
            }
            Ok::<bool, Error>(checkout.is_at_rest())
        };
        if !cleaned.await.unwrap_or(false) {
            checkout.discard();
        }
    }
}
