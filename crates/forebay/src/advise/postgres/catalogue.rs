//! What the server says of its tables, columns and indexes, read in a few questions. What the role
//! may not see is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::term::functions_in;
use crate::backend::postgres::{Cells, Connection};
use crate::error::Result;

/// A table of the user's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) name: String,
    /// As it stands in SQL.
    pub(super) sql: String,
    /// Rows, by the planner's numbers; negative if it has none.
    pub(super) rows: f64,
    /// It is a partition or has some.
    pub(super) is_partitioned: bool,
    pub(super) columns: Vec<Column>,
    pub(super) indexes: Vec<Index>,
    /// The columns of each foreign key, as they stand in SQL.
    pub(super) references: Vec<Vec<String>>,
}

/// A column with the planner's numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: String,
    /// Its collation is that of the bytes, or it has none.
    pub(super) is_bytewise: bool,
    pub(super) nulls: f64,
    /// Different values.
    pub(super) distinct: f64,
    pub(super) width: f64,
    /// Frequent values with their shares.
    pub(super) frequent: Vec<(String, f64)>,
}

/// An index.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) sql: String,
    pub(super) definition: String,
    /// Expressions as they stand in SQL, with operators, collation, direction.
    pub(super) keys: Vec<String>,
    /// The same without operators and so on: names of columns, or expressions.
    pub(super) columns: Vec<String>,
    pub(super) included: Vec<String>,
    pub(super) method: String,
    pub(super) filter: Option<String>,
    pub(super) is_unique: bool,
    /// A constraint rests on it.
    pub(super) is_kept: bool,
    pub(super) is_valid: bool,
    pub(super) scans: u64,
    pub(super) bytes: u64,
}

/// What is known of a database.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalogue {
    pub(super) tables: BTreeMap<(String, String), Table>,
    pub(super) version: u32,
    pub(super) is_standby: bool,
    /// The schema of HypoPG, as it stands in SQL, where it is installed.
    pub(super) hypopg: Option<String>,
    pub(super) has_trigram: bool,
    /// The names of functions that look at more than one row.
    pub(super) aggregates: BTreeSet<String>,
    /// Days that the server has counted the uses of indexes.
    pub(super) counted_days: Option<u64>,
}

const SERVER: &str = "
    SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.pg_is_in_recovery(),
        (SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e
            JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'hypopg'),
        EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_trgm'),
        (SELECT (extract(epoch FROM pg_catalog.now() - stats_reset) / 86400)::bigint
            FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database())";

/// Aggregates and window functions.
const AGGREGATES: &str = "
    SELECT DISTINCT pg_catalog.quote_ident(proname) FROM pg_catalog.pg_proc
    WHERE prokind IN ('a', 'w')";

const TABLES: &str = "
    SELECT n.nspname, c.relname, pg_catalog.format('%I.%I', n.nspname, c.relname), c.reltuples,
        c.relispartition OR c.relkind = 'p'
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema' ORDER BY 1, 2";

/// `frequent` and `shares` are lists as texts.
const COLUMNS: &str = "
    SELECT n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, NULL),
        a.attcollation = 0 OR EXISTS (SELECT FROM pg_catalog.pg_collation l
            WHERE l.oid = a.attcollation AND (l.collcollate IN ('C', 'POSIX')
                OR (l.collprovider = 'd' AND EXISTS (SELECT FROM pg_catalog.pg_database d
                    WHERE d.datname = pg_catalog.current_database()
                        AND d.datcollate IN ('C', 'POSIX'))))),
        coalesce(s.null_frac, 0), CASE WHEN s.n_distinct < 0 THEN -s.n_distinct
            * greatest(c.reltuples, 0) ELSE coalesce(s.n_distinct, 0) END,
        coalesce(s.avg_width, 8), pg_catalog.to_json(s.most_common_vals::text::text[]),
        pg_catalog.to_json(s.most_common_freqs)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
        AND s.attname = a.attname AND NOT s.inherited
    WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema' ORDER BY c.oid, a.attnum";

