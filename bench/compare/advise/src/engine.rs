//! What is asked of a database in order to judge indexes.

use crate::case::Query;

pub type Fault = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T> = std::result::Result<T, Fault>;

/// What a query costs: the sum over its sets of parameters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// VM steps of SQLite, microseconds of PostgreSQL.
    pub work: f64,
    /// Blocks of PostgreSQL.
    pub blocks: f64,
    /// It has used an index that was built for the trial; always so where work does not vary.
    pub has_used: bool,
}

/// How a query fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fared {
    Better,
    Same,
    Worse,
    /// Two measures do not agree.
    Unclear,
}

pub trait Engine {
    /// Runs a query.
    fn cost(&mut self, query: &Query) -> Result<Cost>;

    /// Builds these indexes, with new numbers for the planner. Those that the database refuses are
    /// answered with the reason.
    fn build(&mut self, ddl: &[String]) -> Result<Vec<(String, String)>>;

    /// Takes back what was built.
    fn undo(&mut self) -> Result<()>;

    /// What one more entry of an index costs a write, in the unit of work: at least, where nothing
    /// is logged, and at most, as in a database that survives a crash.
    fn entry(&self) -> (f64, f64);

    fn fared(&self, before: Cost, after: Cost) -> Fared;
}
