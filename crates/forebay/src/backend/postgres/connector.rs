//! Connections for the pools.

use super::config::Config;
use super::connection::Connection;
use crate::error::Result;
use crate::pool::Connect;

/// Opens connections to one database.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    config: Config,
}

impl Connector {
    pub(crate) fn new(config: Config) -> Connector {
        Connector { config }
    }
}

impl Connect for Connector {
    type Connection = Connection;

    async fn connect(&self) -> Result<Connection> {
        Connection::open(&self.config).await
    }

    /// Costs no round trip: the task reads all the while, so it has seen a server that closed the
    /// connection. A transaction that was left open, and a statement that has not ended, make the
    /// connection unfit.
    fn check(&self, connection: &mut Connection) -> bool {
        connection.is_at_rest()
    }
}
