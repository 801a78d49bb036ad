//! `forebay bench`: an application's endpoints under the load of many users, and whether they reach
//! what was asked of them; and the suite of what layers advertise. Single operations beside other
//! libraries are measured under `bench/`.

mod ask;
mod layers;
mod line;
mod load;
mod report;
mod run;
mod tally;
mod target;

pub(crate) use run::bench;
pub(crate) use target::Target;
