//! What keeps a database in good order, on a schedule: health checks, statistics of the planner,
//! space, indexes, rows that are too old, the log, a warm cache. When what is due is decided in
//! files that are given the time; only what is around them waits and runs. What is run goes the way
//! of ordinary statements, so that the cache stays exact.

mod alert;
mod face;
mod guide;
mod handle;
mod history;
mod judge;
mod leader;
mod plan;
mod report;
mod run;
mod runner;
mod schedule;
mod task;
mod tell;
mod timetable;
#[cfg(feature = "webhook")]
mod webhook;

pub use alert::{AlertKind, MaintenanceAlert};
pub use handle::Maintenance;
pub use plan::MaintenancePlan;
pub use report::{MaintenanceOutcome, MaintenanceRun, MaintenanceStatus};
pub use schedule::Schedule;
pub use task::{MaintenanceTask, Retention, TimeUnit, UnusedIndexRemoval};
#[cfg(feature = "webhook")]
pub use webhook::Webhook;
