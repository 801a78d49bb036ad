//! What can be done on a connection, as data: one type per kind of work, each with its way on
//! every database. Who has the connection meanwhile, and how long, is decided elsewhere.

#[cfg(feature = "postgres")]
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::inline::INLINE_BYTES_MAX;
#[cfg(feature = "postgres")]
use super::link::{Link, Proven};
use super::read::finish;
use super::template::INLINE_STEPS;
#[cfg(feature = "postgres")]
use crate::backend::postgres;
use crate::backend::sqlite::{self, Budget, Ran, Request};
use crate::backend::{Answer, Collect, Described, Effect, Limits, Pace, Scope};
use crate::error::{Error, Result};
use crate::guard::Stop;
#[cfg(feature = "postgres")]
use crate::isolation::Isolation;
use crate::isolation::TransactionOptions;
use crate::params::Params;

/// Something to be done on one connection.
pub(super) trait Work: Send + 'static {
    /// What comes of it.
    type Done: Send + 'static;

    /// Does it on the thread of its caller, where it waits for nothing. `None` where it has to be
    /// done on another one: nothing has happened.
    fn at_once(&self, _: &mut sqlite::Connection) -> Option<Result<Self::Done>> {
        None
    }

    /// Does it on a thread that may block.
    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<Self::Done>;

    /// Does it at PostgreSQL. Dropping the future asks the server to stop.
    #[cfg(feature = "postgres")]
    fn on_postgres(self, link: &mut Link) -> impl Future<Output = Result<Self::Done>> + Send;
}

/// Runs one statement and collects its rows.
pub(super) struct Run {
    pub(super) sql: Arc<str>,
    pub(super) params: Params,
    pub(super) limits: Limits,
    pub(super) stop: Arc<Stop>,
    pub(super) scope: Scope,
    #[cfg(feature = "postgres")]
    pub(super) proven: Proven,
}

impl Run {
    fn run(&self, connection: &mut sqlite::Connection, budget: Budget) -> Result<Ran> {
        let request = Request {
            sql: &self.sql,
            params: &self.params,
            stop: Some(self.stop.clone()),
            budget,
            scope: self.scope,
            fill: false,
        };
        connection.run(&request, &mut Collect::new(self.limits))
    }
}

impl Work for Run {
    type Done = Answer;

    fn at_once(&self, connection: &mut sqlite::Connection) -> Option<Result<Answer>> {
        if self.params.size() > INLINE_BYTES_MAX {
            return None;
        }
        let budget = connection.budget_within(&self.sql, INLINE_STEPS)?;
        let began = Instant::now();
        let ran = self.run(connection, budget);
        connection.note_pace(&self.sql, |pace| pace.took(began.elapsed()));
        if let Ok(Ran::NeedsWorker) = ran {
            connection.note_pace(&self.sql, Pace::was_long);
            return None;
        }
        Some(ran.and_then(finish))
    }

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<Answer> {
        let answer = finish(self.run(connection, Budget::Worker)?)?;
        connection.note_pace(&self.sql, |pace| pace.was(answer.steps < INLINE_STEPS));
        Ok(answer)
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<Answer> {
        link.prepare(self.scope, &self.proven, self.stop.deadline()).await?;
        let proven = link.proven_still(self.proven);
        let fence = link.admit(&self.sql, self.scope, &proven)?;
        let is_undone = link.has_failed() && postgres::is_commit(&self.sql);
        let request = postgres::Request {
            sql: postgres::spoken(self.sql),
            params: self.params,
            deadline: self.stop.deadline(),
            is_repeatable: proven.is_read() && link.is_autocommit(),
            fence,
        };
        let answer = link.connection().run(request, self.limits).await?;
        if answer.effect == Effect::Session {
            link.note_change();
        }
        if is_undone { Err(Link::not_committed()) } else { Ok(answer) }
    }
}

/// Runs the statements of a script up to the first that fails, each for up to `limit`.
pub(super) struct Script {
    pub(super) sql: Arc<str>,
    pub(super) limit: Option<Duration>,
    pub(super) stop: Arc<Stop>,
    pub(super) scope: Scope,
}

impl Work for Script {
    type Done = ();

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<()> {
        connection.run_script(&self.sql, self.stop, self.limit, self.scope)
    }

