//! The planner's numbers: taking them anew, and putting back those that were there.

use super::copy::{Trial, fail};
use crate::error::Result;

const TABLES: [&str; 2] = ["sqlite_stat1", "sqlite_stat4"];

impl Trial {
    /// Keeps the numbers that there are.
    pub(crate) fn keep_numbers(&self) -> Result<()> {
        for table in TABLES {
            let kept = format!("temp.forebay_{table}");
            let drop = format!("DROP TABLE IF EXISTS {kept}");
            self.connection.execute_batch(&drop).map_err(fail)?;
            // Where there is no such table, there is nothing to be kept.
            let keep = format!("CREATE TABLE {kept} AS SELECT * FROM main.{table}");
            let _ = self.connection.execute_batch(&keep);
        }
        Ok(())
    }

    /// Puts the numbers back that were kept; `had` says whether there were any.
    pub(crate) fn put_numbers_back(&mut self, had: bool) -> Result<()> {
        for table in TABLES {
            let empty = format!("DELETE FROM main.{table}");
            let fill = format!("INSERT INTO main.{table} SELECT * FROM temp.forebay_{table}");
            if self.connection.execute_batch(&empty).is_ok() {
                let _ = self.connection.execute_batch(&fill);
            }
        }
        self.connection.execute_batch("ANALYZE main.sqlite_schema").map_err(fail)?;
        self.facts.has_statistics = had;
        self.keep_existing()
    }

    /// Takes the planner's numbers anew, all of them.
    pub(crate) fn analyse(&mut self) -> Result<()> {
        self.within_long(|| self.connection.execute_batch("ANALYZE main")).map_err(fail)?;
        self.facts.has_statistics = true;
        self.keep_existing()
    }
}
