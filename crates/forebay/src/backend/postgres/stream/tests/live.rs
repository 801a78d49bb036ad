//! What PostgreSQL writes for every kind of write, replayed: the copy equals the tables in the
//! end, and nothing that is said of a row is untrue.

use std::collections::HashMap;

use super::super::catalogue::{COLUMNS, Catalogue};
use super::super::kind::Kind;
use super::super::message::Message;
use super::super::transaction::{Assembler, Extent, Record};
use super::build::cells;
use super::hostile::check_cuts;
use super::model::{Cell, Model, Truth};
use super::noted::text;
use super::server::{Server, on_each};
use crate::backend::postgres::setup::{Full, PUBLICATION, Plan, TABLES, Table, steps};
use crate::invalidate::{Op, RowChange};

const SCHEMA: &str = "
CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');
CREATE DOMAIN score AS int CHECK (VALUE >= 0);
CREATE SCHEMA \"Other\";
CREATE TABLE plain (id int PRIMARY KEY, k int, name text);
CREATE TABLE \"Other\".plain (id int PRIMARY KEY, \"K\" int, \"na\"\"me\" text);
CREATE TABLE whole (id int, k int, name text);
ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE made_whole (id int, k int, name text);
CREATE TABLE indexed (id int, code text NOT NULL, k int);
CREATE UNIQUE INDEX indexed_code ON indexed (code);
ALTER TABLE indexed REPLICA IDENTITY USING INDEX indexed_code;
CREATE TABLE parent (id int PRIMARY KEY, name text);
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE);
CREATE TABLE orphan (id int PRIMARY KEY,
  parent int REFERENCES parent ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);
CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO log (what) VALUES (TG_OP || coalesce(NEW.name, '')); RETURN NEW; END $$;
CREATE TRIGGER logs AFTER INSERT OR UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION log_it();
CREATE FUNCTION double_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.k := NEW.k * 2; RETURN NEW; END $$;
CREATE TRIGGER doubles BEFORE INSERT ON whole FOR EACH ROW EXECUTE FUNCTION double_it();
CREATE TABLE parted (id int, k int, name text, PRIMARY KEY (id, k)) PARTITION BY RANGE (k);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_high (name text, gone int, k int NOT NULL, id int NOT NULL);
ALTER TABLE parted_high DROP COLUMN gone;
ALTER TABLE parted ATTACH PARTITION parted_high FOR VALUES FROM (100) TO (200);
CREATE TABLE parted_sub PARTITION OF parted FOR VALUES FROM (200) TO (400) PARTITION BY LIST (k);
CREATE TABLE parted_sub_1 PARTITION OF parted_sub FOR VALUES IN (200, 201);
ALTER TABLE parted_low REPLICA IDENTITY FULL;
CREATE TABLE base (id int PRIMARY KEY, k int);
CREATE TABLE derived (extra text, PRIMARY KEY (id)) INHERITS (base);
CREATE TABLE dropped (a int, id int PRIMARY KEY, b int, k int,
  g int GENERATED ALWAYS AS (k * 2) STORED, z text);
ALTER TABLE dropped DROP COLUMN b;
ALTER TABLE dropped ADD COLUMN late int DEFAULT 5;
CREATE TABLE toasted (id int PRIMARY KEY, big text, k int);
CREATE TABLE toasted_whole (id int PRIMARY KEY, big text, k int);
ALTER TABLE toasted ALTER big SET STORAGE EXTERNAL;
ALTER TABLE toasted_whole ALTER big SET STORAGE EXTERNAL;
ALTER TABLE toasted_whole REPLICA IDENTITY FULL;
CREATE TABLE kinds (id int PRIMARY KEY, b bool, i8 bigint, n numeric, f float8, c char(5),
  v varchar(9), d date, t timestamptz, u uuid, j jsonb, m mood, s score, a int[], y bytea, o oid,
  r int4range, iv interval, x xml);
ALTER TABLE kinds REPLICA IDENTITY FULL;
CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO plain VALUES (900, 1, 'p'); COMMIT; UPDATE plain SET k = 2 WHERE id = 900; COMMIT;
  INSERT INTO plain VALUES (901, 1, 'q'); ROLLBACK; END $$;