/// One row a column of an index; `option` is 1 for descending, 2 for NULLS FIRST.
const INDEXES: &str = "
    SELECT n.nspname, t.relname, i.relname, pg_catalog.format('%I.%I', n.nspname, i.relname),
        pg_catalog.pg_get_indexdef(i.oid), m.amname,
        pg_catalog.pg_get_expr(x.indpred, x.indrelid), x.indisunique,
        EXISTS (SELECT FROM pg_catalog.pg_constraint o WHERE o.conindid = i.oid)
            OR x.indisreplident OR x.indisclustered,
        x.indisvalid, coalesce(u.idx_scan, 0), pg_catalog.pg_relation_size(i.oid),
        pg_catalog.pg_get_indexdef(i.oid, k.at::int, true), k.at > x.indnkeyatts,
        CASE WHEN k.at <= x.indnkeyatts THEN pg_catalog.concat_ws(' ', x.indclass[k.at - 1],
            x.indcollation[k.at - 1], x.indoption[k.at - 1]) END
    FROM pg_catalog.pg_index x
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
    JOIN pg_catalog.pg_class t ON t.oid = x.indrelid
    JOIN pg_catalog.pg_am m ON m.oid = i.relam
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    LEFT JOIN pg_catalog.pg_stat_all_indexes u ON u.indexrelid = i.oid
    CROSS JOIN LATERAL pg_catalog.generate_series(1, x.indnatts::int) AS k(at)
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND t.relkind IN ('r', 'm', 'p')
    ORDER BY i.oid, k.at";

/// One row a column.
const REFERENCES: &str = "
    SELECT n.nspname, t.relname, f.oid, pg_catalog.quote_ident(a.attname)
    FROM pg_catalog.pg_constraint f
    JOIN pg_catalog.pg_class t ON t.oid = f.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    CROSS JOIN LATERAL pg_catalog.unnest(f.conkey) WITH ORDINALITY AS k(number, at)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number
    WHERE f.contype = 'f' ORDER BY f.oid, k.at";

impl Catalogue {
    /// Reads it. The role needs no rights beside that to connect; without that to read a table
    /// there are no numbers of its columns.
    pub(super) async fn read(connection: &Connection, deadline: Instant) -> Result<Catalogue> {
        let ask = async |sql: &str| Cells::ask(connection, sql, Some(deadline)).await;
        let server = ask(SERVER).await?;
        let server = server.first();
        let is_so = |at: usize| server.get(at).copied().flatten() == Some("t");
        let number = |at: usize| server.get(at).copied().flatten().and_then(|it| it.parse().ok());
        let mut catalogue = Catalogue {
            version: number(0).and_then(|it: u64| u32::try_from(it).ok()).unwrap_or(0),
            is_standby: is_so(1),
            hypopg: server.get(2).copied().flatten().map(str::to_owned),
            has_trigram: is_so(3),
            counted_days: number(4),
            aggregates: ask(AGGREGATES)
                .await?
                .rows()
                .filter_map(|row| row[0].map(Into::into))
                .collect(),
            tables: BTreeMap::new(),
        };
        for row in ask(TABLES).await?.rows() {
            catalogue.add_table(&row);
        }
        for row in ask(COLUMNS).await?.rows() {
            catalogue.add_column(&row);
        }
        for row in ask(INDEXES).await?.rows() {
            catalogue.add_index(&row);
        }
        let mut last = None;
        for row in ask(REFERENCES).await?.rows() {
            let number = row.get(2).copied().flatten().map(str::to_owned);
            catalogue.add_reference(&row, last == number);
            last = number;
        }
        Ok(catalogue)
    }

    pub(super) fn table(&self, of: &(String, String)) -> Option<&Table> {
        self.tables.get(of)
    }

    /// Whether an expression calls an aggregate or a window function.
    pub(super) fn calls_aggregate(&self, expression: &str) -> bool {
        functions_in(expression).into_iter().any(|name| self.aggregates.contains(name))
    }

    fn add_table(&mut self, row: &[Option<&str>]) {
        let cell = |at: usize| row.get(at).copied().flatten().unwrap_or_default();
        let table = Table {
            schema: cell(0).into(),
            name: cell(1).into(),
            sql: cell(2).into(),
            rows: cell(3).parse().unwrap_or(-1.0),
            is_partitioned: cell(4) == "t",
            ..Table::default()
        };
        self.tables.insert((cell(0).into(), cell(1).into()), table);
    }

