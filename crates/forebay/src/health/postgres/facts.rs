//! What the checks judge by, as it was read. A fact that could not be read is `None`: the user may
//! not see it, or the server does not have it.

use std::collections::BTreeMap;

use super::objects::ObjectFacts;
use super::schema;
use super::server::ServerFacts;
use crate::error::Result;
use crate::health::ask::{Ask, text, whole};
use crate::health::schema::Schema;
use crate::row::Rows;
use crate::stats::Stats;
use crate::value::Value;

/// What was read of a database and its server.
#[derive(Clone, Debug, Default)]
pub(in crate::health) struct Facts {
    pub(super) settings: BTreeMap<String, String>,
    pub(super) schema: Schema,
    /// Transactions since the oldest row of any database was frozen, and the same of groups.
    pub(super) age: Option<u64>,
    /// Connections of clients.
    pub(super) connections: Option<u64>,
    /// Transactions that last long, and those that wait for their client: whose, and seconds.
    pub(super) long: Option<Vec<(String, u64)>>,
    pub(super) idle: Option<Vec<(String, u64)>>,
    pub(super) invalid: Option<Vec<String>>,
    /// Tables with more dead rows than vacuum should let there be: name, dead, alive.
    pub(super) dead: Option<Vec<(String, u64, u64)>>,
    /// Slots: name, whether somebody follows it, bytes of the log that are kept for it.
    pub(super) slots: Option<Vec<(String, bool, u64)>>,
    /// Standbys: name, and milliseconds that they are behind.
    pub(super) standbys: Option<Vec<(String, u64)>>,
    /// Sequences: name, and the share of their numbers that is used, in percent.
    pub(super) sequences: Option<Vec<(String, u64)>>,
    /// Pages of this database found in the server's memory, and read.
    pub(super) pages: Option<(u64, u64)>,
    /// Tables with many rows of which there are no numbers.
    pub(super) unanalysed: Option<Vec<String>>,
    /// Indexes that nothing was read by: name, as it stands in SQL, bytes; with the days since the
    /// server counts.
    pub(super) unused: Option<(u64, Vec<(String, u64)>)>,
    pub(super) server: ServerFacts,
    pub(super) objects: ObjectFacts,
    pub(super) stats: Stats,
}

const SETTINGS: &str = "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ('fsync',
    'full_page_writes', 'max_connections', 'superuser_reserved_connections', 'wal_level',
    'autovacuum', 'track_counts', 'zero_damaged_pages', 'ignore_checksum_failure', 'archive_mode',
    'archive_command', 'archive_library',
    'synchronous_commit', 'synchronous_standby_names', 'session_replication_role')";

const AGE: &str = "SELECT greatest(max(pg_catalog.age(datfrozenxid)),
    max(pg_catalog.mxid_age(datminmxid)))::bigint FROM pg_catalog.pg_database WHERE datallowconn";

const CONNECTIONS: &str = "SELECT count(*) FROM pg_catalog.pg_stat_activity
    WHERE backend_type = 'client backend'";

const LONG: &str = "
    SELECT pg_catalog.format('process %s of %s', pid,
            coalesce(nullif(application_name, ''), usename)),
        extract(epoch FROM pg_catalog.clock_timestamp() - xact_start)::bigint
    FROM pg_catalog.pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()
        AND state = 'active' AND xact_start < pg_catalog.clock_timestamp() - interval '5 minutes'
    ORDER BY 2 DESC LIMIT 20";

const IDLE: &str = "
    SELECT pg_catalog.format('process %s of %s', pid,
            coalesce(nullif(application_name, ''), usename)),
        extract(epoch FROM pg_catalog.clock_timestamp() - state_change)::bigint
    FROM pg_catalog.pg_stat_activity
    WHERE backend_type = 'client backend' AND state LIKE 'idle in transaction%'
        AND state_change < pg_catalog.clock_timestamp() - interval '1 minute'
    ORDER BY 2 DESC LIMIT 20";

const INVALID: &str = "
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT i.indisvalid AND c.relkind = 'i' AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = c.oid)
    ORDER BY 1 LIMIT 20";

/// Twice what autovacuum waits for, with the settings of the server.
const DEAD: &str = "
    SELECT schemaname || '.' || relname, n_dead_tup, n_live_tup
    FROM pg_catalog.pg_stat_user_tables
    WHERE n_dead_tup > 10000 AND n_dead_tup > 2 * (
        current_setting('autovacuum_vacuum_threshold')::bigint
        + current_setting('autovacuum_vacuum_scale_factor')::float8 * n_live_tup)
    ORDER BY 2 DESC LIMIT 20";

const SLOTS: &str = "
    SELECT slot_name::text, active, greatest(0, pg_catalog.pg_wal_lsn_diff(
        CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
            ELSE pg_catalog.pg_current_wal_lsn() END, restart_lsn))::bigint
    FROM pg_catalog.pg_replication_slots WHERE restart_lsn IS NOT NULL AND NOT temporary
    ORDER BY 3 DESC LIMIT 20";

const STANDBYS: &str = "
    SELECT coalesce(nullif(application_name, ''), client_addr::text, 'a standby'),
        (extract(epoch FROM replay_lag) * 1000)::bigint
    FROM pg_catalog.pg_stat_replication r
    WHERE replay_lag IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots s
        WHERE s.active_pid = r.pid AND s.slot_type = 'logical') ORDER BY 2 DESC LIMIT 20";

