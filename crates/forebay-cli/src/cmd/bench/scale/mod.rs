//! The suite `scale`: what an operation costs against the size of what it works on. It says how
//! each cost grows and whether that is how it should grow; what an operation costs beside other
//! libraries is in the suite `peers`.

mod budget;
mod changed;
mod clients;
mod entries;
mod growth;
mod plot;
mod report;
mod rows;
mod run;
mod series;
mod shares;
mod sizes;
mod stage;
mod stopwatch;

pub(super) use run::scale;
