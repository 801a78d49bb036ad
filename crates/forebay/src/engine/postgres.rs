//! What an engine has of a PostgreSQL database: its pool, what is known of the server by following
//! it, and how reads are kept.

use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::call::Call;
use super::coalesce::Ride;
use super::connection::Connection;
use super::database::Engine;
use super::link::{Link, Proven};
use super::origin::{Counters, Origin, Purpose};
use super::purge::Purge;
use super::template::{Analysis, Template};
use super::trip::Trip;
use super::work::{Run, Work as _};
use crate::backend::postgres::{
    self, Analyst, Config, Connector, Followed, Keeper, Lanes, Status, Study,
};
use crate::backend::{Answer, Scope};
use crate::error::Result;
use crate::guard::Stop;
use crate::invalidate::{Bindings, Draft, Reflection};
use crate::params::Params;
use crate::pool::{self, HolderLabel, Pool};
use crate::sql::tree::Spread;
use crate::stats::{ForeignStats, PoolStats, ReplicationStats, StatementCacheStats};
use crate::value::Value;

/// The longest wait for a connection that lay idle to show that it is there.
const PING_MAX: Duration = Duration::from_secs(2);

/// The longest that a statement waits for the cache to catch up; the database answers it then.
const CATCH_UP_MAX: Duration = Duration::from_secs(1);

/// The longest that a statement runs on a connection that others use at the same time; it is begun
/// anew on one of its own then.
const LANE_MAX: Duration = Duration::from_millis(25);

/// Statements that take longer are not run beside others.
const SHORT: Duration = Duration::from_millis(5);

/// How often dead entries are dropped.
const TEND_INTERVAL: Duration = Duration::from_secs(1);

/// Everything that can be set of a PostgreSQL database.
#[derive(Clone, Debug)]
pub(crate) struct PostgresSettings {
    pub(crate) config: Config,
    pub(crate) pool: pool::Options,
    /// A connection that lay idle for so long has to answer before it is used again.
    pub(crate) ping_after: Duration,
    /// Somebody answers for it that nobody writes but through this database.
    pub(crate) sole_writer: bool,
}

/// An open PostgreSQL database.
pub(super) struct Postgres {
    pool: Pool<Connector>,
    ping_after: Duration,
    followed: Arc<Followed>,
    analyst: Analyst,
    lanes: Arc<Lanes>,
    sole_writer: bool,
    /// Follows the server for as long as the database is open.
    keeper: Mutex<Option<Keeper>>,
}

impl Postgres {
    /// Opens the database: its first connection is made, so that what is wrong is known at once.
    pub(super) async fn open(settings: PostgresSettings) -> Result<Postgres> {
        let PostgresSettings { config, pool: options, ping_after, sole_writer } = settings;
        let followed = Followed::new();
        let pinned = postgres::pinned(config.clone()).await?;
        let (config, pool, keeper) = match connected(&pinned, &options).await {
            Ok(pool) => {
                (pinned.clone(), pool, Some(postgres::keep(&followed, &pinned, sole_writer)))
            }
            Err(error) => {
                let pool = connected(&config, &options).await?;
                followed.end(&format!(
                    "connections cannot be given settings at their start, as behind a pooler; use \
                     the server's own address: {}",
                    error.message()
                ));
                (config, pool, None)
            }
        };
        Ok(Postgres {
            pool,
            ping_after,
            analyst: Analyst::new(config.clone(), followed.clone()),
            lanes: Lanes::new(config, options.max_size, options.max_lifetime, followed.clone()),
            keeper: Mutex::new(keeper),
            sole_writer,
            followed,
        })
    }

    #[inline]
    pub(super) fn reflection(&self) -> &Reflection {
        self.followed.reflection()
    }

