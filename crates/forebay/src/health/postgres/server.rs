//! What the checks of the server judge by: what it does beside answering. A fact that could not be
//! read is `None`.

use super::facts::{names, pairs};
use crate::health::ask::{Ask, whole};

/// What was read of the server.
#[derive(Clone, Debug, Default)]
pub(in crate::health) struct ServerFacts {
    /// The piece of the log that could not be archived since the last one that was, and seconds
    /// since that one.
    pub(super) unarchived: Option<Vec<(String, u64)>>,
    /// Slots that have lost what they need of the log, or are about to.
    pub(super) lost_slots: Option<Vec<String>>,
    /// Standbys that commits wait for, of those that are connected.
    pub(super) synchronous: Option<u64>,
    /// Damaged pages that were read; `None` without checksums, too.
    pub(super) damaged_pages: Option<u64>,
    /// Transactions that were prepared and are left: whose, and seconds.
    pub(super) prepared: Option<Vec<(String, u64)>>,
    /// Sessions that wait for a lock: for whom, and seconds.
    pub(super) blocked: Option<Vec<(String, u64)>>,
    /// Settings that take effect when the server is started again.
    pub(super) pending: Option<Vec<String>>,
    /// Lines of its files that it does not understand. Only a superuser may see them.
    pub(super) misread: Option<Vec<String>>,
}

const UNARCHIVED: &str = "
    SELECT last_failed_wal, extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(
        last_archived_time, greatest(stats_reset, pg_catalog.pg_postmaster_start_time())))::bigint
    FROM pg_catalog.pg_stat_archiver
    WHERE last_failed_time > coalesce(last_archived_time, '-infinity')";

const LOST_SLOTS: &str = "
    SELECT slot_name::text FROM pg_catalog.pg_replication_slots
    WHERE wal_status IN ('lost', 'unreserved') AND NOT temporary ORDER BY 1 LIMIT 20";

/// NULL for a user who is not shown whether commits wait.
const SYNCHRONOUS: &str = "
    SELECT CASE WHEN pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
        THEN count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')) END
    FROM pg_catalog.pg_stat_replication";

const DAMAGED_PAGES: &str =
    "SELECT sum(checksum_failures)::bigint FROM pg_catalog.pg_stat_database";

const PREPARED: &str = "
    SELECT pg_catalog.format('%L of %s in %s', gid, owner, database),
        extract(epoch FROM pg_catalog.clock_timestamp() - prepared)::bigint
    FROM pg_catalog.pg_prepared_xacts
    WHERE prepared < pg_catalog.clock_timestamp() - interval '1 minute'
    ORDER BY 2 DESC LIMIT 20";

const BLOCKED: &str = "
    SELECT pg_catalog.format('process %s waits for process %s', pid,
            pg_catalog.array_to_string(pg_catalog.pg_blocking_pids(pid), ', ')),
        extract(epoch FROM pg_catalog.clock_timestamp() - min(waitstart))::bigint
    FROM pg_catalog.pg_locks
    WHERE NOT granted AND waitstart < pg_catalog.clock_timestamp() - interval '10 seconds'
    GROUP BY pid ORDER BY 2 DESC LIMIT 20";

const PENDING: &str =
    "SELECT name FROM pg_catalog.pg_settings WHERE pending_restart ORDER BY 1 LIMIT 20";

/// What only waits for a restart counts as an error there, too.
const MISREAD: &str = "
    SELECT pg_catalog.format('%s:%s (%s)', sourcefile, sourceline, error)
    FROM pg_catalog.pg_file_settings f
    WHERE error IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_settings s
        WHERE s.name = f.name AND s.pending_restart)
    UNION ALL
    SELECT pg_catalog.format('%s:%s (%s)', pg_catalog.current_setting('hba_file'), line_number,
        error)
    FROM pg_catalog.pg_hba_file_rules WHERE error IS NOT NULL LIMIT 20";

impl ServerFacts {
    pub(super) async fn read(ask: Ask<'_>) -> ServerFacts {
        let counted = async |sql| pairs(ask, sql, whole).await.ok();
        let named = async |sql| names(ask, sql).await.ok();
        let number = async |sql| ask.number(sql).await.ok().flatten();
        ServerFacts {
            unarchived: counted(UNARCHIVED).await,
            lost_slots: named(LOST_SLOTS).await,
            synchronous: number(SYNCHRONOUS).await,
            damaged_pages: number(DAMAGED_PAGES).await,
            prepared: counted(PREPARED).await,
            blocked: counted(BLOCKED).await,
            pending: named(PENDING).await,
            misread: named(MISREAD).await,
        }
    }
}
