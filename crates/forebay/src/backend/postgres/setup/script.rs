//! The SQL of `forebay setup`: steps in their order, each to be sent as one simple query, which
//! makes it one transaction. Every step may be run again. It runs none.

use super::plan::{Plan, Planned};
use super::quote;
use super::table::Table;
use super::trigger;

/// The publication that is made, and followed.
pub(crate) const PUBLICATION: &str = "forebay";

/// The schema of everything else that is made.
pub(crate) const SCHEMA: &str = "forebay";

/// How the schema is known to be ours.
pub(super) const MARK: &str = "Made by `forebay setup`; `forebay setup --undo` removes it.";

/// The same as a pattern, which later words for it meet too.
pub(super) const MARKED: &str = "Made by `forebay setup`%";

/// A row if the schema belongs to the role or to a superuser. What is in the schema of anybody else
/// is not touched: a function or a table that they have put there would run their commands.
pub(super) const OWN: &str = "\
SELECT FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner
    WHERE n.nspname = 'forebay' AND (o.rolsuper OR o.rolname = current_user)";

/// One transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// What it does, for people.
    pub(crate) about: String,
    pub(crate) sql: String,
}

impl Step {
    /// A step that does not wait for long behind other sessions: whoever comes while it waits for
    /// a lock would wait, too.
    pub(super) fn new(about: impl Into<String>, sql: &str) -> Step {
        let sql = format!(
            "BEGIN;\nSET LOCAL lock_timeout = '5s';\nSET LOCAL search_path = pg_catalog;\n\
             {sql};\nCOMMIT"
        );
        Step { about: about.into(), sql }
    }
}

/// What makes a database as planned.
pub(crate) fn steps(plan: &Plan) -> Vec<Step> {
    let mut steps = vec![
        Step::new("make a schema for what setup makes and remembers", &schema()),
        Step::new("make the event triggers that tell changes of the schema", &trigger::create()),
    ];
    // Before they are published: a table without an identity could not be updated in between.
    steps.extend(plan.tables.iter().filter(|planned| planned.sets_full).map(full));
    let tables: Vec<&Table> = plan.published().collect();
    steps.push(Step::new(
        match tables.len() {
            1 => "publish the changes of 1 table".to_owned(),
            count => format!("publish the changes of {count} tables"),
        },
        &publication(&tables),
    ));
    steps
}

fn schema() -> String {
    let mark = quote::literal(MARK);
    format!(
        "CREATE SCHEMA IF NOT EXISTS {SCHEMA};
DO $forebay$ BEGIN
  IF NOT EXISTS ({OWN}) THEN
    RAISE insufficient_privilege USING MESSAGE = 'the schema {SCHEMA} belongs to another role';
  END IF;
END $forebay$;
COMMENT ON SCHEMA {SCHEMA} IS {mark};
CREATE TABLE IF NOT EXISTS {SCHEMA}.identity (
  relation regclass PRIMARY KEY, identity \"char\" NOT NULL, index name);
COMMENT ON TABLE {SCHEMA}.identity IS 'Replica identities as they were before setup'"
    )
}

/// Gives a table REPLICA IDENTITY FULL, and remembers what it had.
fn full(planned: &Planned) -> Step {
    let table = quote::qualified(&planned.table.schema, &planned.table.name);
    let name = quote::literal(&table);
    let sql = format!(
        "INSERT INTO {SCHEMA}.identity (relation, identity, index)
SELECT c.oid, c.relreplident, (SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = \
         x.indexrelid WHERE x.indrelid = c.oid AND x.indisreplident)
FROM pg_class c WHERE c.oid = {name}::regclass AND c.relreplident <> 'f'
ON CONFLICT (relation) DO UPDATE SET identity = excluded.identity, index = excluded.index;
ALTER TABLE {table} REPLICA IDENTITY FULL"
    );
    Step::new(format!("write whole old rows of {table} to the log"), &sql)
}

/// Makes the publication hold exactly these tables.
///
/// Changes of partitions come as those of the partitions: as those of their root, a TRUNCATE of
/// a partition would not come at all, and an old image could not be told from its key.
fn publication(tables: &[&Table]) -> String {
    // ONLY: children that are not partitions are tables of their own, with identities of their own.
    let only = |table: &&Table| format!("ONLY {}", quote::qualified(&table.schema, &table.name));
    let tables: Vec<String> = tables.iter().map(only).collect();
    let name = quote::identifier(PUBLICATION);
    let literal = quote::literal(PUBLICATION);
    let content = if tables.is_empty() {
        format!("DROP PUBLICATION {name};\nCREATE PUBLICATION {name}")
    } else {
        format!("ALTER PUBLICATION {name} SET TABLE {}", tables.join(", "))
    };
    format!(
        "DO $forebay$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = {literal}) THEN
    CREATE PUBLICATION {name};
  END IF;
END $forebay$;
{content};
ALTER PUBLICATION {name} SET (publish = 'insert, update, delete, truncate', \
         publish_via_partition_root = false)"
    )
}
