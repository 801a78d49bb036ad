//! What a PostgreSQL server says of itself: its sessions, its counters, and its statements where
//! pg_stat_statements counts them. It asks past the cache and changes nothing.

use anyhow::Result;
use forebay::{Builder, Db};

use super::clean::clean;
use super::column::brief_ms;
use super::reading::{Counts, Figure, Gauge, Kind, Reading, Session, Statement, Unit};
use crate::quantity::grouped;

/// One connection, which is left out of what is shown.
pub(super) async fn open(url: &str) -> Result<Db> {
    let builder = Builder::new(url).read_only(true).cache(false).slow_after(None);
    Ok(builder.max_size(1).max_overflow(0).min_idle(1).open().await?)
}

const SESSIONS: &str = "
    SELECT pid::bigint, coalesce(nullif(concat_ws(', ', usename, nullif(application_name, ''),
            host(client_addr)), ''), '?'),
        coalesce(state, '?'),
        coalesce(extract(epoch FROM clock_timestamp() - CASE state WHEN 'active' THEN query_start
            ELSE state_change END), 0)::float8,
        coalesce(CASE WHEN state <> 'idle' THEN wait_event_type || ': ' || wait_event END, ''),
        coalesce(query, '')
    FROM pg_catalog.pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()
        AND datname = pg_catalog.current_database()
    ORDER BY (state = 'active') DESC NULLS LAST, (state = 'idle') NULLS LAST, 4 DESC LIMIT 500";

const DATABASE: &str = "
    SELECT xact_commit + xact_rollback, xact_rollback, blks_hit, blks_hit + blks_read, deadlocks,
        pg_catalog.current_setting('max_connections')::bigint
    FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()";

/// NULL where nobody follows.
const LAG: &str = "
    SELECT (extract(epoch FROM max(replay_lag)) * 1000)::float8, count(*)
    FROM pg_catalog.pg_stat_replication";

/// Where the extension is, if it is there.
const EXTENSION: &str = "
    SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_stat_statements'";

/// What several users ask counts together.
fn statements_of(schema: &str) -> String {
    format!(
        "SELECT queryid::text, min(query), sum(calls)::bigint, sum(total_exec_time)::float8,
            max(max_exec_time)::float8, sum(rows)::bigint, sum(shared_blks_hit)::bigint,
            sum(shared_blks_hit + shared_blks_read)::bigint, count(*) OVER ()
        FROM {schema}.pg_stat_statements
        WHERE dbid = (SELECT oid FROM pg_catalog.pg_database
            WHERE datname = pg_catalog.current_database()) AND queryid IS NOT NULL
        GROUP BY queryid ORDER BY 4 DESC LIMIT 500"
    )
}

type SessionRow = (i64, String, String, f64, String, String);
type StatementRow = (String, Option<String>, i64, f64, f64, i64, i64, i64, i64);

/// Looks at the server.
pub(super) async fn look(db: &Db) -> Result<Reading> {
    let mut reading = Reading::new(Kind::Server);
    let sessions: Vec<SessionRow> = db.query(SESSIONS).no_cache().all().await?;
    reading.sessions = sessions.into_iter().map(session).collect();
    let (ended, undone, hit, read, deadlocks, max): (i64, i64, i64, i64, i64, i64) =
        db.query(DATABASE).no_cache().one().await?;
    let in_state = |wanted: &str| reading.sessions.iter().filter(|it| it.state == wanted).count();
    let waiting = reading.sessions.iter().filter(|it| it.wait.starts_with("Lock")).count();
    let note = format!(
        "{} idle, {} idle in a transaction, {waiting} wait for locks; the server takes {max}",
        in_state("idle"),
        in_state("idle in transaction") + in_state("idle in transaction (aborted)")
    );
    let active = in_state("active") as f64;
    reading.gauges = vec![
        Gauge::new("transactions", Figure::Sum(count(ended)), ""),
        Gauge::new("active", Figure::Level(active, Unit::Count), note),
        Gauge::new("pages hit", Figure::Share(count(hit), count(read)), "in the server's memory"),
        Gauge::new(
            "rolled back",
            Figure::Sum(count(undone)),
            format!("{} deadlocks since it counts", grouped(count(deadlocks))),
        ),
    ];
    let (lag, standbys): (Option<f64>, i64) = db.query(LAG).no_cache().one().await?;
    if let Some(lag) = lag {
        let note = format!("of the slowest of {standbys} that follow");
        reading.gauges.push(Gauge::new("lag", Figure::Level(lag, Unit::Millis), note));
    }
    match statements(db).await {
        Ok(Some(all)) => {
            reading.known = all.first().map_or(0, |it| count(it.8) as usize);
            reading.statements = all.into_iter().map(statement).collect();
        }
        Ok(None) => reading.notes.push(
            "statements are not counted: CREATE EXTENSION pg_stat_statements; with it in \
             shared_preload_libraries"
                .to_owned(),
        ),
        Err(error) => {
            let why = clean(&format!("{error:#}"));
            reading.notes.push(format!("pg_stat_statements cannot be read: {why}"));
        }
    }
    Ok(reading)
}

async fn statements(db: &Db) -> Result<Option<Vec<StatementRow>>> {
    let schema: Option<String> = db.query(EXTENSION).no_cache().optional().await?;
    let Some(schema) = schema else { return Ok(None) };
    Ok(Some(db.query(&statements_of(&schema)).no_cache().all().await?))
}

fn session((id, who, state, seconds, wait, text): SessionRow) -> Session {
    let [who, state, wait, text] = [who, state, wait, text].map(|it| clean(&it));
    Session { id: count(id), who, state, seconds, wait, text: text.trim().to_owned() }
}

fn statement(row: StatementRow) -> Statement {
    let (id, text, calls, time_ms, max_ms, rows, hits, asked, _) = row;
    let counts = Counts {
        calls: count(calls),
        errors: 0,
        hits: count(hits),
        asked: count(asked),
        rows: count(rows),
        time_ms,
    };
    let text = text.map_or("(another user's)".to_owned(), |text| clean(text.trim()));
    Statement {
        id,
        text,
        counts,
        max_ms: Some(max_ms),
        details: vec![
            ("longest".to_owned(), brief_ms(max_ms)),
            ("pages in memory".to_owned(), grouped(counts.hits)),
            ("pages read".to_owned(), grouped(counts.asked - counts.hits.min(counts.asked))),
        ],
        ..Statement::default()
    }
}

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
