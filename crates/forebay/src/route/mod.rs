//! One logical table over a live database and archives, split by ranges of one column: which
//! members a statement is asked of, and how their answers become one. It is made of several
//! [`crate::Db`]s and keeps nothing of its own; answers are merged by SQLite, in memory, or by the
//! live PostgreSQL server.

mod archive;
mod ask;
mod boundary;
mod builder;
mod explain;
mod guide;
mod member;
mod merge;
mod owner;
mod parallel;
mod plan;
mod query;
mod reach;
mod routed;
mod run;
#[cfg(feature = "postgres")]
mod server;
mod way;
mod write;

pub use archive::{Archive, ArchivePlan, ArchiveProgress, ArchiveReport};
pub use builder::{RoutedBuilder, open_routed};
pub use explain::{RoutedExplanation, RoutedStep};
pub use query::{MissingMember, Partial, PartialQuery, RoutedAnswer, RoutedQuery};
pub use routed::Routed;
pub use write::{Committed, RoutedExecute, RoutedOutcome};
