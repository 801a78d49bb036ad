//! Plans as data; and on a real server: set up twice, used, verified, undone, and the catalogue
//! as it was.

use super::super::cells::Cells;
use super::super::config::Config;
use super::super::connection::Connection;
use super::super::stream::tests::server::{Rows, Server, on_each};
use super::super::stream::{COLUMNS, POSITION, SNAPSHOT, create, start};
use super::fingerprint::FINGERPRINT;
use super::plan::{Exactness, Full, Plan};
use super::run::Reading;
use super::script::{PUBLICATION, Step, steps};
use super::table::{TABLES, Table};
use super::undo::{CHANGED, undo};
use super::verify::{FACTS, Facts, Finding, PUBLISHED, obstacles, verify};
use crate::error::Error;

/// A table: number, name, kind, persistence, identity, primary key, identity index, root.
fn table(line: &str) -> Table {
    let words: Vec<&str> = line.split(' ').collect();
    let [oid, name, kind, persistence, identity, key, index, root] = words[..] else { panic!() };
    let is_partition = if oid == root { "f" } else { "t" };
    let cells = [
        oid,
        "public",
        name,
        kind,
        persistence,
        identity,
        key,
        index,
        is_partition,
        root,
        "f",
        "owner",
        "8192",
    ];
    Table::read(&cells.map(Some)).unwrap()
}

/// What becomes of each table: `rows`, `keys`, `whole` or `never`, then P if it is published and F
/// if it is given the identity FULL.
fn check(full: &Full, tables: &[(&str, &str)]) {
    let lines: Vec<Table> = tables.iter().map(|(line, _)| table(line)).collect();
    let plan = Plan::of(&lines, full);
    for (planned, (line, expect)) in plan.tables.iter().zip(tables) {
        let word = match planned.exactness {
            Exactness::Rows => "rows",
            Exactness::Keys => "keys",
            Exactness::Whole(_) => "whole",
            Exactness::Never(_) => "never",
        };
        let published = if planned.is_published { "P" } else { "" };
        let full = if planned.sets_full { "F" } else { "" };
        assert_eq!(format!("{word} {published}{full}").trim(), *expect, "{line}");
    }
}

#[test]
fn a_table_is_told_as_its_identity_allows() {
    let tables = |full: &Full, expect: [&str; 9]| {
        let lines = [
            "1 a r p f f f 1",
            "2 b r p d t f 2",
            "3 c r p i f t 3",
            "4 d r p d f f 4",
            "5 e r p n t f 5",
            "6 f r p i t f 6",
            "7 g r u d t f 7",
            "8 h f p d f f 8",
            "9 i m p d f f 9",
        ];
        let cases: Vec<_> = lines.into_iter().zip(expect).collect();
        check(full, &cases);
    };
    tables(
        &Full::AsIs,
        ["rows P", "keys P", "keys P", "never", "never", "never", "never", "never", "whole"],
    );
    tables(
        &Full::All,
        [
            "rows P", "rows PF", "rows PF", "rows PF", "rows PF", "rows PF", "never", "never",
            "whole",
        ],
    );
    tables(
        &Full::Named(vec!["d".into(), "public.b".into(), "other.c".into()]),
        ["rows P", "rows PF", "keys P", "rows PF", "never", "never", "never", "never", "whole"],
    );
    let plan = Plan::of(&[table("1 a r p f f f 1")], &Full::Named(vec!["a".into(), "b.c".into()]));
    assert_eq!(plan.unknown, [Box::<str>::from("b.c")]);
}

#[test]
fn a_partitioned_table_is_told_as_its_worst_partition() {
    let root = "1 a p p d t f 1";
    check(&Full::AsIs, &[(root, "keys P")]);
    check(&Full::AsIs, &[(root, "rows P"), ("2 b r p f t f 1", "rows")]);
    check(
        &Full::AsIs,
        &[(root, "keys P"), ("2 b r p f t f 1", "keys"), ("3 c r p d t f 1", "keys")],
    );
    check(
        &Full::AsIs,
        &[(root, "never"), ("2 b r p f t f 1", "never"), ("3 c r p n t f 1", "never")],
    );
    check(&Full::All, &[(root, "never"), ("2 b r u d t f 1", "never")]);
    check(&Full::All, &[(root, "never"), ("2 b f p d f f 1", "never")]);
    check(
        &Full::All,
        &[(root, "rows P"), ("2 b r p d t f 1", "rows F"), ("3 c p p d t f 1", "rows")],
    );
    // Named by its root or by itself.
    check(&Full::Named(vec!["a".into()]), &[(root, "rows P"), ("2 b r p d t f 1", "rows F")]);
    // Without a primary key, partitions to come would be published without an identity.
    check(&Full::All, &[("1 a p p d f f 1", "never"), ("2 b r p f f f 1", "never")]);
    check(&Full::AsIs, &[("1 a p p f f f 1", "never"), ("2 b r p f f f 1", "never")]);
}

