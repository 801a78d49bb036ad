//! Keeping a server followed: one stream after another for as long as the database is open. What
//! goes wrong empties the cache and is tried again; it is no error to anybody.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::clerk::{Clerk, Fault};
use super::followed::Followed;
use super::session::{Over, Session};
use super::sole::Sole;
use crate::backend::Limits;
use crate::backend::postgres::config::Config;
use crate::backend::postgres::connection::Connection;
use crate::backend::postgres::server::Server;
use crate::backend::postgres::setup::PUBLICATION;
use crate::backend::postgres::stream::{self, SESSION};
use crate::error::{Error, Kind, Result};

/// Between two attempts, at first and at most.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A stream that lasted so long was a good one: the next attempt is made soon.
const GOOD: Duration = Duration::from_secs(10);
/// The longest a command of the replication connection may take. A slot waits for transactions that
/// were running when it was made.
const COMMAND_MAX: Duration = Duration::from_secs(600);
const LIMITS: Limits = Limits { rows_max: 16, bytes_max: 65_536 };

/// Follows until it is dropped.
pub(crate) struct Keeper(AbortHandle);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Begins to follow, on the present runtime. With `sole_writer`, somebody answers for it that
/// nobody writes but through here.
pub(crate) fn keep(followed: &Arc<Followed>, config: &Config, sole_writer: bool) -> Keeper {
    let task = tokio::spawn(follow(followed.clone(), config.clone(), sole_writer));
    Keeper(task.abort_handle())
}

/// How the commits of a server are learned, as long as that can be done.
enum Begun {
    Stream(Box<Session>),
    Sole(Sole),
}

async fn follow(followed: Arc<Followed>, config: Config, sole_writer: bool) {
    let mut pause = PAUSE_MIN;
    let mut known = String::new();
    loop {
        let since = Instant::now();
        let why = match begin(&followed, &config, sole_writer).await {
            Ok(Begun::Sole(sole)) => {
                known.clear();
                sole.run().await
            }
            Ok(Begun::Stream(session)) => {
                tracing::info!("the commits of PostgreSQL are followed from here on");
                known.clear();
                match session.run().await {
                    Over::Lost(why) => why,
                    Over::Outdated => {
                        followed.end("a table was altered, and the stream is begun anew");
                        continue;
                    }
                }
            }
            Err(error) => error.message().to_owned(),
        };
        followed.end(&why);
        if known != why {
            tracing::warn!(why, "the commits of PostgreSQL are not followed, so nothing is cached");
            known = why;
        }
        pause = if since.elapsed() >= GOOD { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
        tokio::time::sleep(pause).await;
    }
}

/// Opens the connections and begins a stream.
async fn begin(followed: &Arc<Followed>, config: &Config, sole_writer: bool) -> Result<Begun> {
    let clerk = Clerk::open(config).await?;
    // First: what changes later changes it, a fault that comes after the look for faults, too.
    let fingerprint = clerk.fingerprint().await?;
    if let Some(fault) = clerk.fault().await? {
        if sole_writer {
            return begin_sole(followed, clerk, fault, fingerprint).await.map(Begun::Sole);
        }
        return Err(Error::new(Kind::Open, fault.text));
    }
    let connection = Connection::open(&for_stream(config)).await?;
    let slot = format!("forebay_{:016x}", RandomState::new().hash_one(Instant::now()));
    let deadline = || Instant::now().checked_add(COMMAND_MAX);
    connection.query_script(stream::create(&slot).into(), deadline(), LIMITS).await?;
    let server = Server::of(&connection, deadline()).await?;
    if !clerk.is_of(&server).await {
        return Err(Error::new(Kind::Open, "its address leads to several servers"));
    }
    let begun = clerk.begin().await?;
    followed.begin(server, begun.beginning);
    let start = stream::start(&slot, PUBLICATION);
    let replication = connection.start_replication(start.into(), deadline()).await?;
    let session = Session::new(followed.clone(), clerk, replication, begun.snapshot, fingerprint);
    Ok(Begun::Stream(Box::new(session)))
}

/// Does without a stream. A database that was prepared for one is not taken for a sole writer's: a
/// stream that is missing for a while is no reason to see less.
async fn begin_sole(
    followed: &Arc<Followed>,
    clerk: Clerk,
    fault: Fault,
    fingerprint: String,
) -> Result<Sole> {
    let refusal = match clerk.stranger().await? {
        _ if fault.is_prepared => Some("the database was prepared for the stream".to_owned()),
        stranger => stranger,
    };
    if let Some(why) = refusal {
        let text = format!("{}; sole_writer is not in force, because {why}", fault.text);
        return Err(Error::new(Kind::Open, text));
    }
    let server = clerk.server().await?;
    // First: what changes it later is seen to have changed it.
    let stamp = clerk.stamp().await?;
    followed.begin_sole(server, &fault.text);
    tracing::info!(
        why = fault.text,
        "the commits of PostgreSQL are not followed: what is cached is exact as long as nobody \
         writes but through here (sole_writer)"
    );
    Ok(Sole::new(followed.clone(), clerk, fingerprint, stamp))
}

/// The same database, for the stream: its texts do not depend on what is set for others.
fn for_stream(config: &Config) -> Config {
    let mut config = config.for_replication();
    let settings = SESSION.iter().filter(|(name, _)| *name != "client_encoding");
    config.settings.extend(settings.map(|(name, value)| (name.to_string(), value.to_string())));
    config
}
