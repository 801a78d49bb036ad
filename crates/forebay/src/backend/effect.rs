//! What running a statement brings about, in the terms that decide its way.

/// What running a statement brings about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Rows, nothing else.
    Read,
    /// Changed rows.
    Write,
    /// A changed schema, or changed planner statistics.
    Schema,
    /// Work on the file as a whole: VACUUM, checkpoints, PRAGMAs of the file.
    Maintain,
    /// A changed connection: PRAGMA, ATTACH, TEMP objects.
    Session,
    /// The begin or end of a transaction or savepoint.
    Transaction,
}

impl Effect {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Effect::Read => "read",
            Effect::Write => "write",
            Effect::Schema => "schema",
            Effect::Maintain => "maintain",
            Effect::Session => "session",
            Effect::Transaction => "transaction",
        }
    }
}
