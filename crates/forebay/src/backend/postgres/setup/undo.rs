//! The SQL of `forebay setup --undo`: everything that setup made is removed, and the replica
//! identities that it changed are as they were, unless somebody has changed them since.

use super::quote;
use super::script::{MARKED, OWN, PUBLICATION, SCHEMA, Step};
use super::trigger;

/// A row per table that setup has given REPLICA IDENTITY FULL, and that still has it: its schema
/// and name.
pub(super) const CHANGED: &str = "\
SELECT n.nspname, c.relname FROM forebay.identity f
  JOIN pg_catalog.pg_class c ON c.oid = f.relation
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relreplident = 'f' ORDER BY n.nspname, c.relname";

/// What undoes everything, whether or not it was done; `changed` are schema and name of the tables
/// of [`CHANGED`]. The publication goes first, so that no table is published without an identity,
/// and while the triggers still tell that it goes. Each table is a step, so that nobody waits for
/// a table while another one is waited for.
pub(crate) fn undo(changed: &[(Box<str>, Box<str>)]) -> Vec<Step> {
    let publication = quote::identifier(PUBLICATION);
    let mut steps = vec![Step::new(
        "stop publishing changes",
        &guarded(&format!("DROP PUBLICATION IF EXISTS {publication};")),
    )];
    steps.extend(changed.iter().map(|(schema, name)| {
        let table = quote::qualified(schema, name);
        let about = format!("give {table} back the replica identity it had");
        Step::new(about, &guarded(&identity(&table)))
    }));
    steps.push(Step::new(
        "remove the event triggers",
        &guarded(&format!("{};", trigger::drop().replace('\n', "\n    "))),
    ));
    steps.push(Step::new("remove the schema", &guarded(&format!("DROP SCHEMA {SCHEMA} CASCADE;"))));
    steps
}

/// Commands that run only where the schema is the one that setup made, as this role or a superuser.
fn guarded(commands: &str) -> String {
    let marked = quote::literal(MARKED);
    format!(
        "DO $forebay$ DECLARE former record; BEGIN
  IF EXISTS ({OWN}
    AND obj_description(n.oid, 'pg_namespace') LIKE {marked}) THEN
    {commands}
  END IF;
END $forebay$"
    )
}

/// An index that is gone cannot be the identity again; then the primary key is.
fn identity(table: &str) -> String {
    let name = quote::literal(table);
    format!(
        "FOR former IN
      SELECT f.relation, CASE WHEN f.identity = 'n' THEN 'NOTHING'
        WHEN i.indexrelid IS NOT NULL THEN format('USING INDEX %I', f.index)
        ELSE 'DEFAULT' END AS identity
      FROM {SCHEMA}.identity f JOIN pg_class c ON c.oid = f.relation
        LEFT JOIN (pg_index i JOIN pg_class n ON n.oid = i.indexrelid)
          ON f.identity = 'i' AND i.indrelid = f.relation AND n.relname = f.index
      WHERE c.relreplident = 'f' AND c.oid = to_regclass({name})
    LOOP
      EXECUTE format('ALTER TABLE %s REPLICA IDENTITY %s', former.relation, former.identity);
    END LOOP;"
    )
}