CREATE VIEW seen AS SELECT id, k FROM plain;
CREATE RULE on_seen AS ON DELETE TO seen DO INSTEAD DELETE FROM plain WHERE id = old.id;
";

const WRITES: &str = "
INSERT INTO plain VALUES (1, 1, 'a'), (2, 2, NULL), (3, 3, ''), (4, 4, 'd');
UPDATE plain SET k = 10 WHERE id = 1;
UPDATE plain SET id = 5 WHERE id = 2;
UPDATE plain SET k = k;
DELETE FROM plain WHERE id = 3;
INSERT INTO \"Other\".plain VALUES (1, 1, 'it''s \"quoted\"\\\\'), (2, NULL, E'new\\nline');
UPDATE \"Other\".plain SET \"K\" = 7;
INSERT INTO whole VALUES (1, 1, 'a'), (1, 1, 'a'), (2, NULL, NULL);
UPDATE whole SET k = NULL WHERE id = 1;
UPDATE whole SET name = 'same', k = k;
DELETE FROM whole WHERE ctid = (SELECT min(ctid) FROM whole WHERE id = 1);
INSERT INTO made_whole VALUES (1, 1, 'a'), (2, 2, 'b');
UPDATE made_whole SET k = 5 WHERE id = 2;
DELETE FROM made_whole WHERE id = 1;
INSERT INTO indexed VALUES (1, 'a', 1), (2, 'b', 2);
UPDATE indexed SET k = 9, id = 9 WHERE code = 'a';
UPDATE indexed SET code = 'c' WHERE code = 'b';
DELETE FROM indexed WHERE code = 'a';
INSERT INTO parent VALUES (1, 'x'), (2, 'y'), (3, 'z');
INSERT INTO child VALUES (1, 1), (2, 1), (3, 2);
INSERT INTO orphan VALUES (1, 1), (2, 2), (3, 3);
DELETE FROM parent WHERE id = 1;
UPDATE parent SET id = 30 WHERE id = 3;
COPY plain FROM PROGRAM 'echo 100,1,copied && echo 101,,' (FORMAT csv);
INSERT INTO plain VALUES (100, 5, 'taken') ON CONFLICT (id) DO UPDATE SET k = excluded.k;
INSERT INTO plain VALUES (100, 6, 'taken') ON CONFLICT DO NOTHING;
WITH gone AS (DELETE FROM plain WHERE id = 101 RETURNING *)
  INSERT INTO \"Other\".plain SELECT id, k, name FROM gone;
DELETE FROM seen WHERE id = 4;
INSERT INTO parted VALUES (1, 1, 'low'), (2, 150, 'high'), (3, 200, 'sub');
UPDATE parted SET k = 151 WHERE id = 1;
UPDATE parted SET name = 'moved' WHERE id = 1;
UPDATE parted SET k = 201 WHERE id = 2;
INSERT INTO parted_high VALUES ('direct', 160, 8);
UPDATE parted SET k = 2 WHERE id = 3;
DELETE FROM parted_low WHERE id = 3;
INSERT INTO parted SELECT n, n, 'n' FROM generate_series(10, 20) n;
TRUNCATE parted_low;
INSERT INTO base VALUES (1, 1);
INSERT INTO derived VALUES (2, 2, 'e');
UPDATE base SET k = 5;
INSERT INTO dropped (a, id, k, z) VALUES (1, 1, 1, 'z'), (2, 2, 2, 'y');
UPDATE dropped SET k = 5 WHERE id = 1;
UPDATE dropped SET late = NULL, id = 3 WHERE id = 2;
INSERT INTO toasted VALUES (1, repeat('abcdefghij', 1000), 1);
INSERT INTO toasted_whole VALUES (1, repeat('abcdefghij', 1000), 1);
UPDATE toasted SET k = 2;
UPDATE toasted_whole SET k = 2;
UPDATE toasted SET id = 2;
UPDATE toasted SET big = repeat('x', 10000);
UPDATE toasted_whole SET big = repeat('y', 10000), k = 3;
UPDATE toasted_whole SET big = big || 'z';
DELETE FROM toasted_whole;
INSERT INTO kinds VALUES (1, true, 9223372036854775807, 1.0, -0.0, 'ab', 'v', '2024-02-29',
  '2024-02-29 12:00:00+01', '00000000-0000-0000-0000-000000000001', '{\"a\": 1.0}', 'ok', 3,
  '{1,NULL}', '\\x00ff', 4294967295, '[1,5)', '1 day', '<a/>');
