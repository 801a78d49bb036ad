//! Hrana, the protocol that libSQL clients speak: over HTTP, versions 1 (single statements and
//! batches), 2 and 3, in its JSON encoding. One noun of the protocol per file. Nothing here
//! knows HTTP but the statuses of failures; `http` reads requests and sends answers.

mod batch;
mod baton;
mod cursor;
mod describe;
mod door;
mod pipeline;
mod single;
mod stmt;
mod store;
mod stream;
mod streams;
mod value;

pub(crate) use cursor::CursorRequest;
pub(crate) use door::{Door, sweep};
pub(crate) use pipeline::PipelineRequest;
pub(crate) use single::{SingleBatch, SingleExecute};