const SCHEMA: &str = "
CREATE SCHEMA \"odd \"\"schema\";
CREATE TABLE plain (id int PRIMARY KEY, k int);
CREATE TABLE nokey (id int, k int);
CREATE TABLE nokey_kept (id int, k int);
CREATE TABLE nothing (id int PRIMARY KEY, k int);
ALTER TABLE nothing REPLICA IDENTITY NOTHING;
CREATE TABLE late (id int PRIMARY KEY DEFERRABLE, k int);
CREATE TABLE \"odd \"\"schema\".\"t'able\\\" (id int NOT NULL, k int);
CREATE UNIQUE INDEX \"odd index\" ON \"odd \"\"schema\".\"t'able\\\" (id);
ALTER TABLE \"odd \"\"schema\".\"t'able\\\" REPLICA IDENTITY USING INDEX \"odd index\";
CREATE TABLE parted (id int PRIMARY KEY, k int) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE loose (id int, k int) PARTITION BY RANGE (id);
CREATE TABLE loose_part PARTITION OF loose FOR VALUES FROM (0) TO (100);
CREATE TABLE base (id int PRIMARY KEY, k int);
CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (base);
CREATE TABLE heir_nokey () INHERITS (base);
CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY, k int);
CREATE MATERIALIZED VIEW seen AS SELECT * FROM plain;
CREATE ROLE watcher LOGIN REPLICATION;
";

/// Everything of the catalogue that setup could change.
const CATALOGUE: &str = "
SELECT c.oid::text, c.relname::text, c.relreplident::text, coalesce((SELECT string_agg(
  i.indexrelid || ':' || i.indisreplident, ',' ORDER BY 1)
  FROM pg_index i WHERE indrelid = c.oid), '')
FROM pg_class c WHERE c.oid >= 16384 OR c.relname !~ '^pg_'
UNION ALL SELECT 'n', nspname, coalesce(nspacl::text, ''), '' FROM pg_namespace
  WHERE nspname !~ '^pg_(toast_)?temp'
UNION ALL SELECT 'p', pubname, '', '' FROM pg_publication
UNION ALL SELECT 'e', evtname, evtenabled::text, '' FROM pg_event_trigger
UNION ALL SELECT 'f', proname, '', '' FROM pg_proc WHERE oid >= 16384
UNION ALL SELECT 'd', description, '', '' FROM pg_description WHERE objoid >= 16384
ORDER BY 1, 2";

const DB: &str = "postgres";

fn cells(rows: &Rows) -> Vec<Vec<Option<&str>>> {
    rows.iter().map(|row| row.iter().map(Option::as_deref).collect()).collect()
}

fn plan(server: &Server, full: &Full) -> Plan {
    let rows = server.query(DB, TABLES);
    let tables: Vec<Table> = cells(&rows).iter().map(|it| Table::read(it).unwrap()).collect();
    Plan::of(&tables, full)
}

fn facts(server: &Server, before: &str) -> Facts {
    let facts = server.query(DB, &format!("{before}{FACTS}"));
    Facts::read(&cells(&facts)[0], cells(&server.query(DB, PUBLISHED))).unwrap()
}

fn run(server: &Server, steps: &[Step]) {
    for step in steps {
        server.query(DB, &step.sql);
    }
}

fn undo_all(server: &Server) {
    let has_changed = server.value(DB, "SELECT to_regclass('forebay.identity') IS NOT NULL");
    let rows = if has_changed == "t" { server.query(DB, CHANGED) } else { Rows::new() };
    let changed: Vec<_> =
        cells(&rows).iter().map(|it| (it[0].unwrap().into(), it[1].unwrap().into())).collect();
    run(server, &undo(&changed));
}

fn faults(findings: &[Finding]) -> Vec<&str> {
    let mut faults = Vec::new();
    for finding in findings {
        if let Finding::Fault(text) = finding {
            faults.push(text.as_str());
        }
    }
    faults
}

