//! The tasks, one a file, and what they share.

mod analyse;
mod archive;
mod checkpoint;
mod cutoff;
mod face;
mod health;
mod job;
mod optimise;
mod reindex;
mod retain;
mod retention;
mod space;
mod target;
mod unused;
mod vacuum;
mod warm;

pub use face::MaintenanceTask;
pub use retention::{Retention, TimeUnit};
pub use unused::UnusedIndexRemoval;

pub(super) use analyse::run as analyse;
pub(super) use checkpoint::run as checkpoint;
pub(super) use face::Kind;
pub(super) use health::run as health;
pub(super) use job::{Done, Job};
pub(super) use optimise::run as optimise;
pub(super) use reindex::run as reindex;
pub(super) use retain::run as retain;
pub(super) use unused::run as drop_unused;
pub(super) use vacuum::{incremental as incremental_vacuum, run as vacuum};
pub(super) use warm::run as warm;
