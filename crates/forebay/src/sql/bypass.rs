//! Why a read is not served from the cache: one name per rule, for statistics, metrics and
//! `explain`.

/// A rule that sends a read to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Bypass {
    /// The cache is switched off, or cannot be kept exact on this database.
    CacheOff,
    /// The caller asked for the database.
    NoCache,
    /// Its statement, or a table that it reads, is switched off.
    SwitchedOff,
    /// A cached answer of its statement was found to differ from the database's.
    Audit,
    /// Served from the database to see what caching would bring.
    Shadow,
    /// Keeping the answers of its statement costs more than it saves.
    NotWorth,
    /// Inside a transaction, or on a session with settings of its own.
    Transaction,
    /// Rows one after another are not collected.
    Stream,
    /// The statement writes.
    Write,
    /// A function whose answer is not a function of its arguments alone.
    Function,
    /// A virtual table: what it shows may rest on more than tables.
    VirtualTable,
    /// A table whose changes the stream of commits does not tell.
    NotFollowed,
    /// A table of the database's own, such as `sqlite_schema`.
    SystemTable,
    /// A TEMP table or an attached database.
    OtherDatabase,
    /// A PRAGMA or EXPLAIN.
    Pragma,
    /// Something that the analysis does not know.
    Unknown,
}

impl Bypass {
    /// All rules, in the order of their declaration.
    pub(crate) const ALL: [Bypass; 16] = [
        Bypass::CacheOff,
        Bypass::NoCache,
        Bypass::SwitchedOff,
        Bypass::Audit,
        Bypass::Shadow,
        Bypass::NotWorth,
        Bypass::Transaction,
        Bypass::Stream,
        Bypass::Write,
        Bypass::Function,
        Bypass::VirtualTable,
        Bypass::NotFollowed,
        Bypass::SystemTable,
        Bypass::OtherDatabase,
        Bypass::Pragma,
        Bypass::Unknown,
    ];

    /// The name in statistics and metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Bypass::CacheOff => "cache_off",
            Bypass::NoCache => "no_cache",
            Bypass::SwitchedOff => "switched_off",
            Bypass::Audit => "audit",
            Bypass::Shadow => "shadow",
            Bypass::NotWorth => "not_worth",
            Bypass::Transaction => "transaction",
            Bypass::Stream => "stream",
            Bypass::Write => "write",
            Bypass::Function => "function",
            Bypass::VirtualTable => "virtual_table",
            Bypass::NotFollowed => "not_followed",
            Bypass::SystemTable => "system_table",
            Bypass::OtherDatabase => "other_database",
            Bypass::Pragma => "pragma",
            Bypass::Unknown => "unknown",
        }
    }

    /// The rule in words.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Bypass::CacheOff => "the cache is off for this database",
            Bypass::NoCache => "the caller asked for the database",
            Bypass::SwitchedOff => "the cache is switched off for it, or for a table that it reads",
            Bypass::Audit => "an answer of it in the cache differed from the database's",
            Bypass::Shadow => "it runs in shadow: the database answers, and the cache is compared",
            Bypass::NotWorth => "keeping its answers costs more than it saves",
            Bypass::Transaction => "it runs inside a transaction or a session of its own",
            Bypass::Stream => "a stream is not collected, so there is no answer to keep",
            Bypass::Write => "it writes",
            Bypass::Function => "it calls a function that may answer differently each time",
            Bypass::VirtualTable => "it reads a virtual table, whose content is not tracked",
            Bypass::NotFollowed => "it reads a table whose changes the stream does not tell",
            Bypass::SystemTable => "it reads a table of the database's own",
            Bypass::OtherDatabase => "it reads a TEMP table or an attached database",
            Bypass::Pragma => "it is a PRAGMA or an EXPLAIN",
            Bypass::Unknown => "the analysis does not understand it",
        }
    }
}
