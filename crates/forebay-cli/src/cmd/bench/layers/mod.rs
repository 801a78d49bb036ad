//! The suite `layers`: what layers that applications write by hand say of themselves, measured
//! here before (one statement after another, as it is first written) and after (through Forebay).
//! It measures no one's API, so that figures that are mostly the time of one are not in it.

mod figure;
mod lists;
mod lookups;
mod report;
mod run;
mod seed;
mod service;
mod writes;

pub(super) use run::layers;
