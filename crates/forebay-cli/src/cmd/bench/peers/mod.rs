//! The suite `peers`: each operation beside what a user would pick instead. One program can only
//! link one SQLite, so the peers are measured by programs of `bench/compare` in a checkout of the
//! repository, which this builds, runs and gathers; it measures nothing itself.

mod checkout;
mod outcome;
mod plot;
mod process;
mod program;
mod report;
mod run;

pub(super) use run::peers;
