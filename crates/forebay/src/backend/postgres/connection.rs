//! The handle of a connection: it hands requests to the task that owns the socket and waits for
//! their answers. A clone is another handle of the same connection; who may use it when is the
//! pool's business.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout_at;

use super::config::Config;
use super::follow::Fenced;
use super::replication::Replication;
use super::request::{Asker, Copy, Description, Done, Order, Ran, Request, Status, Take, Work};
use super::server::Server;
use super::shared::Shared;
use super::startup;
use super::task::{REQUESTS_MAX, Task};
use crate::backend::{Answer, Limits};
use crate::error::{Error, Kind, Result};
use crate::row::Rows;

/// Chunks of a stream on their way at most.
const CHUNKS_MAX: usize = 2;

/// Dropping the last handle closes the connection.
#[derive(Clone)]
pub(crate) struct Connection {
    orders: mpsc::Sender<Order>,
    /// One for each request that may be under way, so that the channel always has room.
    places: Arc<Semaphore>,
    shared: Arc<Shared>,
    #[cfg(test)]
    process: Option<i32>,
}

impl Connection {
    /// Opens one, within twice the time-out of connecting. Cancel safe.
    pub(crate) async fn open(config: &Config) -> Result<Connection> {
        let opened = startup::open(config).await?;
        #[cfg(test)]
        let process = opened.key.map(|key| key.process);
        let shared = Arc::new(Shared::new(opened.parameters.clone()));
        let (orders, inbound) = mpsc::channel(REQUESTS_MAX);
        let task = Task::new(Arc::new(config.clone()), opened, inbound, shared.clone());
        tokio::spawn(task.run());
        let places = Arc::new(Semaphore::new(REQUESTS_MAX));
        Ok(Connection {
            orders,
            places,
            shared,
            #[cfg(test)]
            process,
        })
    }

    /// Runs a statement and collects its rows. Dropped, the statement is stopped; whether it had
    /// come to its end before is not known then.
    pub(crate) async fn run(&self, request: Request, limits: Limits) -> Result<Answer> {
        let Request { sql, params, deadline, is_repeatable, fence } = request;
        let work = Work::Run { sql, params, take: Take::Collect(limits) };
        match self.ask(work, deadline, is_repeatable, fence).await? {
            Done::Ran(ran) => Ok(answer(ran)),
            _ => Err(mixed_up()),
        }
    }

    /// Copies rows into a table: how many it has taken. Dropped, the statement is stopped.
    pub(crate) async fn copy(&self, copy: Copy, deadline: Option<Instant>) -> Result<u64> {
        match self.ask(Work::Copy(copy), deadline, false, None).await? {
            Done::Ran(ran) => Ok(ran.tag.rows_affected),
            _ => Err(mixed_up()),
        }
    }

    /// Runs a statement and hands its rows over as they come. Until the last was taken, whatever
    /// else is asked of the connection waits.
    pub(crate) async fn stream(&self, request: Request) -> Result<Stream> {
        let Request { sql, params, deadline, fence, .. } = request;
        let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
        let work = Work::Run { sql, params, take: Take::Stream(sender) };
        // Rows that were handed over cannot be taken back.
        let end = self.send(work, deadline, false, fence).await?;
        Ok(Stream { chunks, end: Some(end) })
    }

    /// The types of a statement. It is parsed, and not run.
    pub(crate) async fn describe(
        &self,
        sql: Arc<str>,
        deadline: Option<Instant>,
    ) -> Result<Description> {
        match self.ask(Work::Describe { sql }, deadline, true, None).await? {
            Done::Described(description) => Ok(description),
            _ => Err(mixed_up()),
        }
    }

    /// Runs every statement of a script until the first error, without parameters, and drops the
    /// rows. Without BEGIN in it, it is one transaction.
    pub(crate) async fn run_script(&self, sql: Arc<str>, deadline: Option<Instant>) -> Result<()> {
        self.run_fenced_script(sql, deadline, None).await.map(drop)
    }

    /// The same for a script that may commit: whether one of its statements has committed a
    /// transaction.
    pub(crate) async fn run_fenced_script(
        &self,
        sql: Arc<str>,
        deadline: Option<Instant>,
        fence: Option<Fenced>,
    ) -> Result<bool> {
        match self.ask(Work::Script { sql, limits: None }, deadline, false, fence).await? {
            Done::Ran(ran) => Ok(ran.has_committed),
            _ => Err(mixed_up()),
        }
    }

    /// Runs a script and collects the rows, as texts, of its last statement that has any. It is
    /// the one way to ask something of a connection for replication.
    pub(crate) async fn query_script(
        &self,
        sql: Arc<str>,
        deadline: Option<Instant>,
        limits: Limits,
    ) -> Result<Rows> {
        match self.ask(Work::Script { sql, limits: Some(limits) }, deadline, false, None).await? {
            Done::Ran(ran) => Ok(ran.rows),
            _ => Err(mixed_up()),
        }
    }

    /// One round trip, after which everything that was asked before has ended.
    pub(crate) async fn ping(&self, deadline: Option<Instant>) -> Result<Status> {
        self.ask(Work::Ping, deadline, true, None).await?;
        Ok(self.status())
    }

    /// Turns the connection, opened for replication, into a stream; its handles are of no use
    /// from then on.
    pub(crate) async fn start_replication(
        &self,
        sql: Arc<str>,
        deadline: Option<Instant>,
    ) -> Result<Replication> {
        match self.ask(Work::Replicate { sql }, deadline, false, None).await? {
            Done::Replicating(replication) => Ok(replication),
            _ => Err(mixed_up()),
        }
    }