/// A sequence may have more numbers than the columns that it fills.
const SEQUENCES: &str = "
    SELECT s.schemaname || '.' || s.sequencename,
        (s.last_value::numeric * 100 / least(s.max_value, u.most))::bigint
    FROM pg_catalog.pg_sequences s
    JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.sequencename
    LEFT JOIN LATERAL (
        SELECT min(CASE a.atttypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647 END::bigint) AS most
        FROM (SELECT d.refobjid AS rel, d.refobjsubid AS num FROM pg_catalog.pg_depend d
            WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
                AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
            UNION SELECT e.adrelid, e.adnum FROM pg_catalog.pg_depend d
            JOIN pg_catalog.pg_attrdef e ON e.oid = d.objid
            WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass
                AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid) AS f
        JOIN pg_catalog.pg_attribute a ON a.attrelid = f.rel AND a.attnum = f.num) AS u ON true
    WHERE s.increment_by > 0 AND NOT s.cycle AND s.last_value IS NOT NULL AND s.max_value > 0
        AND s.last_value::numeric * 2 > least(s.max_value, u.most) ORDER BY 2 DESC LIMIT 20";

const PAGES: &str = "SELECT blks_hit, blks_read FROM pg_catalog.pg_stat_database
    WHERE datname = pg_catalog.current_database()";

/// Making an index counts the rows, and takes no other numbers.
const UNANALYSED: &str = "
    SELECT s.schemaname || '.' || s.relname FROM pg_catalog.pg_stat_user_tables s
    JOIN pg_catalog.pg_class c ON c.oid = s.relid
    WHERE s.n_live_tup >= 1000 AND (c.reltuples < 0
        OR s.analyze_count + s.autoanalyze_count = 0
            AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_stats v
                WHERE v.schemaname = s.schemaname AND v.tablename = s.relname))
    ORDER BY s.n_live_tup DESC LIMIT 20";

/// Statistics that were never reset are at least as old as the server has run.
const COUNTED_DAYS: &str = "
    SELECT (extract(epoch FROM pg_catalog.now()
        - coalesce(stats_reset, pg_catalog.pg_postmaster_start_time())) / 86400)::bigint
    FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()";

const UNUSED: &str = "
    SELECT pg_catalog.format('%I.%I', s.schemaname, s.indexrelname),
        pg_catalog.pg_relation_size(s.indexrelid)
    FROM pg_catalog.pg_stat_user_indexes s JOIN pg_catalog.pg_index i USING (indexrelid)
    WHERE s.idx_scan = 0 AND NOT i.indisunique AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint o WHERE o.conindid = s.indexrelid)
        AND pg_catalog.pg_relation_size(s.indexrelid) > 1048576 ORDER BY 2 DESC LIMIT 20";

impl Facts {
    pub(in crate::health) async fn read(ask: Ask<'_>, is_deep: bool) -> Result<Facts> {
        // A server that cannot be asked at all is an error, and nothing to be judged.
        let settings = pairs(ask, SETTINGS, text).await?;
        let number = async |sql| ask.number(sql).await.ok().flatten();
        let counted = async |sql| pairs(ask, sql, whole).await.ok();
        let unused = counted(UNUSED).await;
        Ok(Facts {
            settings: settings.into_iter().collect(),
            schema: schema::read(ask).await?,
            age: number(AGE).await,
            connections: number(CONNECTIONS).await,
            long: counted(LONG).await,
            idle: counted(IDLE).await,
            invalid: names(ask, INVALID).await.ok(),
            dead: ask.rows(DEAD).await.ok().map(|rows| dead(&rows)),
            slots: ask.rows(SLOTS).await.ok().map(|rows| slots(&rows)),
            standbys: counted(STANDBYS).await,
            sequences: counted(SEQUENCES).await,
            pages: ask.rows(PAGES).await.ok().and_then(|rows| pages(&rows)),
            unanalysed: names(ask, UNANALYSED).await.ok(),
            unused: number(COUNTED_DAYS).await.zip(unused),
            server: ServerFacts::read(ask).await,
            objects: ObjectFacts::read(ask, is_deep).await,
            stats: ask.engine().stats(),
        })
    }

    /// A setting that is a whole number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.settings.get(name)?.parse().ok()
    }
}

pub(super) async fn names(ask: Ask<'_>, sql: &str) -> Result<Vec<String>> {
    let rows = ask.rows(sql).await?;
    Ok((0..rows.len()).filter_map(|row| text(rows.values(row).first()?)).collect())
}

pub(super) async fn pairs<T>(
    ask: Ask<'_>,
    sql: &str,
    second: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<(String, T)>> {
    let rows = ask.rows(sql).await?;
    let pair = |row: usize| match rows.values(row) {
        [name, value] => Some((text(name)?, second(value)?)),
        _ => None,
    };
    Ok((0..rows.len()).filter_map(pair).collect())
}

fn dead(rows: &Rows) -> Vec<(String, u64, u64)> {
    let table = |row: usize| match rows.values(row) {
        [name, dead, live] => Some((text(name)?, whole(dead)?, whole(live)?)),
        _ => None,
    };
    (0..rows.len()).filter_map(table).collect()
}

fn slots(rows: &Rows) -> Vec<(String, bool, u64)> {
    let slot = |row: usize| match rows.values(row) {
        [name, active, bytes] => Some((text(name)?, whole(active) == Some(1), whole(bytes)?)),
        _ => None,
    };
    (0..rows.len()).filter_map(slot).collect()
}

fn pages(rows: &Rows) -> Option<(u64, u64)> {
    match if rows.is_empty() { &[][..] } else { rows.values(0) } {
        [hit, read] => Some((whole(hit)?, whole(read)?)),
        _ => None,
    }
}