    /// The server takes all its statements at once, so that the limit of each is not kept here.
    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<()> {
        if self.scope == Scope::Transaction {
            link.check_open()?;
        }
        // What its statements do to the session is not looked at one by one.
        link.note_change();
        let fence = link.fence_script();
        let run = link.connection().run_fenced_script(self.sql, self.stop.deadline(), fence);
        let has_committed = run.await?;
        match self.scope {
            Scope::Transaction if has_committed || link.is_autocommit() => Err(Error::usage(
                "the script has ended the transaction that it was run in; what it committed \
                 stays",
            )),
            _ => Ok(()),
        }
    }
}

/// Runs a script in a transaction of its own: all of it, or nothing.
pub(super) struct WholeScript(pub(super) Script);

impl Work for WholeScript {
    type Done = ();

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<()> {
        connection.begin_immediate(self.0.stop.clone())?;
        match self.0.on_sqlite(connection) {
            Ok(()) => connection.commit().map(drop),
            Err(error) => {
                connection.roll_back()?;
                Err(error)
            }
        }
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<()> {
        let Script { sql, limit, stop, .. } = self.0;
        let begin = match limit {
            // The server counts it for each statement of a script.
            Some(limit) => {
                let limit = limit.as_millis().clamp(1, i32::MAX as u128);
                format!("BEGIN; SET LOCAL statement_timeout = {limit}")
            }
            None => "BEGIN".to_owned(),
        };
        link.connection().run_script(begin.into(), stop.deadline()).await?;
        let script = Script { sql, limit, stop, scope: Scope::Transaction };
        match script.on_postgres(link).await {
            Ok(()) => Commit.on_postgres(link).await.map(drop),
            Err(error) => {
                RollBack.on_postgres(link).await?;
                Err(error)
            }
        }
    }
}

/// Reads what a statement does, and the relations that it names.
pub(super) struct Relate {
    pub(super) sql: Arc<str>,
}

impl Work for Relate {
    type Done = (Arc<sqlite::Analysis>, Arc<sqlite::Relations>);

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<Self::Done> {
        let (analysis, relations) = connection.relations(&self.sql)?;
        Ok((analysis, Arc::new(relations)))
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, _: &mut Link) -> Result<Self::Done> {
        Err(Error::usage("only the relations of an SQLite database can be read"))
    }
}

/// Begins a transaction that may write.
pub(super) struct Begin {
    pub(super) options: TransactionOptions,
    pub(super) stop: Arc<Stop>,
}

impl Begin {
    fn is_of_postgres(&self) -> bool {
        self.options.read_only || self.options.deferrable
    }
}

impl Work for Begin {
    type Done = ();

    fn at_once(&self, connection: &mut sqlite::Connection) -> Option<Result<()>> {
        if self.is_of_postgres() { None } else { connection.try_begin_immediate() }
    }

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<()> {
        if self.is_of_postgres() {
            return Err(Error::usage(
                "a transaction on SQLite holds the write lock, so that it cannot be read-only or \
                 deferrable; use `query` for reads, or a `session` with BEGIN for several of one \
                 snapshot",
            ));
        }
        connection.begin_immediate(self.stop)
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<()> {
        let TransactionOptions { isolation, read_only, deferrable, .. } = self.options;
        let isolation = match isolation {
            _ if deferrable => " ISOLATION LEVEL SERIALIZABLE",
            None => "",
            Some(Isolation::ReadCommitted) => " ISOLATION LEVEL READ COMMITTED",
            Some(Isolation::RepeatableRead) => " ISOLATION LEVEL REPEATABLE READ",
            Some(Isolation::Serializable) => " ISOLATION LEVEL SERIALIZABLE",
        };
        let read_only = if read_only || deferrable { " READ ONLY" } else { "" };
        let deferrable = if deferrable { " DEFERRABLE" } else { "" };
        let begin = format!("BEGIN{isolation}{read_only}{deferrable}");
        link.connection().run_script(begin.into(), self.stop.deadline()).await
    }
}

/// Commits; when that fails, rolls back. What comes of it is whether templates, where they are of
/// one schema, may have become those of another.
pub(super) struct Commit;

impl Work for Commit {
    type Done = bool;

    fn at_once(&self, connection: &mut sqlite::Connection) -> Option<Result<bool>> {
        connection.try_commit()
    }

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<bool> {
        connection.commit()
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<bool> {
        link.check_open()?;
        if link.has_failed() {
            link.connection().run_script("ROLLBACK".into(), None).await?;
            return Err(Link::not_committed());
        }
        // It fails, and rolls back, where a deferred constraint does not hold.
        let fence = link.fence_commit();
        link.connection().run_fenced_script("COMMIT".into(), None, fence).await?;
        Ok(false)
    }
}

/// Rolls back what is open.
pub(super) struct RollBack;

impl Work for RollBack {
    type Done = ();

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<()> {
        connection.roll_back()
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<()> {
        if link.is_autocommit() {
            return Ok(());
        }
        link.connection().run_script("ROLLBACK".into(), None).await
    }
}

/// A savepoint statement of our own, in a transaction.
pub(super) struct Savepoint(pub(super) String);

impl Work for Savepoint {
    type Done = ();

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<()> {
        connection.savepoint_statement(&self.0)
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<()> {
        link.check_open()?;
        link.connection().run_script(self.0.into(), None).await
    }
}

/// Finds out what a statement takes and gives, without running it.
pub(super) struct Describe {
    pub(super) sql: Arc<str>,
}

impl Work for Describe {
    type Done = Described;

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<Described> {
        connection.describe(&self.sql)
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<Described> {
        let mut known = postgres::known(&self.sql);
        let described = link.connection().describe(self.sql, None).await?;
        known.columns = described.columns;
        let params = (1..=described.parameters.len()).map(|n| Some(format!("${n}"))).collect();
        Ok(Described { params, known })
    }
}

/// Finds out the same, and the query plan.
pub(super) struct Explain {
    pub(super) sql: Arc<str>,
}

impl Work for Explain {
    type Done = (Described, Vec<String>);

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<Self::Done> {
        let described = connection.describe(&self.sql)?;
        let plan = match described.known.effect {
            Effect::Read | Effect::Write if !described.known.is_explain => {
                connection.plan(&self.sql).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        Ok((described, plan))
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<Self::Done> {
        let described = Describe { sql: self.sql.clone() }.on_postgres(link).await?;
        let has_plan = matches!(described.known.effect, Effect::Read | Effect::Write)
            && !described.known.is_explain;
        let plan = match has_plan {
            true => link.plan(&self.sql, !described.params.is_empty()).await.unwrap_or_default(),
            false => Vec::new(),
        };
        Ok((described, plan))
    }
}
