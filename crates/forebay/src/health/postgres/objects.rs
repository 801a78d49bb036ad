//! What the checks of a database's objects judge by: those that do not do what they are there for.
//! Each with the SQL that mends it. A fact that could not be read is `None`.

use super::facts::{names, pairs};
use crate::error::Result;
use crate::health::ask::{Ask, text, whole};

/// Sequences whose columns are looked at.
const SEQUENCES_MAX: usize = 1_000;

/// Objects, each with the statement that mends it.
pub(super) type Mended = Option<Vec<(String, String)>>;

/// What was read of the objects.
#[derive(Clone, Debug, Default)]
pub(in crate::health) struct ObjectFacts {
    /// Constraints that the rows from before may not meet.
    pub(super) unvalidated: Mended,
    /// Tables whose foreign keys are not looked at, and triggers that do not fire.
    pub(super) unenforced: Mended,
    pub(super) silent_triggers: Mended,
    /// Published tables in which no row can be changed.
    pub(super) unidentified: Mended,
    /// Subscriptions that nothing is applied of: name, and whether somebody has stopped them.
    pub(super) stopped: Option<Vec<(String, u64)>>,
    /// What is sorted by rules that have changed since.
    pub(super) resorted: Mended,
    /// Materialised views that have never been filled.
    pub(super) unfilled: Mended,
    /// Extensions of which the server has a newer version.
    pub(super) outdated: Mended,
    /// Large tables that autovacuum leaves alone.
    pub(super) unvacuumed: Mended,
    /// Sequences that are behind the columns that they fill. Only a deep look tells.
    pub(super) overtaken: Mended,
}

/// One that is NOT ENFORCED is as somebody wants it to be.
const UNVALIDATED: &str = "
    SELECT pg_catalog.format('%I of %I.%I', o.conname, n.nspname, c.relname),
        pg_catalog.format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I;', n.nspname, c.relname,
            o.conname)
    FROM pg_catalog.pg_constraint o
    JOIN pg_catalog.pg_class c ON c.oid = o.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT o.convalidated AND o.conparentid = 0 AND n.nspname !~ '^pg_'
        AND pg_catalog.to_jsonb(o) ->> 'conenforced' IS DISTINCT FROM 'false'
    ORDER BY 1 LIMIT 20";

/// Those that fire on a replica only count: here they do not.
const UNENFORCED: &str = "
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname),
        pg_catalog.format('ALTER TABLE %I.%I ENABLE TRIGGER ALL;', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid IN (SELECT t.tgrelid FROM pg_catalog.pg_trigger t
        JOIN pg_catalog.pg_constraint o ON o.oid = t.tgconstraint AND o.contype = 'f'
        WHERE t.tgisinternal AND t.tgenabled IN ('D', 'R')) ORDER BY 1 LIMIT 20";

const SILENT_TRIGGERS: &str = "
    SELECT pg_catalog.format('%I of %I.%I', t.tgname, n.nspname, c.relname),
        pg_catalog.format('ALTER TABLE %I.%I ENABLE TRIGGER %I;', n.nspname, c.relname, t.tgname)
    FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND t.tgenabled = 'D' ORDER BY 1 LIMIT 20";

const UNIDENTIFIED: &str = "
    SELECT DISTINCT pg_catalog.format('%I.%I', n.nspname, c.relname),
        pg_catalog.format('ALTER TABLE %I.%I REPLICA IDENTITY FULL; -- or give it a primary key',
            n.nspname, c.relname)
    FROM pg_catalog.pg_publication_tables t
    JOIN pg_catalog.pg_publication p ON p.pubname = t.pubname AND (p.pubupdate OR p.pubdelete)
    JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
    WHERE c.relreplident = 'n' OR c.relreplident IN ('d', 'i') AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisvalid
            AND CASE c.relreplident WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END)
    ORDER BY 1 LIMIT 20";

const STOPPED: &str = "
    SELECT s.subname::text, (NOT s.subenabled)::int::bigint FROM pg_catalog.pg_subscription s
    WHERE s.subdbid = (SELECT oid FROM pg_catalog.pg_database
            WHERE datname = pg_catalog.current_database())
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_subscription w
            WHERE w.subid = s.oid AND w.pid IS NOT NULL)
    ORDER BY 1 LIMIT 20";

const RESORTED: &str = "
    SELECT pg_catalog.format('the collation %I.%I', n.nspname, c.collname),
        pg_catalog.format('ALTER COLLATION %I.%I REFRESH VERSION;', n.nspname, c.collname)
    FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
    WHERE c.collversion <> pg_catalog.pg_collation_actual_version(c.oid)
        AND EXISTS (SELECT FROM pg_catalog.pg_depend d
            WHERE d.refclassid = 'pg_catalog.pg_collation'::regclass AND d.refobjid = c.oid)
    ORDER BY 1 LIMIT 20";