#[test]
fn setup_is_made_twice_and_undone() {
    on_each("setup_is_made_twice_and_undone", make_and_undo);
}

fn make_and_undo(server: &Server) {
    server.script(DB, SCHEMA);
    let before = server.query(DB, CATALOGUE);
    let full = Full::Named(
        ["nokey", "nothing", "odd \"schema.t'able\\", "parted"].map(Box::from).to_vec(),
    );
    assert!(!faults(&verify(&facts(server, ""), &plan(server, &full))).is_empty());
    for _ in 0..2 {
        let plan = plan(server, &full);
        assert!(plan.unknown.is_empty());
        run(server, &steps(&plan));
        assert_eq!(faults(&verify(&facts(server, ""), &plan)), [] as [&str; 0]);
    }
    check_published(server);
    check_in_use(server);
    check_verified(server, &full);
    for _ in 0..2 {
        undo_all(server);
        assert_eq!(server.query(DB, CATALOGUE), before);
    }
    // What somebody has changed since stays.
    run(server, &steps(&plan(server, &full)));
    server.query(DB, "ALTER TABLE nothing REPLICA IDENTITY DEFAULT");
    undo_all(server);
    let identity = "SELECT relreplident FROM pg_class WHERE relname = 'nothing'";
    assert_eq!(server.value(DB, identity), "d");
}

fn check_published(server: &Server) {
    let rows = server.query(
        DB,
        "SELECT schemaname || '.' || tablename \
        FROM pg_publication_tables WHERE pubname = 'forebay' ORDER BY 1",
    );
    let names: Vec<&str> = rows.iter().map(|row| row[0].as_deref().unwrap()).collect();
    let expect = [
        "odd \"schema.t'able\\",
        "public.base",
        "public.heir",
        "public.nokey",
        "public.nothing",
        "public.part",
        "public.plain",
    ];
    assert_eq!(names, expect);
}

/// No write of the application fails because of what was set up.
fn check_in_use(server: &Server) {
    for table in [
        "plain",
        "nokey",
        "nokey_kept",
        "nothing",
        "late",
        "\"odd \"\"schema\".\"t'able\\\"",
        "parted",
        "loose",
        "base",
        "heir",
        "heir_nokey",
        "fleeting",
    ] {
        server.script(
            DB,
            &format!(
                "INSERT INTO {table} VALUES (1, 1), (2, 2); UPDATE {table} SET k = 3; \
             DELETE FROM {table} WHERE id = 2; TRUNCATE {table} CASCADE;"
            ),
        );
    }
    server.script(
        DB,
        "CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (100) TO (200);
        INSERT INTO parted VALUES (150, 1); UPDATE parted SET k = 2; DELETE FROM parted;
        DROP TABLE part_2;",
    );
}

fn check_verified(server: &Server, full: &Full) {
    let check = |break_it: &str, mend: &str, expect: &str| {
        server.query(DB, break_it);
        let findings = verify(&facts(server, ""), &plan(server, full));
        let has = |text: &&str| text.contains(expect);
        assert!(faults(&findings).iter().any(has), "{break_it}: {findings:?}");
        server.query(DB, mend);
        let findings = verify(&facts(server, ""), &plan(server, full));
        assert_eq!(faults(&findings), [] as [&str; 0], "{mend}");
    };
    check(
        "ALTER EVENT TRIGGER forebay_ddl_end ENABLE",
        "ALTER EVENT TRIGGER forebay_ddl_end ENABLE ALWAYS",
        "ENABLE ALWAYS",
    );
    check(
        "ALTER PUBLICATION forebay SET (publish = 'insert')",
        "ALTER PUBLICATION forebay SET (publish = 'insert, update, delete, truncate')",
        "leaves something out",
    );
    check(
        "ALTER PUBLICATION forebay SET (publish_via_partition_root = true)",
        "ALTER PUBLICATION forebay SET (publish_via_partition_root = false)",
        "leaves something out",
    );
    check(
        "ALTER PUBLICATION forebay RENAME TO elsewhere",
        "ALTER PUBLICATION elsewhere RENAME TO forebay",
        "no publication",
    );
    if server.major() >= 15 {
        check(
            "ALTER PUBLICATION forebay SET TABLE plain WHERE (id > 1)",
            &steps(&plan(server, full)).last().unwrap().sql,
            "filter",
        );
    }
    // What is published and may not be, and what may be and is not yet.
    server.query(DB, "ALTER PUBLICATION forebay ADD TABLE late");
    server.query(DB, "ALTER PUBLICATION forebay DROP TABLE plain");
    let findings = verify(&facts(server, ""), &plan(server, full));
    let texts = format!("{findings:?}");
    assert!(texts.contains("public.late is published and cannot be followed"), "{texts}");
    assert!(texts.contains("public.plain is not published yet"), "{texts}");
    run(server, &steps(&plan(server, full)));
    let texts = format!("{:?}", obstacles(&facts(server, "SET ROLE watcher; ")));
    assert!(texts.contains("no superuser") && !texts.contains("REPLICATION"), "{texts}");
}