    fn add_column(&mut self, row: &[Option<&str>]) {
        let cell = |at: usize| row.get(at).copied().flatten().unwrap_or_default();
        let real = |at: usize| cell(at).parse().unwrap_or(0.0);
        let Some(table) = self.tables.get_mut(&(cell(0).to_owned(), cell(1).to_owned())) else {
            return;
        };
        let shares = list(cell(9)).into_iter().map(|share| share.parse().unwrap_or(0.0));
        table.columns.push(Column {
            name: cell(2).into(),
            kind: cell(3).into(),
            is_bytewise: cell(4) == "t",
            nulls: real(5),
            distinct: real(6),
            width: real(7),
            frequent: list(cell(8)).into_iter().zip(shares).collect(),
        });
    }

    fn add_index(&mut self, row: &[Option<&str>]) {
        let cell = |at: usize| row.get(at).copied().flatten().unwrap_or_default();
        let Some(table) = self.tables.get_mut(&(cell(0).to_owned(), cell(1).to_owned())) else {
            return;
        };
        if table.indexes.last().is_none_or(|index| index.sql != cell(3)) {
            table.indexes.push(Index {
                name: cell(2).into(),
                sql: cell(3).into(),
                definition: cell(4).into(),
                method: cell(5).into(),
                filter: row.get(6).copied().flatten().map(str::to_owned),
                is_unique: cell(7) == "t",
                is_kept: cell(8) == "t",
                is_valid: cell(9) == "t",
                scans: cell(10).parse().unwrap_or(0),
                bytes: cell(11).parse().unwrap_or(0),
                ..Index::default()
            });
        }
        let Some(index) = table.indexes.last_mut() else { return };
        if cell(13) == "t" {
            index.included.push(cell(12).into());
        } else {
            index.keys.push(format!("{} {}", cell(12), cell(14)));
            index.columns.push(cell(12).into());
        }
    }
}

impl Catalogue {
    fn add_reference(&mut self, row: &[Option<&str>], is_same: bool) {
        let cell = |at: usize| row.get(at).copied().flatten().unwrap_or_default();
        let Some(table) = self.tables.get_mut(&(cell(0).to_owned(), cell(1).to_owned())) else {
            return;
        };
        match table.references.last_mut().filter(|_| is_same) {
            Some(columns) => columns.push(cell(3).into()),
            None => table.references.push(vec![cell(3).into()]),
        }
    }
}

impl Table {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Column {
    /// The share of rows with one value: of this one if it is known, else of the usual one.
    pub(super) fn share(&self, value: Option<&str>) -> f64 {
        let known = value.and_then(|value| self.frequent.iter().find(|it| it.0 == value));
        if let Some((_, share)) = known {
            return *share;
        }
        let frequent: f64 = self.frequent.iter().map(|it| it.1).sum();
        #[expect(clippy::cast_precision_loss, reason = "it has at most 10,000 entries")]
        let others = (self.distinct - self.frequent.len() as f64).max(1.0);
        match (self.distinct > 0.0, value) {
            (true, Some(_)) => (1.0 - frequent - self.nulls).max(0.0) / others,
            (true, None) => (1.0 - self.nulls) / self.distinct.max(1.0),
            (false, _) => 0.005,
        }
    }
}

/// The members of a JSON list of texts or numbers.
fn list(json: &str) -> Vec<String> {
    use crate::json::{Next, Scan};
    let mut scan = Scan::new(json);
    let mut all = Vec::new();
    let mut read = || {
        scan.enter()?;
        while scan.item(all.is_empty(), b']')? {
            all.push(match scan.next()? {
                Next::Text => scan.text()?.into_owned(),
                Next::Number => scan.number()?.to_owned(),
                _ => scan.raw()?.to_owned(),
            });
        }
        Ok::<(), crate::json::Malformed>(())
    };
    if read().is_err() {
        all.clear();
    }
    all
}
