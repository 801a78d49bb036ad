//! SQLite: opening files, running statements on one connection, learning what each statement
//! reads and writes, and noticing every commit, also by other processes.

mod analysis;
mod bind;
mod capture;
mod catalogue;
mod catchup;
mod checkpoint;
mod connect;
mod connection;
mod consequence;
mod control;
mod fault;
mod footprint;
mod hooks;
mod identity;
mod lease;
mod location;
mod many;
mod module;
mod observe;
mod open;
mod options;
mod owners;
mod partner;
#[cfg(forebay_preupdate)]
mod preupdate;
mod relations;
mod reliance;
mod reread;
mod run;
mod scratch;
mod script;
mod shm;
mod snapshot;
mod statements;
mod straight;
mod survey;
mod text;
mod traces;
mod trial;

pub(crate) use analysis::Analysis;
pub(crate) use capture::Means;
pub(crate) use catchup::CatchUp;
pub(crate) use connect::{Connector, Role};
pub(crate) use connection::Connection;
pub(crate) use lease::{Sweep, Sweeper};
pub(crate) use location::Location;
pub(crate) use open::{Opened, open};
pub(crate) use options::Options;
pub(crate) use owners::Foreign;
pub(crate) use relations::Relations;
pub(crate) use run::{Budget, Ran, Request};
pub(crate) use scratch::Scratch;
pub(crate) use statements::StatementCounters;
pub(crate) use traces::Traces;
pub(crate) use trial::{Bounds as TrialBounds, Imagined, IndexFacts, KeyFacts, TableFacts, Trial};