/// Servers before 15 keep no version of a database's own collation.
const RESORTED_DATABASE: &str = "
    SELECT pg_catalog.format('the database %I', datname),
        pg_catalog.format('ALTER DATABASE %I REFRESH COLLATION VERSION;', datname)
    FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
        AND datcollversion <> pg_catalog.pg_database_collation_actual_version(oid)";

const UNFILLED: &str = "
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname),
        pg_catalog.format('REFRESH MATERIALIZED VIEW %I.%I;', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'm' AND NOT c.relispopulated ORDER BY 1 LIMIT 20";

const OUTDATED: &str = "
    SELECT pg_catalog.format('%I (%s, there is %s)', a.name, a.installed_version,
            a.default_version),
        pg_catalog.format('ALTER EXTENSION %I UPDATE;', a.name)
    FROM pg_catalog.pg_available_extensions a
    WHERE a.installed_version <> a.default_version AND EXISTS (
        SELECT FROM pg_catalog.pg_extension_update_paths(a.name) u
        WHERE u.source = a.installed_version AND u.target = a.default_version
            AND u.path IS NOT NULL)
    ORDER BY 1 LIMIT 20";

const UNVACUUMED: &str = "
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname),
        pg_catalog.format('ALTER TABLE %I.%I RESET (autovacuum_enabled);', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_stat_user_tables s ON s.relid = c.oid
    WHERE c.relkind IN ('r', 'm') AND greatest(c.reltuples, s.n_live_tup) >= 50000
        AND EXISTS (SELECT FROM pg_catalog.pg_options_to_table(c.reloptions) o
            WHERE o.option_name = 'autovacuum_enabled' AND NOT o.option_value::boolean)
    ORDER BY 1 LIMIT 20";

/// Whether a sequence is behind the greatest value of its column, which an index has to give.
const OWNED: &str = "
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.format(
        'SELECT CASE WHEN (SELECT max(%1$I) FROM %2$I.%3$I) > coalesce((SELECT last_value
            FROM pg_catalog.pg_sequences WHERE schemaname = %4$L AND sequencename = %5$L),
            %6$s - 1)
        THEN pg_catalog.format(''SELECT setval(%%L, max(%%I)) FROM %%I.%%I;'', %7$L,
            %1$L, %2$L, %3$L) END',
        a.attname, m.nspname, t.relname, n.nspname, c.relname, q.seqstart,
        pg_catalog.format('%I.%I', n.nspname, c.relname))
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S'
    JOIN pg_catalog.pg_sequence q ON q.seqrelid = c.oid AND q.seqincrement > 0
        AND NOT q.seqcycle
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
    JOIN pg_catalog.pg_namespace m ON m.oid = t.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')
        AND d.refclassid = 'pg_catalog.pg_class'::regclass AND a.atttypid IN (20, 21, 23)
        AND EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = t.oid AND i.indisvalid
            AND i.indpred IS NULL AND i.indkey[0] = a.attnum)
    ORDER BY 1";

impl ObjectFacts {
    pub(super) async fn read(ask: Ask<'_>, is_deep: bool) -> ObjectFacts {
        let mended = async |sql| pairs(ask, sql, text).await.ok();
        let mut resorted = mended(RESORTED).await;
        if let Some(all) = &mut resorted {
            all.splice(0..0, mended(RESORTED_DATABASE).await.unwrap_or_default());
        }
        ObjectFacts {
            unvalidated: mended(UNVALIDATED).await,
            unenforced: mended(UNENFORCED).await,
            silent_triggers: mended(SILENT_TRIGGERS).await,
            unidentified: mended(UNIDENTIFIED).await,
            stopped: pairs(ask, STOPPED, whole).await.ok(),
            resorted,
            unfilled: mended(UNFILLED).await,
            outdated: mended(OUTDATED).await,
            unvacuumed: mended(UNVACUUMED).await,
            overtaken: if is_deep { overtaken(ask).await.ok() } else { None },
        }
    }
}

/// The sequences that are behind their columns. A table that may not be read is passed over.
async fn overtaken(ask: Ask<'_>) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for (name, question) in pairs(ask, OWNED, text).await?.into_iter().take(SEQUENCES_MAX) {
        let cure = names(ask, &question).await.unwrap_or_default().pop();
        found.extend(cure.map(|cure| (name, cure)));
    }
    Ok(found)
}
