//! The database that answers come from: what the engine asks it in the same words, whichever it
//! is. What differs in how statements run is in the works and the ways of each.

use super::connection::Connection;
#[cfg(feature = "postgres")]
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::template::Analysis;
use crate::error::Result;
use crate::invalidate::{Author, Ticket};
use crate::pool::HolderLabel;
use crate::sql::Dialect;
use crate::stats::{ForeignStats, PoolStats, ReplicationStats, StatementCacheStats};

/// The database behind an engine.
pub(super) enum Origin {
    Sqlite(Sqlite),
    #[cfg(feature = "postgres")]
    Postgres(Box<Postgres>),
}

/// What a connection is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A statement that reads.
    Read,
    /// A statement, a script or a transaction that may write.
    Write,
    /// A session, which may change the connection.
    Session,
}

/// What a database counts.
pub(super) struct Counters {
    pub(super) readers: PoolStats,
    pub(super) writer: PoolStats,
    pub(super) sessions: PoolStats,
    pub(super) statements: StatementCacheStats,
    pub(super) foreign: ForeignStats,
    pub(super) capture_gaps: u64,
}

impl Origin {
    /// Whose rules a text is cut by.
    #[inline]
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Origin::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Origin::Postgres(_) => Dialect::Postgres,
        }
    }

    /// An error when the database is no longer the one that was opened.
    #[inline]
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Origin::Sqlite(sqlite) => sqlite.check_moved(),
            #[cfg(feature = "postgres")]
            Origin::Postgres(_) => Ok(()),
        }
    }

    /// Whether the cache reflects the database as it is now.
    #[inline]
    pub(super) fn is_current(&self) -> bool {
        match self {
            Origin::Sqlite(sqlite) => sqlite.catchup.is_current(),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.reflection().is_live(),
        }
    }

    /// The same, after it has been brought up to date if that could be done without waiting.
    #[inline]
    pub(super) fn is_made_current(&self) -> bool {
        match self {
            Origin::Sqlite(sqlite) => sqlite.catchup.is_made_current(),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.reflection().is_live(),
        }
    }

    /// Whether nothing that the ticket rests on has changed since it was taken.
    #[inline]
    pub(super) fn is_valid(&self, ticket: &Ticket) -> bool {
        match self {
            Origin::Sqlite(sqlite) => sqlite.catchup.is_valid(ticket),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.reflection().is_valid(ticket),
        }
    }

    /// Whether the ticket can never be valid again. One that is fenced off is not valid meanwhile,
    /// and may be afterwards.
    pub(super) fn is_void(&self, ticket: &Ticket) -> bool {
        match self {
            Origin::Sqlite(sqlite) => !sqlite.catchup.is_valid(ticket),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => !postgres.reflection().index().is_valid(ticket),
        }
    }

    /// Whether the cache cannot be kept exact, whatever its switch says.
    pub(super) fn is_blind(&self) -> bool {
        match self {
            Origin::Sqlite(sqlite) => sqlite.blind().is_some(),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => !postgres.reflection().is_live(),
        }
    }

    /// Whether changes of the database have never been seen since it was opened, and are not about
    /// to be.
    pub(super) fn is_never_seen(&self) -> bool {
        match self {
            Origin::Sqlite(sqlite) => sqlite.catchup.blind().is_some(),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.is_never_seen(),
        }
    }

    /// Whether running a statement that reads does nothing else than answer. At SQLite that is
    /// known of all of them.
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables))]
    pub(super) fn only_answers(&self, sql: &str) -> bool {
        match self {
            Origin::Sqlite(_) => true,
            #[cfg(feature = "postgres")]
            Origin::Postgres(_) => crate::sql::only_answers(sql),
        }
    }

    /// Whether what was found out about a statement is of the schema as it is now. At SQLite
    /// templates are forgotten when the schema changes.
    #[inline]
    pub(super) fn is_of_now(&self, analysis: &Analysis) -> bool {
        match (self, analysis) {
            (Origin::Sqlite(_), _) => true,
            #[cfg(feature = "postgres")]
            (Origin::Postgres(postgres), Analysis::Postgres(analysis)) => {
                postgres.is_of_now(analysis)
            }
            #[cfg(feature = "postgres")]
            (Origin::Postgres(_), Analysis::Sqlite(_)) => false,
        }
    }

    /// Why it cannot, if so.
    pub(super) fn blind(&self) -> Option<String> {
        match self {
            Origin::Sqlite(sqlite) => sqlite.blind().map(str::to_owned),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.reflection().blind(),
        }
    }

    /// How changes are noticed, in words.
    pub(super) fn describe(&self) -> String {
        match self {
            Origin::Sqlite(sqlite) => sqlite.catchup.describe(),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.describe(),
        }
    }

    /// Makes every ticket void.
    pub(super) fn flush(&self) {
        match self {
            Origin::Sqlite(sqlite) => sqlite.catchup.flush(),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.reflection().flush(),
        }
    }

    /// How often every ticket was made void.
    pub(super) fn flushes(&self) -> u64 {
        match self {
            Origin::Sqlite(sqlite) => sqlite.catchup.flushes(),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.reflection().flushes(),
        }
    }

    /// Windows that answers rest on.
    pub(super) fn windows(&self) -> usize {
        match self {
            Origin::Sqlite(sqlite) => sqlite.catchup.windows(),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.reflection().windows(),
        }
    }

    /// Makes void every ticket that rests on `table`.
    pub(super) fn drop_table(&self, table: &str) {
        match self {
            Origin::Sqlite(sqlite) => sqlite.catchup.drop_table(table),
            // Which table a name means is for the server to say.
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.reflection().flush(),
        }
    }

    /// Who made a ticket void, if it is void.
    pub(super) fn culprit(&self, ticket: &Ticket) -> Option<Author> {
        match self {
            Origin::Sqlite(sqlite) => sqlite.catchup.culprit(ticket),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.reflection().culprit(ticket),
        }
    }

    /// A connection, in turn with others who want one for the same purpose.
    pub(super) async fn acquire(
        &self,
        purpose: Purpose,
        holder: HolderLabel,
    ) -> Result<Connection> {
        match self {
            Origin::Sqlite(sqlite) => sqlite.acquire(purpose, holder).await,
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.acquire(holder).await,
        }
    }

    /// A connection for a read that lies idle, if there is one.
    pub(super) fn take_idle(&self, holder: HolderLabel) -> Option<Connection> {
        match self {
            Origin::Sqlite(sqlite) => sqlite.readers.take_idle(holder).map(Connection::sqlite),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.take_idle(holder),
        }
    }

    /// The counters of its pools, prepared statements, and of how it notices changes.
    pub(super) fn counters(&self) -> Counters {
        match self {
            Origin::Sqlite(sqlite) => sqlite.counters(),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.counters(),
        }
    }

    /// How the commits of a server are followed.
    pub(super) fn replication(&self) -> Option<ReplicationStats> {
        match self {
            Origin::Sqlite(_) => None,
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => Some(postgres.replication()),
        }
    }

    /// Whether one connection serves everybody, so that a use of the database within a
    /// transaction would wait for itself.
    pub(super) fn is_single(&self) -> bool {
        match self {
            Origin::Sqlite(sqlite) => sqlite.is_single,
            #[cfg(feature = "postgres")]
            Origin::Postgres(_) => false,
        }
    }

    /// Waits for statements in flight and closes every connection.
    pub(super) async fn close(&self) {
        match self {
            Origin::Sqlite(sqlite) => sqlite.close().await,
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.close().await,
        }
    }
}
