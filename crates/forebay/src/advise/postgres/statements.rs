//! The workload that a server has counted itself, by its extension `pg_stat_statements`.

use std::time::{Duration, Instant};

use super::quote::identifier;
use crate::advise::workload::{Workload, WorkloadQuery};
use crate::backend::postgres::{Cells, Config, Connection};
use crate::error::{Error, Kind, Result};

/// The longest that reading it may take.
const READ_MAX: Duration = Duration::from_secs(60);

/// Statements that are read: those that took most time.
const STATEMENTS_MAX: usize = 5_000;

/// What stands in place of the texts of others.
const HIDDEN: &str = "<insufficient privilege>";

const SCHEMA: &str = "
    SELECT n.nspname FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_stat_statements'";

/// Reads what the server has counted in this database since it last began.
pub(crate) async fn statements(url: &str) -> Result<Workload> {
    let mut config = Config::parse(url)?;
    "forebay advise".clone_into(&mut config.application_name);
    let connection = Connection::open(&config).await?;
    let deadline = Some(Instant::now() + READ_MAX);
    let ask = async |sql: &str| Cells::ask(&connection, sql, deadline).await;
    let schema = ask(SCHEMA).await?;
    let Some(schema) = schema.first().first().copied().flatten().map(identifier) else {
        let text = "the extension pg_stat_statements is not installed in this database: add it to \
            shared_preload_libraries, restart the server and run CREATE EXTENSION \
            pg_stat_statements, or give the statements in a file";
        return Err(Error::new(Kind::Database, text));
    };
    let rows = ask(&format!(
        "SELECT s.query, s.calls, s.mean_exec_time FROM {schema}.pg_stat_statements s
         JOIN pg_catalog.pg_database d ON d.oid = s.dbid
             AND d.datname = pg_catalog.current_database()
         WHERE s.toplevel AND (s.query ~*
                 '^[[:space:](]*(select|with|values|insert|update|delete|merge)'
             OR s.query = '{HIDDEN}')
         ORDER BY s.total_exec_time DESC LIMIT {STATEMENTS_MAX}"
    ))
    .await?;
    let mut workload = Workload::new();
    let mut hidden = 0;
    for row in rows.rows() {
        let [Some(text), Some(calls), mean] = row[..] else { continue };
        if text == HIDDEN {
            hidden += 1;
            continue;
        }
        let mean = mean.and_then(|mean| mean.parse().ok()).unwrap_or(0.0);
        workload.queries.push(WorkloadQuery {
            text: text.to_owned(),
            params: Vec::new(),
            calls: calls.parse().unwrap_or(1),
            mean: Some(Duration::from_secs_f64(f64::max(mean, 0.0) / 1_000.0)),
        });
    }
    if workload.queries.is_empty() && hidden > 0 {
        let text = "the role may not read the statements of others: GRANT pg_read_all_stats TO it";
        return Err(Error::new(Kind::Database, text));
    }
    let since = format!(
        "SELECT extract(epoch FROM pg_catalog.now() - stats_reset)::bigint
         FROM {schema}.pg_stat_statements_info"
    );
    if let Ok(cells) = ask(&since).await {
        let seconds = cells.first().first().copied().flatten().and_then(|it| it.parse().ok());
        workload.period = seconds.map(Duration::from_secs);
    }
    Ok(workload)
}
