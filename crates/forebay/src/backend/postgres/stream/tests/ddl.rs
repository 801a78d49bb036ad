//! Which changes of the schema come through the stream, and which have to be noticed otherwise.

use std::thread;

use super::super::catalogue::{Catalogue, POSITION, SNAPSHOT};
use super::super::message::Message;
use super::super::transaction::{Assembler, Committed, Extent};
use super::build::cells;
use super::noted::Noted;
use super::server::{Server, on_each};
use crate::backend::postgres::setup::{FINGERPRINT, Full, PUBLICATION, Plan, TABLES, Table, steps};
use crate::invalidate::Lsn;
use crate::invalidate::{Snapshot, Xid};

const SCHEMA: &str = "
CREATE ROLE plain_user; GRANT CREATE ON SCHEMA public TO plain_user;
CREATE TABLE t (id int PRIMARY KEY, k int, doomed int);
CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE apart (id int PRIMARY KEY);
CREATE TABLE retyped (k int);
CREATE TYPE mood AS ENUM ('sad');
CREATE MATERIALIZED VIEW seen AS SELECT id, k FROM t;
CREATE UNIQUE INDEX seen_id ON seen (id);
CREATE VIEW shown AS SELECT id FROM t;
CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY);
CREATE FUNCTION one() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
";

/// How something is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// A message of the triggers.
    Ddl,
    /// The number of a view.
    View,
    /// The fingerprint, and nothing in the stream.
    Fingerprint,
    /// Not at all, since nothing changes for anybody else.
    None,
}