    /// How changes are noticed, in words.
    pub(super) fn describe(&self) -> String {
        if let Some(why) = self.reflection().sole() {
            return format!(
                "exact as long as nobody writes but through this handle, for which sole_writer \
                 answers: a write drops all answers from the tables that it may change. No stream \
                 tells more: {why}"
            );
        }
        let unused = "; sole_writer is not used, since there is a stream";
        let lag = self.followed.lag();
        let behind = lag.time.map(|time| format!(", {:.1} ms behind", time.as_secs_f64() * 1e3));
        format!(
            "exact for whatever is written through this handle; commits of others are seen when \
             the server's stream tells them{}{}",
            behind.unwrap_or_default(),
            if self.sole_writer { unused } else { "" }
        )
    }

    /// What is known of a statement.
    pub(super) async fn analyse(
        &self,
        sql: &Arc<str>,
        deadline: Option<Instant>,
    ) -> postgres::Analysis {
        self.analyst.analyse(sql, deadline).await
    }

    /// The same for somebody who asks several servers.
    pub(super) async fn study(&self, sql: &str, spread: Option<&[Spread]>) -> Result<Study> {
        self.analyst.study(sql, spread).await
    }

    /// Whether what was found out about a statement is of the schema as it is now. As long as the
    /// schema has no number, what is known has to do, and nothing is kept.
    #[inline]
    pub(super) fn is_of_now(&self, analysis: &postgres::Analysis) -> bool {
        match analysis.schema {
            Some(number) => self.reflection().is_schema(number),
            None => self.reflection().schema().is_none(),
        }
    }

    /// Whether it is known whether the server can be followed.
    pub(super) fn is_decided(&self) -> bool {
        self.followed.is_decided()
    }

    /// Whether no stream has begun since the database was opened, and one could not be.
    pub(super) fn is_never_seen(&self) -> bool {
        self.followed.streams() == 0 && self.followed.is_decided()
    }

    /// Has the cache catch up with what was committed before; false if it could not in time.
    pub(super) async fn catch_up(&self, deadline: Option<Instant>) -> bool {
        let limit = Instant::now() + CATCH_UP_MAX;
        let until = deadline.map_or(limit, |deadline| limit.min(deadline));
        tokio::time::timeout_at(until.into(), self.followed.catch_up()).await.unwrap_or(false)
    }

    /// The same for somebody who has just heard of a commit and asks again later: where nothing is
    /// served now, whatever is served later was read after this.
    pub(super) async fn settle(&self) -> bool {
        !self.reflection().is_live() || self.catch_up(None).await
    }

    pub(super) fn has_sole_writer(&self) -> bool {
        self.sole_writer
    }

    /// A connection, in turn. One that lay idle for long has answered just now. Where one has not
    /// answered in time, the others that lay idle as long are not asked, or the wait would be
    /// theirs added up.
    pub(super) async fn acquire(&self, holder: HolderLabel) -> Result<Connection> {
        let mut is_silent = false;
        loop {
            let checkout = self.pool.acquire(holder.clone()).await?;
            if checkout.idle_for() < self.ping_after {
                return Ok(Connection::postgres(Link::new(checkout, &self.followed)));
            }
            if is_silent {
                checkout.discard();
                continue;
            }
            // Not by a limit of the ping itself: past that, the server gets time to stop it.
            match tokio::time::timeout(PING_MAX, checkout.ping(None)).await {
                Ok(Ok(Status::Idle)) => {
                    return Ok(Connection::postgres(Link::new(checkout, &self.followed)));
                }
                Ok(_) => {}
                Err(_) => is_silent = true,
            }
            checkout.discard();
        }
    }

