//! The one connection that advice asks on. It never commits: whatever it makes is rolled back, or
//! is known to this session alone.

use std::time::{Duration, Instant};

use super::plan::Plan;
use crate::backend::Limits;
use crate::backend::postgres::{Cells, Config, Connection, Request, Status};
use crate::error::{Error, Kind, Result};
use crate::params::Params;
use crate::value::Value;

/// What one plan may take.
const PLAN_LIMITS: Limits = Limits { rows_max: 10, bytes_max: 16 << 20 };

/// What is left to a statement beyond its own limit, so that the server ends it and not we.
const GRACE: Duration = Duration::from_secs(5);

/// The longest that planning one statement may take.
const PLAN_MS_MAX: u64 = 10_000;

/// The longest wait for a lock on a table: others wait behind whoever waits.
pub(super) const LOCK_MS_MAX: u64 = 1_000;

/// A connection with time limits.
pub(super) struct Server {
    pub(super) connection: Connection,
    /// When all of it has to be done.
    pub(super) until: Instant,
    /// The longest that a statement may run.
    pub(super) statement_max: Duration,
}

impl Server {
    pub(super) async fn open(
        url: &str,
        time_max: Duration,
        statement_max: Duration,
    ) -> Result<Server> {
        let mut config = Config::parse(url)?;
        "forebay advise".clone_into(&mut config.application_name);
        // Every text is asked once or twice.
        config.statement_cache = 0;
        let connection = Connection::open(&config).await?;
        let server = Server { connection, until: Instant::now() + time_max, statement_max };
        let limit = statement_max.as_millis();
        server
            .script(&format!(
                "SET default_transaction_read_only = on; SET statement_timeout = {limit}; \
                 SET lock_timeout = {LOCK_MS_MAX}; SET idle_in_transaction_session_timeout = '60s'"
            ))
            .await?;
        Ok(server)
    }

    /// Whether there is time left.
    pub(super) fn has_time(&self) -> bool {
        Instant::now() < self.until
    }

    /// The connection has ended: nothing more can be asked.
    pub(super) fn is_gone(&self) -> bool {
        self.connection.status() == Status::Closed
    }

    pub(super) async fn script(&self, sql: &str) -> Result<()> {
        self.connection.run_script(sql.into(), Some(self.until + GRACE)).await
    }

    pub(super) async fn ask(&self, sql: &str) -> Result<Cells> {
        Cells::ask(&self.connection, sql, Some(self.until + GRACE)).await
    }

    /// The plan of a statement, which is not run.
    pub(super) async fn plan(&self, sql: &str, set: &[Value]) -> Result<Plan> {
        let wait = Duration::from_millis(PLAN_MS_MAX);
        self.explain(&format!("EXPLAIN (FORMAT JSON, VERBOSE) {sql}"), set, wait).await
    }

    /// Runs a statement that only reads, and says what it took.
    pub(super) async fn run(&self, sql: &str, set: &[Value]) -> Result<Plan> {
        let options = "ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON";
        self.explain(&format!("EXPLAIN ({options}) {sql}"), set, self.statement_max).await
    }

    /// The plan that a script asks for at its end, without parameters.
    pub(super) async fn planned_script(&self, sql: &str) -> Result<Plan> {
        let cells = self.ask(sql).await?;
        let lines: Vec<&str> = cells.rows().filter_map(|row| *row.first()?).collect();
        Plan::read(&lines.join("\n")).map_err(|_| strange())
    }

    /// The types of the parameters of a statement, by number.
    pub(super) async fn types(&self, sql: &str) -> Result<Box<[u32]>> {
        let deadline = Some(Instant::now() + Duration::from_millis(PLAN_MS_MAX));
        Ok(self.connection.describe(sql.into(), deadline).await?.parameters)
    }

    async fn explain(&self, sql: &str, set: &[Value], wait: Duration) -> Result<Plan> {
        let mut params = Params::default();
        set.iter().for_each(|value| params.push(value.clone()));
        let request = Request {
            sql: sql.into(),
            params,
            deadline: Some(Instant::now() + wait + GRACE),
            is_repeatable: false,
            fence: None,
        };
        let answer = self.connection.run(request, PLAN_LIMITS).await?;
        let text = match answer.rows.is_empty() {
            false => answer.rows.values(0).first(),
            true => None,
        };
        let Some(Value::Text(text)) = text else { return Err(strange()) };
        Plan::read(text).map_err(|_| strange())
    }

    /// Runs `work` within a transaction that is rolled back, whatever comes.
    pub(super) async fn rolled_back<T>(
        &self,
        begin: &str,
        work: impl AsyncFnOnce() -> Result<T>,
    ) -> Result<T> {
        self.script(begin).await?;
        let done = work().await;
        self.script("ROLLBACK").await?;
        done
    }

    /// Runs `work` in a savepoint of an open transaction, which is rolled back to.
    pub(super) async fn tried<T>(&self, work: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
        self.script("SAVEPOINT forebay_try").await?;
        let done = work().await;
        self.script("ROLLBACK TO SAVEPOINT forebay_try; RELEASE SAVEPOINT forebay_try").await?;
        done
    }
}

fn strange() -> Error {
    let text = "the server has answered EXPLAIN with something that is no plan; is a proxy in \
        between?";
    Error::new(Kind::Database, text)
}