const CASES: &[(&str, Means)] = &[
    ("ALTER TABLE t ADD COLUMN fast int DEFAULT 1", Means::Ddl),
    ("ALTER TABLE t ADD COLUMN slow float DEFAULT random()", Means::Ddl),
    ("ALTER TABLE retyped ALTER k TYPE bigint USING k * 2", Means::Ddl),
    ("ALTER TABLE t DROP COLUMN doomed", Means::Ddl),
    ("ALTER TABLE t RENAME COLUMN fast TO faster", Means::Ddl),
    ("ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME TO t", Means::Ddl),
    ("ALTER TABLE t REPLICA IDENTITY FULL", Means::Ddl),
    ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", Means::Ddl),
    ("CREATE POLICY p ON t USING (id > 0)", Means::Ddl),
    ("ALTER POLICY p ON t USING (id > 1)", Means::Ddl),
    ("DROP POLICY p ON t", Means::Ddl),
    ("CREATE OR REPLACE VIEW shown AS SELECT id + 1 - 1 AS id FROM t", Means::Ddl),
    (
        "CREATE OR REPLACE FUNCTION one() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 2'",
        Means::Ddl,
    ),
    ("ALTER FUNCTION one() STABLE", Means::Ddl),
    ("DROP FUNCTION one()", Means::Ddl),
    ("ALTER TYPE mood ADD VALUE 'glad'", Means::Ddl),
    ("ALTER TYPE mood RENAME VALUE 'sad' TO 'low'", Means::Ddl),
    ("REFRESH MATERIALIZED VIEW seen", Means::View),
    // It makes a temporary table inside and does not let the triggers know which.
    ("REFRESH MATERIALIZED VIEW CONCURRENTLY seen", Means::Ddl),
    ("ALTER TABLE fleeting SET LOGGED", Means::Ddl),
    ("ALTER TABLE parted ATTACH PARTITION apart FOR VALUES FROM (100) TO (200)", Means::Ddl),
    ("ALTER TABLE parted DETACH PARTITION apart", Means::Ddl),
    ("GRANT SELECT ON t TO plain_user", Means::Ddl),
    ("REVOKE SELECT ON t FROM plain_user", Means::Ddl),
    ("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO plain_user", Means::Ddl),
    ("CREATE TABLE made AS SELECT 1 AS one", Means::Ddl),
    ("SELECT 1 AS one INTO made_too", Means::Ddl),
    ("DROP TABLE made, made_too", Means::Ddl),
    ("CREATE SCHEMA s; DROP SCHEMA s", Means::Ddl),
    ("DO $$ BEGIN CREATE TABLE inside (a int); END $$", Means::Ddl),
    ("SET ROLE plain_user; CREATE TABLE of_user (a int)", Means::Ddl),
    ("SET ROLE plain_user; DROP TABLE of_user", Means::Ddl),
    ("CREATE TABLE owned (a int); ALTER TABLE owned OWNER TO plain_user", Means::Ddl),
    ("DROP OWNED BY plain_user", Means::Ddl),
    ("SET session_replication_role = replica; ALTER TABLE t ADD COLUMN quiet int", Means::Ddl),
    ("ALTER PUBLICATION forebay DROP TABLE t", Means::Ddl),
    ("ALTER PUBLICATION forebay ADD TABLE ONLY t", Means::Ddl),
    ("ALTER PUBLICATION forebay SET (publish = 'insert')", Means::Ddl),
    (
        "CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION \
      suppress_redundant_updates_trigger()",
        Means::Ddl,
    ),
    ("CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING", Means::Ddl),
    ("CREATE INDEX ON t (k)", Means::Ddl),
    ("CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)", Means::Ddl),
    ("CREATE COLLATION c (provider = libc, locale = 'C')", Means::Ddl),
    ("CREATE CAST (mood AS int) WITH INOUT", Means::Ddl),
    ("COMMENT ON TABLE t IS 'x'", Means::Ddl),
    (
        "BEGIN; ALTER TABLE t ADD COLUMN prepared int; PREPARE TRANSACTION 'p'; \
         COMMIT PREPARED 'p'",
        Means::Ddl,
    ),
    ("BEGIN; ALTER TABLE t ADD COLUMN undone int; ROLLBACK", Means::None),
    (
        "CREATE TEMP TABLE tmp (id serial PRIMARY KEY, a text DEFAULT 'x', CHECK (a <> ''))",
        Means::None,
    ),
    (
        "CREATE TEMP TABLE tmp AS SELECT 1 AS a; CREATE INDEX ON tmp (a); \
      ALTER TABLE tmp ADD COLUMN b int; DROP TABLE tmp",
        Means::None,
    ),
    ("BEGIN; CREATE TEMP TABLE tmp (a int) ON COMMIT DROP; COMMIT", Means::None),
    ("CREATE TEMP VIEW tv AS SELECT 1", Means::None),
    (
        "BEGIN; CREATE FUNCTION pg_temp.f(int) RETURNS SETOF record LANGUAGE SQL BEGIN ATOMIC \
      SELECT id FROM t WHERE id = $1; END; COMMIT",
        Means::None,
    ),
    ("DROP TABLE IF EXISTS nowhere", Means::None),
    ("DISCARD ALL", Means::None),
    ("ANALYZE t", Means::None),
    ("VACUUM FULL t", Means::None),
    ("CLUSTER t USING t_pkey", Means::None),
    ("SELECT 1", Means::None),
    ("CREATE ROLE somebody", Means::Fingerprint),
    ("ALTER ROLE somebody BYPASSRLS", Means::Fingerprint),
    ("GRANT plain_user TO somebody", Means::Fingerprint),
    ("ALTER ROLE somebody SET search_path = s", Means::Fingerprint),
    ("ALTER DATABASE postgres SET TimeZone = 'Europe/Rome'", Means::Fingerprint),
    ("ALTER EVENT TRIGGER forebay_ddl_end ENABLE", Means::Fingerprint),
    ("ALTER EVENT TRIGGER forebay_ddl_end DISABLE", Means::Fingerprint),
    ("DROP EVENT TRIGGER forebay_ddl_drop", Means::Fingerprint),
    ("SELECT pg_reload_conf(), pg_sleep(0.5)", Means::Fingerprint),
];

fn take(server: &Server) -> Vec<Committed<Noted>> {
    let mut assembler = Assembler::new();
    assembler.adopt(Some(Catalogue::default()));
    let messages = server.messages("postgres", "s", PUBLICATION);
    let take =
        |bytes: &Vec<u8>| assembler.take(Message::decode(bytes).unwrap(), Noted::default).unwrap();
    messages.iter().filter_map(take).collect()
}

