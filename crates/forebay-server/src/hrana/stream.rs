//! A stream: what the server keeps for a client between its requests, a session of the database
//! and the SQL texts it has stored. Without an open transaction it holds no connection.

use forebay::Session;
use tokio::sync::OwnedSemaphorePermit;

use super::store::StoredSql;

/// The state of one client. Dropping it rolls back.
pub(crate) struct Stream {
    pub(crate) session: Session,
    pub(crate) sqls: StoredSql,
    /// The place among the open streams; a stream that ends with its request takes none.
    _place: Option<OwnedSemaphorePermit>,
}

impl Stream {
    pub(crate) fn new(session: Session, place: Option<OwnedSemaphorePermit>) -> Stream {
        Stream { session, sqls: StoredSql::default(), _place: place }
    }

    /// Rolls back what is open. When it returns, the connection is free.
    pub(crate) async fn close(self) {
        self.session.close().await;
    }
}
