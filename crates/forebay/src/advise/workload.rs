//! What is asked of a database, and how often. It is given, or read from a file.

use std::time::Duration;

use crate::value::Value;

/// The statements of an application, with how often each is run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// The statements. Each text once is best; of equal ones each counts.
    pub queries: Vec<WorkloadQuery>,
    /// Nothing else is asked of the database: only then can an index be called unused.
    pub is_complete: bool,
    /// The time in which the calls were made, if it is known: savings are then told per hour.
    pub period: Option<Duration>,
}

/// A statement of a workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkloadQuery {
    /// The text, as it is sent to the database: one statement that reads or writes rows.
    pub text: String,
    /// Values of its parameters in the order of their numbers, one list a call that was seen. Of
    /// a text with parameters and without such a list, values are drawn from the columns that the
    /// parameters are compared with.
    pub params: Vec<Vec<Value>>,
    /// How often it is run.
    pub calls: u64,
    /// The mean time of a call, if it was measured: the heaviest are looked at first.
    pub mean: Option<Duration>,
}

impl Workload {
    /// Without statements.
    pub fn new() -> Workload {
        Workload::default()
    }

    /// Adds a statement.
    #[must_use]
    pub fn with(mut self, query: WorkloadQuery) -> Workload {
        self.queries.push(query);
        self
    }

    /// Says that nothing else is asked of the database.
    #[must_use]
    pub fn complete(mut self) -> Workload {
        self.is_complete = true;
        self
    }

    /// All calls of all statements.
    pub fn calls(&self) -> u64 {
        self.queries.iter().fold(0, |sum, query| sum.saturating_add(query.calls))
    }
}

impl WorkloadQuery {
    /// A statement that is run once, without parameters.
    pub fn new(text: impl Into<String>) -> WorkloadQuery {
        WorkloadQuery { text: text.into(), calls: 1, ..WorkloadQuery::default() }
    }

    /// How often it is run.
    #[must_use]
    pub fn calls(mut self, calls: u64) -> WorkloadQuery {
        self.calls = calls;
        self
    }

    /// Adds values that its parameters had in one call.
    #[must_use]
    pub fn params(mut self, params: impl IntoIterator<Item = Value>) -> WorkloadQuery {
        self.params.push(params.into_iter().collect());
        self
    }
}