/// Runs `check` on servers that are set up.
fn on_each_set_up(test: &str, check: impl Fn(&Server)) {
    on_each(test, |server| {
        set_up(server);
        check(server);
    });
}

fn set_up(server: &Server) {
    server.script("postgres", SCHEMA);
    let tables = server.query("postgres", TABLES);
    let tables: Vec<Table> = cells(&tables).iter().map(|it| Table::read(it).unwrap()).collect();
    for step in steps(&Plan::of(&tables, &Full::AsIs)) {
        server.query("postgres", &step.sql);
    }
    server.query("postgres", "SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
}

#[test]
fn changes_of_the_schema_are_noticed() {
    on_each_set_up("changes_of_the_schema_are_noticed", check_cases);
}

fn check_cases(server: &Server) {
    let view = server.value("postgres", "SELECT 'seen'::regclass::oid");
    let mut before = server.value("postgres", FINGERPRINT);
    for (sql, means) in CASES {
        server.script("postgres", &format!("{sql};"));
        let done = take(server);
        let after = server.value("postgres", FINGERPRINT);
        let is_seen = std::mem::replace(&mut before, after) != before;
        let noted = |extent: &Extent<Noted>| match extent {
            Extent::Everything => Vec::new(),
            Extent::Noted(Noted(lines)) => lines.clone(),
        };
        let lines: Vec<String> = done.iter().flat_map(|done| noted(&done.extent)).collect();
        let is_ddl = done.iter().any(|done| done.is_ddl);
        assert_eq!(is_ddl, *means == Means::Ddl, "{sql}: {done:?}");
        // What else a refresh says of its view does not matter then.
        let lines = if is_ddl { Vec::new() } else { lines };
        let views = if *means == Means::View { vec![format!("* {view}")] } else { Vec::new() };
        assert_eq!(lines, views, "{sql}");
        assert!(is_seen || *means != Means::Fingerprint, "{sql}");
        assert!(!is_seen || *means != Means::None, "{sql}");
    }
}

/// The first of its two transactions takes the partition away for every new snapshot.
#[test]
fn a_partition_detached_concurrently_is_told_when_it_is_gone() {
    on_each_set_up("a_partition_detached_concurrently", |server| {
        let db = "postgres";
        server.query(db, "INSERT INTO parted VALUES (1)");
        let mut holder = server.session(db);
        holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ").unwrap();
        holder.query("SELECT count(*) FROM parted").unwrap();
        take(server);
        let mut session = server.session(db);
        let detaching = thread::spawn(move || {
            session.query("ALTER TABLE parted DETACH PARTITION part CONCURRENTLY").unwrap();
        });
        server.wait_for(db, "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)");
        assert_eq!(server.value(db, "SELECT count(*) FROM parted"), "0");
        assert!(!detaching.is_finished());
        let done = take(server);
        assert!(done.iter().any(|done| done.is_ddl), "{done:?}");
        drop(holder);
        detaching.join().unwrap();
        assert!(take(server).iter().any(|done| done.is_ddl));
    });
}

#[test]
fn a_reading_of_the_catalogue_is_marked_in_the_stream() {
    on_each_set_up("a_reading_of_the_catalogue", |server| {
        let snapshot = Snapshot::parse(&server.value("postgres", SNAPSHOT)).unwrap();
        let rows = server.query("postgres", POSITION);
        let place = Lsn::parse(rows[0][0].as_deref().unwrap()).unwrap();
        let done = take(server);
        let [mark] = &done[..] else { panic!("{done:?}") };
        assert!(!snapshot.sees(Xid(mark.xid)));
        assert!(mark.end > place && !mark.is_ddl, "{mark:?} {place}");
        assert_eq!(mark.extent, Extent::Noted(Noted::default()));
        let later = Snapshot::parse(&server.value("postgres", SNAPSHOT)).unwrap();
        assert!(later.sees(Xid(mark.xid)));
    });
}
