//! Connections for the pools: who may do what on them.

use std::sync::Arc;

use super::capture::Capture;
use super::catchup::CatchUp;
use super::connection::Connection;
use super::lease::Leases;
use super::location::Location;
use super::observe::Policy;
use super::open::{self, Opened};
use super::options::Options;
use super::reread::Past;
use super::statements::StatementCounters;
use crate::error::{Error, Kind, Result};
use crate::pool::Connect;

/// `PRAGMA synchronous` from which on every commit is synced.
const SYNCHRONOUS_FULL: i64 = 2;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Reads, shared by all callers.
    Reader,
    /// Writes, one after another, shared by all callers.
    Writer,
    /// One caller at a time, who may change it.
    Session,
    /// Everything, shared by all callers: the one connection of a database in memory.
    Only,
}

/// Opens connections of one role.
#[derive(Clone)]
pub(crate) struct Connector {
    location: Location,
    options: Options,
    catchup: Arc<CatchUp>,
    leases: Arc<Leases>,
    past: Option<Arc<Past>>,
    counters: Arc<StatementCounters>,
    role: Role,
}

impl Connector {
    pub(crate) fn new(opened: &Opened, counters: Arc<StatementCounters>, role: Role) -> Connector {
        Connector {
            location: opened.location.clone(),
            options: opened.options.clone(),
            catchup: opened.catchup.clone(),
            leases: opened.leases.clone(),
            past: opened.past.clone(),
            counters,
            role,
        }
    }

    /// Opens one. Blocks on the disk.
    pub(super) fn open(&self) -> Result<Box<Connection>> {
        // Another file under the same name must neither be made nor answer beside the one that
        // was opened first.
        self.catchup.check_moved()?;
        let connection = open::connect(&self.location, &self.options)?;
        self.catchup.check_moved()?;
        let fault = |error| super::fault::from_driver(error, None, None);
        if self.role == Role::Reader {
            connection.execute_batch("PRAGMA query_only = ON").map_err(fault)?;
        }
        let asked = connection.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0));
        let syncs_commits = asked.map_err(fault)? >= SYNCHRONOUS_FULL;
        let policy = Policy { shared: self.role != Role::Session, remote: self.options.remote };
        let (means, index) = (self.catchup.means(), self.catchup.index().clone());
        let connection = Connection::new(
            connection,
            policy,
            self.catchup.clone(),
            Capture::new(means, index, self.past.clone()),
            self.leases.clone(),
            &self.options,
            self.counters.clone(),
        );
        Ok(Box::new(match self.role {
            Role::Reader => connection.holding_snapshots(self.leases.clone()),
            Role::Writer | Role::Only if !syncs_commits => connection.committing_at_once(),
            Role::Writer | Role::Session | Role::Only => connection,
        }))
    }
}

impl Connect for Connector {
    /// Boxed, since it is moved a dozen times on its way out of the pool and back.
    type Connection = Box<Connection>;

    async fn connect(&self) -> Result<Box<Connection>> {
        let connector = self.clone();
        tokio::task::spawn_blocking(move || connector.open()).await.unwrap_or_else(|error| {
            Err(Error::new(Kind::Database, "opening a connection panicked").with_cause(error))
        })
    }

    /// A database in memory would be gone with its connection, so that one is made fit again.
    fn check(&self, connection: &mut Box<Connection>) -> bool {
        let is_clean = connection.is_clean() || connection.roll_back().is_ok();
        is_clean && !connection.is_changed()
    }
}
