//! The handle an application holds. It composes nothing: it asks the engine.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::advise::{Advice, AdviseOptions, Advisor, Workload};
use crate::control::CacheControl;
use crate::data::Bulk;
use crate::engine::{Engine, Seat, transact, transact_again};
use crate::error::Result;
use crate::health::{Ask, DatabaseStatistics, Health, HealthOptions};
use crate::index::Indexes;
use crate::isolation::TransactionOptions;
use crate::migrate::{Migrate, Migrations};
use crate::outcome::{Describe, Explanation};
use crate::prepared::Prepared;
use crate::query::{Execute, Query, Target};
use crate::rule::Rule;
use crate::session::{Session, Transaction};
use crate::slow::SlowLog;
use crate::stats::{RuleStats, Stats};
use crate::watch::{Pulse, RepeatFinding};

/// A database. A clone is cheap and shares everything.
#[derive(Clone)]
pub struct Db {
    engine: Arc<Engine>,
}

impl Db {
    pub(crate) fn new(engine: Arc<Engine>) -> Db {
        Db { engine }
    }

    /// What it asks, for what is made of several databases.
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// A statement that answers rows; reads are served from the cache where that is exact.
    #[inline]
    #[track_caller]
    pub fn query<'a>(&'a self, sql: &'a str) -> Query<'a> {
        Query::new(Target::Shared(&self.engine), sql, Location::caller())
    }

    /// A statement whose rows do not matter. Await it.
    #[track_caller]
    pub fn execute<'a>(&'a self, sql: &'a str) -> Execute<'a> {
        Execute(self.query(sql))
    }

    /// A statement to be run again and again: its text is taken in once. It takes the same way as
    /// [`Db::query`] and [`Db::execute`], with the same answers; what the text means is found out
    /// when it is run, and again after the schema has changed.
    pub fn prepare(&self, sql: &str) -> Prepared {
        Prepared::new(self.engine.clone(), sql)
    }

