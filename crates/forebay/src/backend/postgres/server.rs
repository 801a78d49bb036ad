//! Which server a connection is of. After a failover, connections to the former server may still be
//! open, and what is read on them must not be stored: the stream is another server's.

use std::sync::Arc;
use std::time::Instant;

use super::cells::Cells;
use super::connection::Connection;
use crate::error::{Error, Kind, Result};

/// A text that no two servers share, nor one before and after a restart or a promotion.
const IDENTITY: &str = "\
SELECT pg_catalog.concat_ws('|',
  (SELECT system_identifier FROM pg_catalog.pg_control_system()),
  EXTRACT(epoch FROM pg_catalog.pg_postmaster_start_time()), pg_catalog.pg_is_in_recovery())";

/// A running server. Those of one stream are clones of one.
#[derive(Clone, Debug)]
pub(crate) struct Server(Arc<str>);

impl Server {
    /// Asks the server of a connection, which may be one for replication.
    pub(crate) async fn of(connection: &Connection, deadline: Option<Instant>) -> Result<Server> {
        let cells = Cells::ask(connection, IDENTITY, deadline).await?;
        match cells.first()[..] {
            [Some(identity)] => Ok(Server(identity.into())),
            _ => Err(Error::new(Kind::Database, "the server does not say which one it is")),
        }
    }

    /// Whether the two are clones of one.
    #[inline]
    pub(super) fn is_clone(&self, other: &Server) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether it is the same server, still running.
    pub(crate) fn is_same(&self, other: &Server) -> bool {
        self.0 == other.0
    }
}
