//! Moving rows of a live database to an archive, so that no instant loses or doubles one; why is in
//! docs/design/archive.md. Readers that are to see each row once go through [`crate::Routed`].

mod check;
mod digest;
mod face;
mod place;
#[cfg(feature = "postgres")]
mod server;
mod step;

pub use face::{Archive, ArchivePlan, ArchiveProgress, ArchiveReport};