/// A schema of that name that was there before is neither used nor removed.
#[test]
fn what_setup_did_not_make_is_left_alone() {
    on_each("what_setup_did_not_make_is_left_alone", |server| {
        server.script(
            DB,
            "CREATE SCHEMA forebay; CREATE TABLE forebay.precious (a int);
            CREATE PUBLICATION forebay FOR TABLE forebay.precious;",
        );
        let findings = obstacles(&facts(server, ""));
        assert!(format!("{findings:?}").contains("did not make"), "{findings:?}");
        let before = server.query(DB, CATALOGUE);
        run(server, &undo(&[]));
        assert_eq!(server.query(DB, CATALOGUE), before);
        assert_eq!(PUBLICATION, "forebay");
    });
}

/// What `docs/guide/postgres-cache.md` gives the role that Forebay connects as is enough, and of
/// what Forebay itself needs nothing may be left out.
#[test]
fn the_least_role_is_enough() {
    const GRANTS: [&str; 4] = [
        "CREATE ROLE least LOGIN REPLICATION",
        "GRANT CONNECT, TEMPORARY ON DATABASE postgres TO least",
        "GRANT USAGE ON SCHEMA public TO least",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO least",
    ];
    on_each("the_least_role_is_enough", |server| {
        server.script(DB, "REVOKE ALL ON DATABASE postgres FROM PUBLIC;");
        server.script(
            DB,
            "REVOKE ALL ON SCHEMA public FROM PUBLIC; CREATE TABLE t (id int PRIMARY KEY);",
        );
        run(server, &steps(&plan(server, &Full::AsIs)));
        GRANTS.iter().for_each(|sql| drop(server.query(DB, sql)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let check = || runtime.block_on(as_least(server));
        check().unwrap();
        for (without, again) in [
            ("ALTER ROLE least NOREPLICATION", "ALTER ROLE least REPLICATION"),
            ("REVOKE CONNECT ON DATABASE postgres FROM least", GRANTS[1]),
            ("REVOKE TEMPORARY ON DATABASE postgres FROM least", GRANTS[1]),
            ("REVOKE USAGE ON SCHEMA public FROM least", GRANTS[2]),
            ("REVOKE SELECT ON t FROM least", GRANTS[3]),
        ] {
            server.query(DB, without);
            assert!(check().is_err(), "{without}");
            server.query(DB, again);
            check().unwrap();
        }
    });
}

/// Everything that Forebay asks of a server: the state of setup, the stream, the fingerprint, the
/// catalogue, a snapshot, a mark in the log, the analysis of a statement, and the statement.
async fn as_least(server: &Server) -> crate::error::Result<()> {
    let config = Config::parse(&server.url_for("least", DB))?;
    let connection = Connection::open(&config).await?;
    let reading = Reading::take(&connection).await?;
    let plan = Plan::of(&reading.tables, &Full::AsIs);
    let fault = faults(&verify(&reading.facts, &plan)).first().map(|fault| (*fault).to_owned());
    fault.map_or(Ok(()), |fault| Err(Error::usage(fault)))?;
    for sql in [
        FINGERPRINT,
        COLUMNS,
        SNAPSHOT,
        POSITION,
        "SELECT pg_current_wal_flush_lsn(), pg_current_wal_insert_lsn()",
        "BEGIN; CREATE FUNCTION pg_temp.f(int) RETURNS SETOF record LANGUAGE SQL BEGIN ATOMIC \
         SELECT id FROM t WHERE id = $1; END; ROLLBACK",
        "SELECT id FROM t",
    ] {
        Cells::ask(&connection, sql, None).await?;
    }
    let streaming = Connection::open(&config.for_replication()).await?;
    streaming.run_script(create("forebay_least").into(), None).await?;
    streaming.start_replication(start("forebay_least", PUBLICATION).into(), None).await?;
    Ok(())
}
