//! On whose behalf a connection runs statements, and so what they may do.

/// On whose behalf a statement runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Of a caller who gives the connection back at once: no transaction may be left open.
    Shared,
    /// Of a transaction that was begun for its caller: it may neither end it nor run outside it.
    Transaction,
    /// Of a session, which may begin and end transactions with statements.
    Session,
}
