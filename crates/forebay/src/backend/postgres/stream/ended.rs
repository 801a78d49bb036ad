//! Why a stream is over. Whatever the reason, the cache knows nothing from then on: it is emptied,
//! and a new stream begins.

use std::fmt;

use super::cursor::Malformed;
use crate::invalidate::Lsn;

/// Why a stream is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The connection is gone; the text is the server's or the system's.
    Lost(Box<str>),
    /// A frame or message cannot be read.
    Malformed(Malformed),
    /// A message came where it may not come.
    Disordered(&'static str),
    /// A commit came that the server had said was behind.
    Overtaken { end: Lsn, position: Lsn },
    /// A row of a table that was not described.
    UnknownRelation(u32),
    /// A row with another number of values than its table has columns.
    Misfit(u32),
    /// More tables than are kept.
    TooManyRelations,
    /// More changes of the schema than are kept, before the catalogue could be read.
    TooManyDdl,
    /// The server has not been heard of for so long, in milliseconds.
    Silent(u64),
}

impl From<Malformed> for Ended {
    fn from(malformed: Malformed) -> Ended {
        Ended::Malformed(malformed)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Lost(cause) => write!(f, "the connection is lost: {cause}"),
            Ended::Malformed(what) => write!(f, "a message of the server cannot be read: {what}"),
            Ended::Disordered(what) => write!(f, "a message came out of order: {what}"),
            Ended::Overtaken { end, position } => {
                write!(f, "a commit that ends at {end} came after the stream had passed {position}")
            }
            Ended::UnknownRelation(oid) => {
                write!(f, "a row of table {oid}, which is not described")
            }
            Ended::Misfit(oid) => write!(f, "a row of table {oid} does not fit its description"),
            Ended::TooManyRelations => f.write_str("too many tables have been described"),
            Ended::TooManyDdl => f.write_str("the schema changed too often to be read in between"),
            Ended::Silent(ms) => {
                write!(f, "the server has not answered for {ms} ms; is the network in between up?")
            }
        }
    }
}