    pub(super) fn take_idle(&self, holder: HolderLabel) -> Option<Connection> {
        let checkout = self.pool.take_idle(holder)?;
        Some(Connection::postgres(Link::new(checkout, &self.followed)))
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

    /// How the server's commits are followed.
    pub(super) fn replication(&self) -> ReplicationStats {
        let (reflection, lag) = (self.reflection(), self.followed.lag());
        let sole = reflection.sole();
        ReplicationStats {
            live: reflection.is_live() && sole.is_none(),
            sole,
            lag: lag.time,
            lag_bytes: lag.bytes,
            fences: reflection.fences().into(),
            unconfirmed: reflection.unconfirmed(),
            commits: self.followed.commits(),
            streams: self.followed.streams(),
        }
    }

    pub(super) async fn close(&self) {
        drop(self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.followed.end("the database is closed");
        self.lanes.close();
        self.analyst.close().await;
        self.pool.close().await;
    }

    /// The ticket of a fill on this connection, before the statement is sent.
    fn draft(
        &self,
        connection: &postgres::Connection,
        analysis: &postgres::Analysis,
        params: &Params,
    ) -> Option<Draft> {
        let schema = analysis.schema?;
        let values: Vec<&Value> = params.positional().collect();
        let meanings = analysis.meanings(&values)?;
        let meanings: Vec<&Value> = meanings.iter().collect();
        let draft = self.reflection().draft(&analysis.basis, Bindings(&meanings))?;
        // After the draft: a schema that changes later makes it void, and so does another stream.
        let is_of_now = self.reflection().is_schema(schema)
            && self.followed.server().is_some_and(|server| connection.is_known_of(&server));
        is_of_now.then_some(draft)
    }
}

/// A pool whose first connection is made.
async fn connected(config: &Config, options: &pool::Options) -> Result<Pool<Connector>> {
    let pool = Pool::new(Connector::new(config.clone()), options.clone())?;
    let holder = HolderLabel { caller: std::panic::Location::caller(), statement: None };
    drop(pool.acquire(holder).await?);
    Ok(pool)
}

/// Looks after the entries of an engine on PostgreSQL until the engine is dropped.
pub(super) async fn tend(weak: Weak<Engine>) {
    let mut purge = Purge::default();
    loop {
        tokio::time::sleep(TEND_INTERVAL).await;
        let Some(engine) = weak.upgrade() else { return };
        engine.purge(&mut purge).await;
        engine.tend_shelf();
    }
}

impl Engine {
    /// The answer: on a lane, if the statement is a short one that only reads, else on a connection
    /// of the pool. Of the trip it says when it had one.
    pub(super) async fn read_at_postgres(
        &self,
        postgres: &Postgres,
        call: &Call<'_>,
        template: &Arc<Template>,
        fill: bool,
        trip: &mut Trip,
    ) -> Result<Answer> {
        let mut _alone = None;
        if call.coalesces && template.pace.is_short() {
            match Box::pin(self.ride(call, template, fill)).await {
                Ride::Done(answer, spent) => {
                    trip.ride(spent);
                    return Ok(answer);
                }
                Ride::Alone(solo) => _alone = solo,
            }
        }
        if template.pace.is_short()
            && let Some(schema) = template.proven(&call.params).read_under()
            && let Some(lane) = postgres.lanes.pick(schema)
            && let Some(done) =
                self.read_in_lane(postgres, &lane, (call, template), fill, trip).await
        {
            return done;
        }
        let holder = call.holder(Some(template.record.text().clone()));
        let mut connection = self.acquire_for(call, Purpose::Read, holder).await?;
        let began = Instant::now();
        trip.arrive(began);
        let deadline = call.deadline(self.statement_timeout);
        let run = Run {
            sql: template.text.sql.clone(),
            params: call.params.clone(),
            limits: call.limits,
            stop: Stop::at(deadline),
            scope: Scope::Shared,
            proven: template.proven(&call.params),
        };
        let link = connection.link();
        let is_fit = fill && link.is_fit_for_fill(deadline).await?;
        let filling =
            Filling::begin(postgres, link.connection(), &call.params, template, fill && is_fit);
        let answer = run.on_postgres(link).await?;
        template.pace.was(began.elapsed() < SHORT);
        Ok(filling.end(postgres, answer))
    }

    /// The same on a connection that others use at the same time; `None` if it takes so long that
    /// it would be held up by others, or hold them up.
    async fn read_in_lane(
        &self,
        postgres: &Postgres,
        lane: &postgres::Connection,
        (call, template): (&Call<'_>, &Template),
        fill: bool,
        trip: &mut Trip,
    ) -> Option<Result<Answer>> {
        trip.arrive(Instant::now());
        let filling = Filling::begin(postgres, lane, &call.params, template, fill);
        let request = postgres::Request {
            sql: template.text.sql.clone(),
            params: call.params.clone(),
            deadline: call.deadline(self.statement_timeout),
            is_repeatable: true,
            fence: None,
        };
        let ran = tokio::time::timeout(LANE_MAX, lane.run(request, call.limits)).await;
        match ran {
            Ok(Ok(answer)) => Some(Ok(filling.end(postgres, answer))),
            // It was not run, or may be run again.
            Ok(Err(error)) if error.is_closed() => None,
            Ok(Err(error)) => Some(Err(error)),
            Err(_) => {
                template.pace.was_long();
                None
            }
        }
    }
}

/// A read that is to be kept, from before its statement is sent.
pub(super) struct Filling {
    draft: Option<Draft>,
    /// How long the ticket took, if the read is to be kept.
    time: Option<Duration>,
}

impl Filling {
    /// To be called before the statement is sent.
    pub(super) fn begin(
        postgres: &Postgres,
        connection: &postgres::Connection,
        params: &Params,
        template: &Template,
        fill: bool,
    ) -> Filling {
        let began = Instant::now();
        let draft = match &template.analysis {
            Analysis::Postgres(analysis) if fill => postgres.draft(connection, analysis, params),
            _ => None,
        };
        Filling { draft, time: fill.then(|| began.elapsed()) }
    }

    /// The answer with its ticket.
    pub(super) fn end(self, postgres: &Postgres, mut answer: Answer) -> Answer {
        answer.ticket = self.draft.map(|draft| {
            let rows = &answer.rows;
            let last = |column: usize| rows.values(rows.len().checked_sub(1)?).get(column);
            draft.close(postgres.reflection().index(), rows.len(), last)
        });
        (answer.is_fill, answer.ticket_time) = (self.time.is_some(), self.time);
        answer
    }
}

impl Template {
    /// What is proven of the statement, run with these parameters.
    pub(super) fn proven(&self, params: &Params) -> Proven {
        match &self.analysis {
            Analysis::Postgres(analysis) => Proven::of(analysis, params),
            Analysis::Sqlite(_) => Proven::nothing(),
        }
    }
}

impl Engine {
    /// What is proven of a text, as far as that has been found out before.
    pub(super) fn proven(&self, call: &Call<'_>) -> Proven {
        let template = self.known_template(&call.text);
        template.map_or_else(Proven::nothing, |template| template.proven(&call.params))
    }

    /// The same. Where a write drops what it may change, it is found out first: what is not known
    /// would drop everything.
    pub(super) async fn proven_first(&self, call: &Call<'_>) -> Proven {
        let is_sole = self.postgres().is_some_and(|it| it.reflection().is_sole());
        if is_sole && self.known_template(&call.text).is_none() {
            // Its own error comes when it is run.
            drop(Box::pin(self.template(call)).await);
        }
        self.proven(call)
    }

    /// What is proven of a text, whatever it is run with; it is found out, if it is not known.
    pub(super) async fn proven_of_any(
        &self,
        sql: &str,
        caller: &'static Location<'static>,
    ) -> Result<Proven> {
        if self.postgres().is_none() {
            return Ok(Proven::nothing());
        }
        let call = self.call(sql, caller).unguarded();
        let template = Box::pin(self.template(&call)).await?;
        Ok(match &template.analysis {
            Analysis::Postgres(analysis) => Proven::of_any(analysis),
            Analysis::Sqlite(_) => Proven::nothing(),
        })
    }

    /// The database, if it is a PostgreSQL one.
    pub(super) fn postgres(&self) -> Option<&Postgres> {
        match &self.origin {
            Origin::Postgres(postgres) => Some(postgres),
            Origin::Sqlite(_) => None,
        }
    }
}
