//! `forebay demo`: a database of realistic size under the load of a busy site, with Forebay and
//! without, and every answer checked. It shows what an application would see; it is no benchmark
//! of single operations.

mod answer;
mod audit;
mod bare;
mod client;
mod drive;
mod fill;
mod layered;
mod ledger;
mod mix;
mod outside;
mod phase;
mod place;
mod progress;
mod prose;
mod report;
mod run;
mod schema;
mod skew;
mod stop;
mod tally;
#[cfg(test)]
mod tests;

pub(crate) use run::demo;