    /// In which state the last statement that has ended left the connection.
    pub(crate) fn status(&self) -> Status {
        if self.orders.is_closed() { Status::Closed } else { self.shared.status() }
    }

    /// Open, outside a transaction, and nothing is under way.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.places.available_permits() == REQUESTS_MAX && self.status() == Status::Idle
    }

    /// A request is under way, whether or not somebody waits for it.
    pub(crate) fn is_busy(&self) -> bool {
        self.under_way() > 0 && self.status() != Status::Closed
    }

    /// Requests that are under way.
    pub(crate) fn under_way(&self) -> usize {
        REQUESTS_MAX - self.places.available_permits()
    }

    /// How long ago the last statement has ended.
    pub(crate) fn idle_for(&self) -> Duration {
        self.shared.idle_for()
    }

    /// Something is about to run that may leave something in the session: a setting, a temporary
    /// table, whatever a function does.
    pub(crate) fn taint(&self) {
        self.shared.taint();
    }

    /// The session was put back to how it began.
    pub(crate) fn cleanse(&self) {
        self.shared.cleanse();
    }

    /// Whether no statement was prepared on it before the schema had this number.
    pub(crate) fn is_planned_under(&self, schema: u64) -> bool {
        self.shared.is_planned_under(schema)
    }

    /// Whether it is known that statements were prepared on it under another schema than this.
    pub(crate) fn has_old_plans(&self, schema: u64) -> bool {
        self.shared.has_old_plans(schema)
    }

    /// All statements that were prepared on it were dropped.
    pub(crate) fn plan_under(&self, schema: u64) {
        self.shared.plan_under(schema);
    }

    /// A statement is about to run that is proven to leave nothing under this schema.
    pub(crate) fn prove(&self, schema: u64) {
        self.shared.prove(schema);
    }

    /// Whether something may have been left in the session, now that the schema has this number.
    pub(crate) fn is_tainted(&self, schema: u64) -> bool {
        self.shared.is_tainted(schema)
    }

    /// Whether it is a connection to this server. Costs a round trip the first time.
    pub(crate) async fn is_of(&self, server: &Server, deadline: Option<Instant>) -> bool {
        if self.shared.is_of(server) {
            return true;
        }
        let own = Server::of(self, deadline).await;
        let is_same = own.is_ok_and(|own| own.is_same(server));
        if is_same {
            self.shared.set_server(server.clone());
        }
        is_same
    }

    /// Whether it is known to be one.
    pub(crate) fn is_known_of(&self, server: &Server) -> bool {
        self.shared.is_of(server)
    }

    /// A setting that the server reports, such as `server_version`, as it is now.
    pub(crate) fn parameter(&self, name: &str) -> Option<Box<str>> {
        self.shared.parameter(name)
    }

    #[cfg(test)]
    /// The server's process, as `pg_backend_pid()` has it.
    pub(crate) fn process(&self) -> Option<i32> {
        self.process
    }

    async fn ask(
        &self,
        work: Work,
        deadline: Option<Instant>,
        is_repeatable: bool,
        fence: Option<Fenced>,
    ) -> Result<Done> {
        let answer = self.send(work, deadline, is_repeatable, fence).await?;
        answer.await.unwrap_or_else(|_| Err(died(is_repeatable)))
    }

    async fn send(
        &self,
        work: Work,
        deadline: Option<Instant>,
        is_repeatable: bool,
        fence: Option<Fenced>,
    ) -> Result<oneshot::Receiver<Result<Done>>> {
        let place = self.places.clone().acquire_owned();
        let place = match deadline {
            Some(deadline) => timeout_at(deadline.into(), place).await.map_err(|_| crowded())?,
            None => place.await,
        };
        let place = place.map_err(|_| closed())?;
        let (asker, answer) = Asker::new(place);
        let order = Order { work, deadline, is_repeatable, asker, fence };
        self.orders.try_send(order).map_err(|_| closed())?;
        Ok(answer)
    }
}

/// Rows as they come. Dropping it stops the statement.
pub(crate) struct Stream {
    chunks: mpsc::Receiver<Rows>,
    end: Option<oneshot::Receiver<Result<Done>>>,
}

impl Stream {
    /// The next rows, `None` after the last; there is at least one, if only of no rows. Cancel
    /// safe.
    pub(crate) async fn next(&mut self) -> Option<Result<Rows>> {
        if let Some(rows) = self.chunks.recv().await {
            return Some(Ok(rows));
        }
        let end = self.end.as_mut()?;
        let last = match end.await {
            Ok(Ok(Done::Ran(ran))) => Ok(ran.rows),
            Ok(Ok(_)) => Err(mixed_up()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(died(false)),
        };
        self.end = None;
        Some(last)
    }
}

fn answer(ran: Ran) -> Answer {
    Answer {
        rows: ran.rows,
        rows_affected: ran.tag.rows_affected,
        last_insert_id: None,
        ticket: None,
        is_fill: false,
        ticket_time: None,
        steps: 0,
        effect: ran.tag.effect,
        is_prepared_again: false,
    }
}

fn closed() -> Error {
    Error::new(
        Kind::Disconnected,
        "the connection to PostgreSQL is closed; the statement was not sent",
    )
}

fn crowded() -> Error {
    Error::new(
        Kind::Timeout,
        "the time limit of the statement passed before it could be sent: 1,024 others are under \
         way on the connection; use more connections",
    )
}

/// The task ends by itself only when everybody was answered, so the runtime has been shut down.
fn died(is_repeatable: bool) -> Error {
    let kind = if is_repeatable { Kind::Closed } else { Kind::Lost };
    Error::new(kind, "the runtime was shut down while the statement ran")
}

fn mixed_up() -> Error {
    Error::new(Kind::Database, "the connection has answered something else than was asked")
}
