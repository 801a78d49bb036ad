//! How many rows a query may have, by what the database has noted.

use crate::sql::{Dialect, plain_source};

/// The number of rows that the first line of PostgreSQL's EXPLAIN expects.
#[cfg(feature = "postgres")]
pub(crate) fn planned_rows(line: &str) -> Option<u64> {
    let (_, behind) = line.rsplit_once(" rows=")?;
    let digits = behind.find(|it: char| !it.is_ascii_digit()).unwrap_or(behind.len());
    behind[..digits].parse().ok()
}

/// The table that an SQLite query answers every row of, if its words say so.
pub(crate) fn plain_table(sql: &str) -> Option<String> {
    plain_source(sql, Dialect::Sqlite)
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn plans() {
        let check = |line, expect| assert_eq!(planned_rows(line), expect, "{line}");
        check("Seq Scan on t  (cost=0.00..1.01 rows=1234 width=4)", Some(1234));
        check("Index Scan using \" rows=7\" on t  (cost=0.1..2 rows=12 width=0)", Some(12));
        check("Result", None);
        check("x rows=", None);
    }
}