    /// Many rows of a table at a time: inserted, changed, deleted, fetched. A `table` of another
    /// schema is written `schema.table`; a name that has a dot or a quote in it, in double quotes.
    #[track_caller]
    pub fn bulk(&self, table: &str) -> Bulk<'_> {
        Bulk::new(Seat::Shared(&self.engine), table, Location::caller())
    }

    /// Runs the statements of a script, separated by `;`, in one transaction, without parameters.
    /// When one fails, none has an effect.
    #[track_caller]
    pub fn execute_batch<'a>(&'a self, sql: &'a str) -> impl Future<Output = Result<()>> + Send {
        let caller = Location::caller();
        async move { self.engine.script(sql, caller).await }
    }

    /// Runs `work` in a transaction that holds the write lock from its beginning: committed when
    /// it returns `Ok`, rolled back when it returns `Err`, panics or is dropped.
    ///
    /// Transactions are queued fairly with other writes. One that lies idle or lasts too long is
    /// rolled back (see the builder's `transaction_idle_timeout` and `transaction_timeout`).
    #[track_caller]
    pub fn transaction<T, F, Fut>(&self, work: F) -> impl Future<Output = Result<T>>
    where
        F: FnOnce(Transaction) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let caller = Location::caller();
        async move {
            let handle = |pinned| work(Transaction::new(self.engine.clone(), pinned));
            transact(&self.engine, caller, &TransactionOptions::default(), handle).await
        }
    }

    /// The same under `options`; `work` is called again for each try that they allow, and what it
    /// did before is rolled back then.
    #[track_caller]
    pub fn transaction_with<T, F, Fut>(
        &self,
        options: TransactionOptions,
        mut work: F,
    ) -> impl Future<Output = Result<T>>
    where
        F: FnMut(Transaction) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let caller = Location::caller();
        async move {
            let handle = |pinned| work(Transaction::new(self.engine.clone(), pinned));
            transact_again(&self.engine, caller, &options, handle).await
        }
    }

    /// A session: statements in order, with transactions by `BEGIN` and `COMMIT`. It holds a
    /// connection only while a transaction is open or a setting of its own is in force.
    pub fn session(&self) -> Session {
        Session::new(self.engine.clone())
    }

    /// What a statement takes and gives, without running it.
    #[track_caller]
    pub fn describe<'a>(&'a self, sql: &'a str) -> impl Future<Output = Result<Describe>> + Send {
        let call = self.query(sql).into_call();
        async move { self.engine.describe(call).await }
    }

    /// Whether a statement is cached and why, what it reads, and its query plan. Nothing is run.
    #[track_caller]
    pub fn explain<'a>(&'a self, sql: &'a str) -> impl Future<Output = Result<Explanation>> + Send {
        let call = self.query(sql).into_call();
        async move { self.engine.explain(call).await }
    }

    /// The switches of the cache, and the way to empty it.
    pub fn cache(&self) -> CacheControl<'_> {
        CacheControl::new(&self.engine)
    }

    /// Deletes the answers of queries with this tag ([`Query::tag`]), those that are being read
    /// included: what is served after it returns was read after it was called. No I/O; its cost
    /// does not depend on how many there are.
    pub fn delete_by_tag(&self, tag: &str) {
        self.engine.delete_by_tag(tag);
    }

    /// Puts these rules in the place of those before, all of them or, if one is not right, none.
    /// They are in force for statements that begin after it returns. Answers that were kept under
    /// other words are judged by the new ones.
    ///
    /// Bulk operations and scripts (`execute_batch`) are not looked at. Within a transaction, what
    /// tables a statement is of is asked of another connection, which does not see what the
    /// transaction itself has created.
    ///
    /// # Errors
    ///
    /// [`crate::Error::is_usage`] for more than 1,000 rules, two of one name, and one that makes no
    /// sense.
    pub fn set_rules(&self, rules: impl IntoIterator<Item = Rule>) -> Result<()> {
        self.engine.set_rules(rules.into_iter().collect())
    }

    /// The rules in force, in order, and what they have come to.
    pub fn rules(&self) -> Vec<RuleStats> {
        self.engine.rules()
    }

    /// Sets what is slow from now on, as [`crate::Builder::slow_after`] does at the beginning.
    pub fn set_slow_after(&self, limit: impl Into<Option<Duration>>) {
        self.engine.set_slow_after(limit.into().filter(|limit| !limit.is_zero()));
    }

    /// Counters since the database was opened.
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// The sums of what is counted, for whoever looks often and wants the difference of two looks:
    /// much cheaper than [`Db::stats`], since nothing is told of single statements. Cost: a pass
    /// over the fingerprints, at most some milliseconds.
    pub fn pulse(&self) -> Pulse {
        self.engine.pulse()
    }

    /// The last statements that were slow, with their query plans, and the last plans that changed.
    /// A statement is there some milliseconds after its end.
    pub fn slow(&self) -> SlowLog {
        self.engine.slow()
    }

    /// Statements that were run once for each of many keys or rows in a scope, where one would do
    /// (N+1), and questions that were asked again and again; those first that cost most time.
    ///
    /// Watched are the statements of a scope ([`crate::scope`], a trace id in a comment, a
    /// transaction); the builder's `watch_repeats` says more. They are kept since the database
    /// was opened, one for each pair of a statement and where its keys come from, 1,000 repeated
    /// statements at most. Cost: a pass over these, and some reads of the schema when there is
    /// something new to judge.
    pub async fn repeats(&self) -> Vec<RepeatFinding> {
        self.engine.repeats().await
    }

    /// An error ([`crate::Error::is_usage`]) with all of it if [`Db::repeats`] has found a
    /// statement that is repeated where one would do; not for what memory answered, nor for
    /// [`crate::RepeatKind::Duplicate`]. For an application's tests: whatever has run in scopes
    /// since the database was opened counts.
    pub async fn check_n_plus_one(&self) -> Result<()> {
        self.engine.check_repeats().await
    }

    /// The same, and it panics.
    #[track_caller]
    pub fn assert_no_n_plus_one(&self) -> impl Future<Output = ()> + Send {
        let caller = Location::caller();
        async move {
            if let Err(error) = self.check_n_plus_one().await {
                panic!("at {caller}: {error}");
            }
        }
    }

    /// What is known of repeated statements without asking the schema, the scopes that have begun,
    /// and the repeated statements beyond the bound.
    pub(crate) fn repeats_known(&self) -> (Vec<RepeatFinding>, u64, u64) {
        let (scopes, left_out) = self.engine.repeat_counts();
        (self.engine.repeats_known(), scopes, left_out)
    }

    /// How the database is: what is wrong with it, how grave that is and what to do. It reads past
    /// the cache and changes nothing. Cost: some reads of the schema and one short read a table.
    ///
    /// An error if the database cannot be read at all; whatever else cannot be found out lowers the
    /// confidence.
    #[track_caller]
    pub fn health(&self) -> impl Future<Output = Result<Health>> + Send {
        self.health_with(HealthOptions::new())
    }

    /// The same with more to look at.
    #[track_caller]
    pub fn health_with(
        &self,
        options: HealthOptions,
    ) -> impl Future<Output = Result<Health>> + Send {
        let ask = Ask::new(&self.engine, Location::caller());
        async move { Health::read(ask, &options).await }
    }

    /// How large the database is, its tables and its indexes. At SQLite it reads every page, which
    /// takes seconds for each gigabyte; at PostgreSQL only the catalogue.
    #[track_caller]
    pub fn statistics(&self) -> impl Future<Output = Result<DatabaseStatistics>> + Send {
        let ask = Ask::new(&self.engine, Location::caller());
        async move { DatabaseStatistics::read(ask).await }
    }

    /// Brings the schema up to date with these migrations: a directory of `.sql` files, or their
    /// texts. Await what it gives; see [`Migrate`] for what it does and how it can be told more.
    ///
    /// ```no_run
    /// # async fn start() -> forebay::Result<()> {
    /// let db = forebay::open("sqlite:app.db").await?;
    /// db.migrate("migrations").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn migrate(&self, migrations: impl Into<Migrations>) -> Migrate<'_> {
        Migrate::new(&self.engine, migrations.into(), Location::caller())
    }

    /// The indexes of the database: what is there and what it is used for, and making and dropping
    /// some.
    #[track_caller]
    pub fn indexes(&self) -> Indexes<'_> {
        Indexes::new(&self.engine, Location::caller())
    }

    /// What indexes the statements of `workload` would gain by, and which the database can do
    /// without. SQLite only: the file is copied, and what is advised was measured on the copy; the
    /// database itself is only read. Cost: minutes, on a thread that may block.
    ///
    /// An error with [`crate::Error::is_too_large`] if the copy would be larger than allowed.
    #[track_caller]
    pub fn advise<'a>(
        &'a self,
        workload: &'a Workload,
        options: AdviseOptions,
    ) -> impl Future<Output = Result<Advice>> + Send + 'a {
        let ask = Ask::new(&self.engine, Location::caller());
        async move {
            let place = ask.place().await?;
            Advisor::at(place).options(options).advise(workload).await
        }
    }

    /// One trivial statement on a reader, past the cache and past the builder's guards.
    #[track_caller]
    pub fn ping(&self) -> impl Future<Output = Result<()>> + Send {
        let query = self.query("SELECT 1").named("ping").no_cache().unguarded();
        async move { query.fetch().await.map(|_| ()) }
    }

    /// Waits for statements in flight, then closes every connection. Later calls fail with
    /// [`crate::Error::is_closed`].
    pub async fn close(&self) {
        self.engine.close().await;
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").finish_non_exhaustive()
    }
}
