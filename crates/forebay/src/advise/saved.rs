//! A workload from statistics, of a file or of a database that is open. Of a statement whose text
//! was not kept, since there were values in it, only the shape is known.

use super::workload::{Workload, WorkloadQuery};
use crate::saved::{SavedStatement, SavedStatistics};
use crate::stats::{FingerprintStats, Stats};

/// How a list of values stands in a shape, and what is asked for it.
const LIST: (&str, &str) = ("(?..)", "(?, ?, ?)");

impl Workload {
    /// The statements that `saved` has counted, as often as they went to the database: what memory
    /// answers gains by no index. It is not complete, since there may have been others.
    ///
    /// A statement whose text was kept ([`SavedStatement::sample`]) is taken as it was; of another
    /// one the shape is, with values drawn from the columns. `with_shapes` is for SQLite, whose
    /// parameters are written as in a shape; without it, such a statement is left out. Also how
    /// many were left out, each of them once.
    pub fn from_statistics(saved: &SavedStatistics, with_shapes: bool) -> (Workload, usize) {
        let asked = |it: &&SavedStatement| it.fingerprint != 0 && it.calls > it.hits;
        let read: Vec<Option<WorkloadQuery>> =
            saved.statements.iter().filter(asked).map(|it| query(it, with_shapes)).collect();
        let left_out = read.iter().filter(|it| it.is_none()).count();
        let workload = Workload {
            queries: read.into_iter().flatten().collect(),
            is_complete: false,
            period: saved.saved.duration_since(saved.since).ok(),
        };
        (workload, left_out)
    }
}

impl Workload {
    /// The same from what a database has counted since it was opened ([`crate::Db::stats`]), or
    /// since its statistics began.
    pub fn from_stats(stats: &Stats, with_shapes: bool) -> (Workload, usize) {
        let asked = |it: &&FingerprintStats| it.id != 0 && it.calls > it.hits;
        let counted = stats.fingerprints.iter().filter(asked);
        let read: Vec<Option<WorkloadQuery>> = counted
            .map(|it| {
                let text = text(it.sample.as_deref(), &it.statement, with_shapes)?;
                let mean = it.time.mean();
                Some(WorkloadQuery { text, params: Vec::new(), calls: it.calls - it.hits, mean })
            })
            .collect();
        let left_out = read.iter().filter(|it| it.is_none()).count();
        let workload = Workload {
            queries: read.into_iter().flatten().collect(),
            is_complete: false,
            period: stats.watch.since.and_then(|since| since.elapsed().ok()),
        };
        (workload, left_out)
    }
}

/// The text that is looked at.
fn text(sample: Option<&str>, shape: &str, with_shapes: bool) -> Option<String> {
    let shape = || with_shapes.then(|| shape.replace(LIST.0, LIST.1));
    sample.map(str::to_owned).or_else(shape)
}

fn query(statement: &SavedStatement, with_shapes: bool) -> Option<WorkloadQuery> {
    let text = text(statement.sample.as_deref(), &statement.statement, with_shapes)?;
    let timed = u32::try_from(statement.time.count).unwrap_or(u32::MAX);
    let mean = statement.time.total.checked_div(timed);
    let calls = statement.calls - statement.hits;
    Some(WorkloadQuery { text, params: Vec::new(), calls, mean })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_to_the_database_is_taken() {
        let one = |id, statement: &str, sample: Option<&str>, calls, hits| FingerprintStats {
            id,
            statement: statement.to_owned(),
            sample: sample.map(str::to_owned),
            calls,
            hits,
            ..FingerprintStats::default()
        };
        let stats = Stats {
            fingerprints: vec![
                one(1, "select a from t where b = ?", Some("SELECT a FROM t WHERE b = ?1"), 9, 2),
                one(2, "select a from t where b in (?..)", None, 3, 0),
                one(3, "select from memory alone", None, 5, 5),
                one(0, "(other statements)", None, 7, 0),
            ],
            ..Stats::default()
        };
        let texts = |with_shapes| {
            let (workload, left_out) = Workload::from_stats(&stats, with_shapes);
            let all = workload.queries.into_iter().map(|it| (it.text, it.calls));
            (all.collect::<Vec<_>>(), left_out)
        };
        let first = ("SELECT a FROM t WHERE b = ?1".to_owned(), 7);
        let second = ("select a from t where b in (?, ?, ?)".to_owned(), 3);
        assert_eq!(texts(true), (vec![first.clone(), second], 0));
        assert_eq!(texts(false), (vec![first], 1));
    }
}
