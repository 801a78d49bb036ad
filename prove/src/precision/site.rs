//! What a workload is: tables with rows, questions and deeds.

use fastrand::Rng;
use forebay::Value;

use crate::domain::Statement;

/// A read, and the tables it reads.
pub(crate) struct Question {
    pub(crate) statement: Statement,
    pub(crate) tables: &'static [&'static str],
}

/// A transaction, and the tables it writes.
pub(crate) struct Deed {
    pub(crate) statements: Vec<Statement>,
    pub(crate) tables: &'static [&'static str],
}

pub(crate) trait Site {
    fn name(&self) -> &'static str;
    /// The schema and the first rows.
    fn script(&self) -> String;
    fn ask(&mut self, rng: &mut Rng) -> Question;
    fn write(&mut self, rng: &mut Rng) -> Deed;
}

pub(crate) fn statement(sql: &str, params: &[i64]) -> Statement {
    Statement { sql: sql.to_owned(), params: params.iter().copied().map(Value::from).collect() }
}

/// A table of numbers from 1 to `n`, to be selected from.
pub(crate) fn series(n: usize) -> String {
    format!(
        "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {n}) \
         SELECT i FROM s)"
    )
}
