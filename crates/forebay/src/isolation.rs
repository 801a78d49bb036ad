//! How a transaction is to run: what it may see of others, whether it may write, and how often it
//! is tried again. Plain data; the databases give it its meaning.

/// What a transaction may see of transactions beside it, in the words of the SQL standard.
///
/// SQLite runs every transaction as [`Isolation::Serializable`], whatever is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isolation {
    /// Each statement sees what was committed before it began. PostgreSQL's default.
    ReadCommitted,
    /// All statements see what was committed before the first of them. A row that was changed
    /// meanwhile cannot be changed again: the transaction fails, and may be tried again.
    RepeatableRead,
    /// As if transactions ran one after another. Where that cannot be, one fails, and may be
    /// tried again.
    Serializable,
}

/// Settings of one transaction, for [`crate::Db::transaction_with`].
#[derive(Clone, Debug, Default)]
pub struct TransactionOptions {
    pub(crate) isolation: Option<Isolation>,
    pub(crate) read_only: bool,
    pub(crate) deferrable: bool,
    pub(crate) retries: u32,
}

impl TransactionOptions {
    /// The database's own isolation; it may write; tried once.
    pub fn new() -> TransactionOptions {
        TransactionOptions::default()
    }

    /// What it may see of others.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> TransactionOptions {
        self.isolation = Some(isolation);
        self
    }

    /// It may not write. PostgreSQL only.
    #[must_use]
    pub fn read_only(mut self) -> TransactionOptions {
        self.read_only = true;
        self
    }

    /// A serializable transaction that only reads waits, at its beginning, until it can neither
    /// fail nor make others fail. PostgreSQL only; it implies [`TransactionOptions::read_only`]
    /// and [`Isolation::Serializable`].
    #[must_use]
    pub fn deferrable(mut self) -> TransactionOptions {
        self.deferrable = true;
        self
    }

    /// How often it is run again, from its beginning, when the database could not put it in order
    /// with others ([`crate::Error::is_serialization_failure`]); 0 by default. Between two tries
    /// it waits for a random time that doubles, up to 100 ms.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> TransactionOptions {
        self.retries = retries;
        self
    }
}