INSERT INTO kinds (id) VALUES (2);
UPDATE kinds SET n = 1.00, f = 0.0, j = '{\"a\": 1}';
UPDATE kinds SET b = NOT b, m = 'glad', s = 4, x = '<b/>', iv = '24 hours', t = t + '1 s';
UPDATE kinds SET id = id + 10, a = NULL, d = d + 1, o = 7, y = '', i8 = -1, u = NULL, v = 'w';
BEGIN; INSERT INTO plain VALUES (200, 1, 'kept'); SAVEPOINT s;
INSERT INTO plain VALUES (201, 1, 'undone'); DELETE FROM plain WHERE id = 1; ROLLBACK TO s;
UPDATE plain SET k = 77 WHERE id = 200; COMMIT;
BEGIN; DELETE FROM plain; ROLLBACK;
BEGIN; INSERT INTO plain VALUES (300, 1, 'prepared'); PREPARE TRANSACTION 'p';
COMMIT PREPARED 'p';
BEGIN; DELETE FROM plain WHERE id = 300; PREPARE TRANSACTION 'q'; ROLLBACK PREPARED 'q';
CALL commits();
SET session_replication_role = replica;
INSERT INTO child VALUES (50, 1);
UPDATE plain SET name = 'quiet' WHERE id = 200;
RESET session_replication_role;
INSERT INTO log (what) SELECT 'many' FROM generate_series(1, 500);
UPDATE log SET what = 'all' WHERE id % 2 = 0;
TRUNCATE parent RESTART IDENTITY CASCADE;
INSERT INTO parent VALUES (7, 'after');
";

const FROM_15: &str = "
MERGE INTO plain USING (VALUES (1, 50), (400, 60)) v (id, k) ON plain.id = v.id
  WHEN MATCHED THEN UPDATE SET k = v.k WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.k, 'merged');
";

/// What was said of the last row.
#[derive(Default)]
struct Said(Option<Words>);

struct Words {
    table: String,
    op: Op,
    /// Before, after and whether changed, by column number.
    columns: Vec<(String, String, bool)>,
}

impl Record for Said {
    fn record(&mut self, table: &str, change: &dyn RowChange) {
        let column = |column| {
            (text(change.before(column)), text(change.after(column)), change.is_changed(column))
        };
        let columns = (0..change.width()).map(column).collect();
        self.0 = Some(Words { table: table.to_owned(), op: change.op(), columns });
    }
    fn record_unknown(&mut self, _: &str) {}
}

/// By table: the root, and per position in the stream the column's number and kind there.
type Places = HashMap<u32, (String, Vec<(usize, Kind)>)>;

/// The same as the code under test finds out, in another way.
fn places(server: &Server) -> Places {
    let rows = server.query(
        "postgres",
        "
        SELECT a.attrelid, coalesce(pg_partition_root(a.attrelid)::oid, a.attrelid), r.attnum - 1,
          CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END, t.typtype = 'e'
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
          JOIN pg_attribute r ON r.attname = a.attname
            AND r.attrelid = coalesce(pg_partition_root(a.attrelid)::oid, a.attrelid)
          JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        ORDER BY a.attrelid, a.attnum",
    );
    let mut places = Places::new();
    for row in rows {
        let cell = |at: usize| row[at].clone().unwrap();
        let kind = Kind::of(cell(3).parse().unwrap(), cell(4) == "t");
        let place = places.entry(cell(0).parse().unwrap()).or_insert((cell(1), Vec::new()));
        place.1.push((cell(2).parse().unwrap(), kind));
    }
    places
}

/// How much was said, so that a test of what is said does not pass on silence.
#[derive(Debug, Default)]
struct Count {
    known: usize,
    unknown: usize,
    kept: usize,
    changed: usize,
}

