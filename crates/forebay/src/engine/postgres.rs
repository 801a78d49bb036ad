//! What an engine has of a PostgreSQL database: its pool, and the connections out of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::call::Call;
use super::connection::{Connection, perform};
use super::database::Engine;
use super::origin::Counters;
use super::template::Template;
use super::work::Run;
use crate::backend::postgres::{Config, Connector, Status};
use crate::backend::{Answer, Effect, Known, Limits, Scope};
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

/// Puts a session back to how it began, but for its prepared statements: `DISCARD ALL` would drop
/// those too.
const RESET: &str = "RESET SESSION AUTHORIZATION; RESET ALL; CLOSE ALL; UNLISTEN *; \
                     SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

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

    /// A connection, in turn. One that lay idle for long has answered just now.
    pub(super) async fn acquire(&self, holder: HolderLabel) -> Result<Connection> {
        loop {
            let checkout = self.pool.acquire(holder.clone()).await?;
            if checkout.idle_for() < self.ping_after {
                return Ok(Connection::postgres(Link::new(checkout)));
            }
            let answered = checkout.ping(Instant::now().checked_add(PING_MAX)).await;
            match answered {
                Ok(Status::Idle) => return Ok(Connection::postgres(Link::new(checkout))),
                _ => checkout.discard(),
            }
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

    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
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

    /// Whether a statement may run here on its caller's behalf.
    pub(super) fn admit(&self, known: &Known, scope: Scope) -> Result<()> {
        if scope == Scope::Transaction {
            self.check_open()?;
        }
        match known.effect {
            Effect::Transaction if scope != Scope::Session => Err(known.refusal()),
            Effect::Session if scope == Scope::Shared => Err(known.refusal()),
            _ => Ok(()),
        }
    }

    /// The query plan of a statement, one step a line; of one with parameters, the generic plan,
    /// where the server can show it (16 and later).
    pub(super) async fn plan(&self, sql: &str, has_parameters: bool) -> Result<Vec<String>> {
        let how = if has_parameters { "EXPLAIN (GENERIC_PLAN) " } else { "EXPLAIN " };
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
