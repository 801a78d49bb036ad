//! A connection that a caller has for a while, to whichever database, and how work is done on it.

use super::work::Work;
use super::worker::blocking;
use crate::backend::sqlite;
use crate::error::Result;
use crate::pool::Checkout;

#[cfg(feature = "postgres")]
use super::link::Link;

/// A connection out of a pool. Dropping it makes it fit for another caller, if it is not, and gives
/// it back.
pub(super) struct Connection(Option<Kind>);

/// To which database.
enum Kind {
    Sqlite(Checkout<sqlite::Connector>),
    #[cfg(feature = "postgres")]
    Postgres(Link),
}

impl Connection {
    pub(super) fn sqlite(checkout: Checkout<sqlite::Connector>) -> Connection {
        Connection(Some(Kind::Sqlite(checkout)))
    }

    #[cfg(feature = "postgres")]
    pub(super) fn postgres(link: Link) -> Connection {
        Connection(Some(Kind::Postgres(link)))
    }

    #[cfg(feature = "postgres")]
    pub(super) fn link(&mut self) -> &mut Link {
        match self.kind_mut() {
            Kind::Postgres(link) => link,
            Kind::Sqlite(_) => unreachable!("it was acquired from a PostgreSQL database"),
        }
    }

    /// Its connection to SQLite, if that is the database.
    pub(super) fn as_sqlite(&mut self) -> Option<&mut sqlite::Connection> {
        match self.kind_mut() {
            Kind::Sqlite(checkout) => Some(checkout),
            #[cfg(feature = "postgres")]
            Kind::Postgres(_) => None,
        }
    }

    fn kind(&self) -> &Kind {
        self.0.as_ref().expect("it has its connection until it is dropped")
    }

    fn kind_mut(&mut self) -> &mut Kind {
        self.0.as_mut().expect("it has its connection until it is dropped")
    }

    /// The connection goes to another caller, who is not to be told what it did before.
    pub(super) fn hand_over(&mut self) {
        match self.kind_mut() {
            Kind::Sqlite(checkout) => checkout.hand_over(),
            #[cfg(feature = "postgres")]
            Kind::Postgres(_) => {}
        }
    }

    /// Whether no transaction is open.
    pub(super) fn is_autocommit(&self) -> bool {
        match self.kind() {
            Kind::Sqlite(checkout) => checkout.is_autocommit(),
            #[cfg(feature = "postgres")]
            Kind::Postgres(link) => link.is_autocommit(),
        }
    }

    /// Whether a statement has changed the connection.
    pub(super) fn is_changed(&self) -> bool {
        match self.kind() {
            Kind::Sqlite(checkout) => checkout.is_changed(),
            #[cfg(feature = "postgres")]
            Kind::Postgres(link) => link.is_changed(),
        }
    }

    /// Whether a statement is still running that nobody waits for any more.
    pub(super) fn is_busy(&self) -> bool {
        match self.kind() {
            Kind::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Kind::Postgres(link) => link.is_busy(),
        }
    }

    /// Waits until nothing runs on it.
    pub(super) async fn rest(&mut self) {
        match self.kind_mut() {
            Kind::Sqlite(_) => {}
            #[cfg(feature = "postgres")]
            Kind::Postgres(link) => link.rest().await,
        }
    }

    /// Makes it fit for another caller, or closes it, on this thread where that blocks.
    pub(super) fn clean(mut self) {
        match self.0.take() {
            Some(Kind::Sqlite(checkout)) => clean(checkout),
            #[cfg(feature = "postgres")]
            Some(Kind::Postgres(link)) => link.retire(),
            None => {}
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        match self.0.take() {
            Some(Kind::Sqlite(checkout)) => retire(checkout),
            #[cfg(feature = "postgres")]
            Some(Kind::Postgres(link)) => link.retire(),
            None => {}
        }
    }
}

/// Rolls back on a worker thread if there is anything to roll back, and makes a checkpoint there
/// that is owed.
fn retire(checkout: Checkout<sqlite::Connector>) {
    let is_clean = checkout.is_autocommit() && !checkout.is_changed();
    if is_clean && !checkout.owes_checkpoint() {
        return;
    }
    let work = move || match is_clean {
        true => make_checkpoint(checkout),
        false => clean(checkout),
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}

fn make_checkpoint(mut checkout: Checkout<sqlite::Connector>) {
    checkout.make_checkpoint();
}

/// Makes a connection fit for another caller, or closes it.
fn clean(mut checkout: Checkout<sqlite::Connector>) {
    let rolled_back = checkout.roll_back();
    if let Err(error) = &rolled_back {
        tracing::warn!(%error, "a transaction could not be rolled back; its connection is closed");
    }
    if rolled_back.is_err() || checkout.is_changed() {
        checkout.discard();
    }
}

/// Whoever answers for a connection while work is done on it. It is dropped when that has ended,
/// when the work panics, and when nobody waits for it any more.
pub(super) trait Hold: Send + 'static {
    fn connection(&mut self) -> &mut Connection;
}

impl Hold for Connection {
    fn connection(&mut self) -> &mut Connection {
        self
    }
}

/// Does `work` on the connection of `holder`, and returns when both have ended. At SQLite it does
/// so on this thread where the work waits for nothing, else on one that may block.
///
/// Dropping the future does not stop work that runs on a thread of its own, as at SQLite; whoever
/// wants that gives it a `Stop`. At PostgreSQL it asks the server to stop.
pub(super) async fn perform<W: Work>(mut holder: impl Hold, work: W) -> Result<W::Done> {
    #[cfg(feature = "postgres")]
    if let Kind::Postgres(link) = holder.connection().kind_mut() {
        return work.on_postgres(link).await;
    }
    if let Some(sqlite) = holder.connection().as_sqlite()
        && let Some(done) = work.at_once(sqlite)
    {
        return done;
    }
    blocking(move || match holder.connection().kind_mut() {
        Kind::Sqlite(checkout) => work.on_sqlite(checkout),
        #[cfg(feature = "postgres")]
        Kind::Postgres(_) => unreachable!("its work has been done above"),
    })
    .await
}
