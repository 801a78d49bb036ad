//! `forebay bench`: an application's endpoints under the load of many users, and whether they reach
//! what was asked of them; and suites: what layers advertise, what size costs, and what other
//! libraries take for the same.

mod ask;
mod delivery;
mod layers;
mod line;
mod load;
mod peers;
mod report;
mod run;
mod scale;
mod tally;
mod target;

pub(crate) use run::bench;
pub(crate) use target::Target;
