//! Advice on indexes: which ones a workload would gain by, which it can do without, and what else
//! of its statements no index helps. Nothing is advised that was not seen to help on a copy, unless
//! that is asked for. The database itself is only read; the advice is SQL, and is not run here.

mod advice;
mod advisor;
mod candidate;
mod choose;
mod generate;
mod guide;
mod offset;
mod options;
#[cfg(feature = "postgres")]
mod postgres;
mod saved;
mod script;
mod sqlite;
mod workload;
mod worth;

pub use advice::{Advice, Effect, Finding, FindingKind, Measured, Refusal, WriteCost};
pub use advisor::Advisor;
pub use options::AdviseOptions;
pub use workload::{Workload, WorkloadQuery};
