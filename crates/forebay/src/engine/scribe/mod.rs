//! Writing down what was slow: the plan is asked for, the last ones are kept, the rest goes to
//! `tracing` and to a file. A task of its own does all of it, behind the statements, which never
//! wait for it.

mod desk;
mod draft;
mod journal;
mod plan;

pub(super) use desk::Scribe;
pub(crate) use desk::WatchSettings;
pub(super) use draft::Draft;
