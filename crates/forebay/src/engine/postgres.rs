//! What an engine has of a PostgreSQL database: its pool, and the connections out of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::call::Call;
use super::connection::{Connection, perform};
use super::database::Engine;
use super::origin::Counters;
use super::template::Template;
use super::work::Run;
use crate::backend::postgres::{self, Config, Connector, Status};
use crate::backend::{Answer, Effect, Limits, Scope};
use crate::error::{Error, Kind, Result};
use crate::guard::Stop;
use crate::pool::{self, Checkout, HolderLabel, Pool};
use crate::row::Row;
use crate::sql::skip_blank;
use crate::stats::{ForeignStats, PoolStats, StatementCacheStats};
use crate::value::Value;

/// The longest that making a connection fit for another caller may take; it is closed then.
const CLEAN_MAX: Duration = Duration::from_secs(10);

/// The longest wait for a connection that lay idle to show that it is there.
const PING_MAX: Duration = Duration::from_secs(2);

/// Puts a session back to how it began, but for the statements that we have prepared: `DISCARD ALL`
/// would drop those too.
const RESET: &str = "RESET SESSION AUTHORIZATION; RESET ALL; CLOSE ALL; UNLISTEN *; \
                     SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES; \
                     DO $$ DECLARE one pg_catalog.text; BEGIN FOR one IN SELECT p.name FROM \
                     pg_catalog.pg_prepared_statements p WHERE p.from_sql LOOP EXECUTE \
                     pg_catalog.format('DEALLOCATE %I', one); END LOOP; END $$";

const BLIND: &str = "the commits of a PostgreSQL server are not followed";

/// Everything that can be set of a PostgreSQL database.
#[derive(Clone, Debug)]
pub(crate) struct PostgresSettings {
    pub(crate) config: Config,
    pub(crate) pool: pool::Options,
    /// A connection that lay idle for so long has to answer before it is used again.
    pub(crate) ping_after: Duration,
}

/// An open PostgreSQL database.
pub(super) struct Postgres {
    pool: Pool<Connector>,
    ping_after: Duration,
}

impl Postgres {
    /// Opens the database: its first connection is made, so that what is wrong is known at once.
    pub(super) async fn open(settings: PostgresSettings) -> Result<Postgres> {
        let pool = Pool::new(Connector::new(settings.config), settings.pool)?;
        let holder = HolderLabel { caller: std::panic::Location::caller(), statement: None };
        drop(pool.acquire(holder).await?);
        Ok(Postgres { pool, ping_after: settings.ping_after })
    }

    /// Why the cache cannot be kept exact.
    pub(super) fn blind(&self) -> &str {
        BLIND
    }

    /// A connection, in turn. One that lay idle for long has answered just now. Where one has not
    /// answered in time, the others that lay idle as long are not asked, or the wait would be
    /// theirs added up.
    pub(super) async fn acquire(&self, holder: HolderLabel) -> Result<Connection> {
        let mut is_silent = false;
        loop {
            let checkout = self.pool.acquire(holder.clone()).await?;
            if checkout.idle_for() < self.ping_after {
                return Ok(Connection::postgres(Link::new(checkout)));
            }
            if is_silent {
                checkout.discard();
                continue;
            }
            // Not by a limit of the ping itself: past that, the server gets time to stop it.
            match tokio::time::timeout(PING_MAX, checkout.ping(None)).await {
                Ok(Ok(Status::Idle)) => return Ok(Connection::postgres(Link::new(checkout))),
                Ok(_) => {}
                Err(_) => is_silent = true,
            }
            checkout.discard();
        }
    }

    pub(super) fn take_idle(&self, holder: HolderLabel) -> Option<Connection> {
        Some(Connection::postgres(Link::new(self.pool.take_idle(holder)?)))
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            readers: self.pool.stats(),
            writer: PoolStats::default(),
            sessions: PoolStats::default(),
            statements: StatementCacheStats::default(),
            foreign: ForeignStats::default(),
            capture_gaps: 0,
        }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

impl Engine {
    /// The answer, and how long it took.
    pub(super) async fn read_at_postgres(
        &self,
        postgres: &Postgres,
        call: &Call<'_>,
        template: &Template,
    ) -> Result<(Answer, Duration)> {
        let holder = call.holder(Some(template.record.text().clone()));
        let connection = postgres.acquire(holder).await?;
        let began = Instant::now();
        let run = Run {
            sql: template.text.sql.clone(),
            params: call.params.clone(),
            limits: call.limits,
            stop: Stop::at(call.deadline(self.statement_timeout)),
            scope: Scope::Shared,
        };
        let answer = perform(connection, run).await?;
        Ok((answer, began.elapsed()))
    }
}

/// A connection to PostgreSQL out of the pool.
pub(super) struct Link {
    checkout: Checkout<Connector>,
    /// A statement has left something in the session.
    is_changed: bool,
}

impl Link {
    fn new(checkout: Checkout<Connector>) -> Link {
        Link { checkout, is_changed: false }
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

    /// Whether a statement may run here on its caller's behalf. What it may do to the session is
    /// noted before: a statement that fails or is given up has perhaps done it all the same.
    pub(super) fn admit(&mut self, sql: &str, scope: Scope) -> Result<()> {
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
        Ok(())
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
        if self.checkout.is_at_rest() && !self.is_changed {
            return;
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(self.clean())),
            Err(_) => self.checkout.discard(),
        }
    }

    async fn clean(self) {
        let Link { checkout, is_changed } = self;
        let deadline = Instant::now().checked_add(CLEAN_MAX);
        let cleaned = async {
            if checkout.ping(deadline).await? != Status::Idle {
                checkout.run_script("ROLLBACK".into(), deadline).await?;
            }
            if is_changed {
                checkout.run_script(RESET.into(), deadline).await?;
            }
            Ok::<bool, Error>(checkout.is_at_rest())
        };
        if !cleaned.await.unwrap_or(false) {
            checkout.discard();
        }
    }
}
