//! How much may be spent on advice, and how sure it has to be.

use std::path::PathBuf;
use std::time::Duration;

/// What [`super::Advisor`] may spend, and what it advises.
#[derive(Clone, Debug)]
pub struct AdviseOptions {
    /// Tables with fewer rows get no index. Default: 500.
    pub rows_min: u64,
    /// What a statement has to gain by an index, as a share of its cost. Default: 0.2.
    pub gain_min: f64,
    /// What any other statement may lose by all that is advised, as a share of its cost.
    /// Default: 0.1.
    pub loss_max: f64,
    /// Indexes that are advised at most. Default: 50.
    pub indexes_max: usize,
    /// Bytes that they take together at most. Default: no limit.
    pub bytes_max: u64,
    /// Statements of the workload that are looked at: the heaviest. Default: 1,000.
    pub queries_max: usize,
    /// Indexes that are tried at most. Default: 600.
    pub candidates_max: usize,
    /// The largest database that is copied, in bytes. Default: 2 GiB.
    pub copy_bytes_max: u64,
    /// Where the copy is put. Default: the folder for temporary files.
    pub folder: PathBuf,
    /// The longest that one statement may run on the copy. Default: 10 s.
    pub statement_max: Duration,
    /// The longest that it may all take; then what was found by then is what there is.
    /// Default: 15 minutes.
    pub time_max: Duration,
    /// Whether to advise what could not be proven, too. Default: no.
    pub unproven: bool,
    /// PostgreSQL only: whether to prove advice by building indexes in a transaction that is rolled
    /// back. Nothing stays of it; meanwhile nobody else writes the tables, and at moments nobody
    /// reads them. Default: no.
    pub build: bool,
}

impl Default for AdviseOptions {
    fn default() -> AdviseOptions {
        AdviseOptions {
            rows_min: 500,
            gain_min: 0.2,
            loss_max: 0.1,
            indexes_max: 50,
            bytes_max: u64::MAX,
            queries_max: 1_000,
            candidates_max: 600,
            copy_bytes_max: 2 << 30,
            folder: std::env::temp_dir(),
            statement_max: Duration::from_secs(10),
            time_max: Duration::from_secs(900),
            unproven: false,
            build: false,
        }
    }
}
