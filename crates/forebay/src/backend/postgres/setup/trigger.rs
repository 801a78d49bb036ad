//! The event triggers that tell changes of the schema through the stream: the function behind
//! them, and the commands that make them. What they write is read in `stream/transaction`.

use super::super::stream::{DDL, REFRESH};
use super::quote;
use super::script::SCHEMA;

/// The triggers, each with its event and what it is limited to.
///
/// The end of a command tells most; what a DROP took along only `sql_drop` knows. The beginning is
/// told of one command that is two transactions: a partition that is detached concurrently is gone
/// with the first, and the end of the command is in the second. A rewrite of a table is not told
/// apart, since the end of its command follows in the same transaction.
pub(crate) const TRIGGERS: [(&str, &str, &str); 3] = [
    ("forebay_ddl_start", "ddl_command_start", "WHEN TAG IN ('ALTER TABLE') "),
    ("forebay_ddl_end", "ddl_command_end", ""),
    ("forebay_ddl_drop", "sql_drop", ""),
];

/// The function. Temporary objects concern only their own session, and some applications make
/// them all the time. When it cannot be told what a command was about, it is told as a change.
///
/// It runs with the rights of its owner, so that it works for whoever changes the schema; it takes
/// no arguments, and nothing in it can be replaced through a search path.
fn function() -> String {
    let (ddl, refresh) = (quote::literal(DDL), quote::literal(REFRESH));
    format!(
        "CREATE OR REPLACE FUNCTION {SCHEMA}.tell_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $forebay$
DECLARE
  concerns_temporary boolean := false;
  view oid;
BEGIN
  IF TG_EVENT = 'ddl_command_start' THEN
    IF current_query() !~* 'concurrently' THEN
      RETURN;
    END IF;
  ELSIF TG_EVENT = 'sql_drop' THEN
    BEGIN
      SELECT bool_and(coalesce(is_temporary, false)) INTO concerns_temporary
      FROM pg_event_trigger_dropped_objects();
    EXCEPTION WHEN OTHERS THEN
      concerns_temporary := false;
    END;
  ELSIF TG_TAG IN ('DROP TABLE', 'DROP VIEW', 'DROP INDEX', 'DROP SEQUENCE', 'DROP FUNCTION') THEN
    RETURN;
  ELSE
    BEGIN
      IF TG_TAG = 'REFRESH MATERIALIZED VIEW' THEN
        SELECT objid INTO STRICT view FROM pg_event_trigger_ddl_commands();
        PERFORM pg_logical_emit_message(true, {refresh}, view::text);
        RETURN;
      END IF;
      SELECT bool_and(coalesce(schema_name = 'pg_temp', false)) INTO concerns_temporary
      FROM pg_event_trigger_ddl_commands();
    EXCEPTION WHEN OTHERS THEN
      concerns_temporary := false;
    END;
  END IF;
  IF concerns_temporary IS NOT TRUE THEN
    PERFORM pg_logical_emit_message(true, {ddl}, TG_TAG);
  END IF;
END
$forebay$;
REVOKE ALL ON FUNCTION {SCHEMA}.tell_ddl() FROM PUBLIC"
    )
}

/// Makes or renews function and triggers. ALWAYS, since a session that plays the part of a
/// replica changes the schema too.
pub(super) fn create() -> String {
    let mut sql = function();
    for (name, event, filter) in TRIGGERS {
        sql.push_str(&format!(
            ";
DROP EVENT TRIGGER IF EXISTS {name};
CREATE EVENT TRIGGER {name} ON {event} {filter}EXECUTE FUNCTION {SCHEMA}.tell_ddl();
ALTER EVENT TRIGGER {name} ENABLE ALWAYS"
        ));
    }
    sql
}

/// Removes the triggers.
pub(super) fn drop() -> String {
    let drop = |(name, _, _): &(&str, &str, &str)| format!("DROP EVENT TRIGGER IF EXISTS {name}");
    TRIGGERS.iter().map(drop).collect::<Vec<_>>().join(";\n")
}