/// Nothing that is said of a row is untrue.
fn judge(words: &Words, truth: &Truth, places: &Places, count: &mut Count) {
    let (root, places) = &places[&truth.relation];
    assert_eq!(&words.table, root);
    let op = match (&truth.old, &truth.new) {
        (None, _) => Op::Insert,
        (_, None) => Op::Delete,
        _ => Op::Update,
    };
    assert_eq!(words.op, op);
    for (position, (number, kind)) in places.iter().enumerate() {
        let (before, after, is_changed) = &words.columns[*number];
        let real = |row: &Option<Vec<Cell>>| row.as_ref().map(|row| row[position].clone());
        let (old, new) = (real(&truth.old), real(&truth.new));
        for (said, real) in [(before, &old), (after, &new)] {
            let expect = match real {
                None => "?".to_owned(),
                Some(None) => "NULL".to_owned(),
                Some(Some(cell)) => text(kind.scalar(cell.as_bytes())),
            };
            assert!(said == "?" || *said == expect, "{said} for {expect}: {truth:?}");
            *(if said == "?" { &mut count.unknown } else { &mut count.known }) += 1;
        }
        assert!(*is_changed || old == new || op != Op::Update, "{truth:?} {position}");
        *(if *is_changed { &mut count.changed } else { &mut count.kept }) += 1;
    }
}

#[test]
fn a_replay_equals_the_tables() {
    on_each("a_replay_equals_the_tables", replay);
}

fn replay(server: &Server) {
    let db = "postgres";
    server.script(db, SCHEMA);
    let tables: Vec<Table> =
        cells(&server.query(db, TABLES)).iter().map(|row| Table::read(row).unwrap()).collect();
    let plan = Plan::of(&tables, &Full::Named(vec!["made_whole".into()]));
    for step in steps(&plan) {
        server.query(db, &step.sql);
    }
    server.query(db, "SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    let catalogue = Catalogue::read(cells(&server.query(db, COLUMNS))).unwrap();
    server.script(db, WRITES);
    if server.major() >= 15 {
        server.script(db, FROM_15);
    }
    let (mut model, mut count) = (Model::default(), Count::default());
    let mut assembler: Assembler<Said> = Assembler::new();
    assembler.adopt(Some(catalogue));
    let places = places(server);
    let messages = server.messages(db, "s", PUBLICATION);
    let mut transactions = 0;
    for bytes in &messages {
        if bytes.len() < 2_000 {
            check_cuts(bytes);
        }
        let message = Message::decode(bytes).unwrap();
        let truth = model.replay(&message);
        // One transaction per row, so that what is said of it can be had at once.
        let is_mark = matches!(message, Message::Begin { .. } | Message::Commit { .. });
        transactions += usize::from(matches!(message, Message::Begin { .. }));
        if is_mark {
            continue;
        }
        for message in [Message::Begin { commit: crate::invalidate::Lsn(1), xid: 1 }, message] {
            assert!(assembler.take(message, Said::default).unwrap().is_none());
        }
        let end =
            Message::Commit { commit: crate::invalidate::Lsn(1), end: crate::invalidate::Lsn(2) };
        let done = assembler.take(end, Said::default).unwrap().unwrap();
        let Extent::Noted(said) = done.extent else { panic!("{truth:?}") };
        assert_eq!(said.0.is_some(), truth.is_some());
        if let (Some(words), Some(truth)) = (&said.0, &truth) {
            judge(words, truth, &places, &mut count);
        }
    }
    assert!(transactions > 60, "{transactions}");
    assert!(count.known > 1_500 && count.kept > 100 && count.changed > 100, "{count:?}");
    let mut compared = 0;
    for table in model.0.values_mut() {
        let columns = server.value(
            db,
            &format!(
                "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) \
             FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0 AND NOT attisdropped \
             AND attgenerated = ''",
                table.name
            ),
        );
        let mut real = server.query(db, &format!("SELECT {columns} FROM ONLY {}", table.name));
        real.sort();
        table.rows.sort();
        assert_eq!(table.rows, real, "{}", table.name);
        compared += 1;
    }
    assert_eq!(compared, 18, "{:?}", model.0.values().map(|table| &table.name));
}
