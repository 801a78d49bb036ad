//! One question, asked every second, whose answer changes with whatever neither the stream nor
//! the event triggers tell: roles, settings of databases and roles, the triggers themselves, the
//! publication, another server. It does not say which.

/// A row with one text. It reads rows by `xmin`, which every change of a row changes, so it does
/// not depend on the columns of a version. Roles are read by their view, since the table behind
/// it holds passwords.
pub(crate) const FINGERPRINT: &str = "\
SELECT pg_catalog.md5(pg_catalog.concat_ws('|',
  (SELECT system_identifier FROM pg_catalog.pg_control_system()),
  CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'standby' ELSE
    pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) END,
  pg_catalog.pg_postmaster_start_time(), pg_catalog.pg_conf_load_time(),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', oid, xmin), ',' ORDER BY oid)
    FROM pg_catalog.pg_event_trigger),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', p.oid, p.xmin), ',' ORDER BY p.oid)
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'forebay'),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', oid, xmin), ',' ORDER BY oid)
    FROM pg_catalog.pg_publication WHERE pubname = 'forebay'),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', r.oid, r.xmin), ',' ORDER BY r.oid)
    FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
    WHERE p.pubname = 'forebay'),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', setdatabase, setrole, xmin), ','
    ORDER BY setdatabase, setrole) FROM pg_catalog.pg_db_role_setting),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', roleid, member, xmin), ','
    ORDER BY roleid, member, xmin::text) FROM pg_catalog.pg_auth_members),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', oid, rolname, rolsuper, rolinherit,
    rolbypassrls, rolreplication), ',' ORDER BY oid) FROM pg_catalog.pg_roles),
  (SELECT pg_catalog.concat_ws(':', oid, datname, xmin) FROM pg_catalog.pg_database
    WHERE datname = pg_catalog.current_database())))";
