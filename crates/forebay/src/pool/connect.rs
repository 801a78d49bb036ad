//! What the pool asks of those who use it: how to open and check a connection, and who wants one.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use crate::error::Result;

/// Opens and checks the connections of one pool.
pub(crate) trait Connect: Send + Sync + 'static {
    /// What is pooled. Dropping it closes it.
    type Connection: Send + 'static;

    /// Opens one. Cancel safe: the pool drops the future when time runs out, and nothing may leak.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection>> + Send;

    /// A cheap check before a connection that lay idle is handed out; `false` closes it and
    /// another is taken. It is also asked when a holder panicked, so it must notice, or clean
    /// up, what a holder can leave behind, such as an open transaction. It must not panic.
    fn check(&self, connection: &mut Self::Connection) -> bool;
}

/// Who asks for a connection, for warnings, errors and statistics.
#[derive(Clone, Debug)]
pub(crate) struct HolderLabel {
    /// Where in the application's source it was asked for.
    pub(crate) caller: &'static Location<'static>,
    /// The statement, normalised, if one is known: never with parameter values.
    pub(crate) statement: Option<Arc<str>>,
}
