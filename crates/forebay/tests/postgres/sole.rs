use forebay::{Db, Freshness};

use crate::place::{Place, on_each};
use crate::ready::{
    alone, bare, caught_up, is_hit, keep, open, prepare, soon, until_live, until_off,
};

const SCRIPT: &str = "
    CREATE TABLE a (id int PRIMARY KEY, n int NOT NULL, of int);
    CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE log (id serial PRIMARY KEY, what text);
    CREATE TABLE loud (id int PRIMARY KEY, n int);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN INSERT INTO log (what) VALUES (TG_OP); RETURN NULL; END$$;
    CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON loud
        FOR EACH ROW EXECUTE FUNCTION note();
    CREATE FUNCTION count_up() RETURNS int LANGUAGE sql AS
        'UPDATE a SET n = n + 1 WHERE id = 1 RETURNING n';
    CREATE TABLE stamped (id int PRIMARY KEY, n int, at timestamptz);
    INSERT INTO stamped VALUES (1, 1);
    CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN NEW.n := OLD.n + 1; NEW.at := now(); RETURN NEW; END$$;
    CREATE TRIGGER stamp BEFORE UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE VIEW shown AS SELECT a.id, a.n, count(b.id) AS bs FROM a LEFT JOIN b ON b.a = a.id
        GROUP BY a.id;
    CREATE TABLE parts (id int, n int, PRIMARY KEY (id, n)) PARTITION BY LIST (n);
    CREATE TABLE part1 PARTITION OF parts FOR VALUES IN (1);
    CREATE TABLE part2 PARTITION OF parts FOR VALUES IN (2);
    INSERT INTO a SELECT n, n, n FROM generate_series(1, 5) n;
    INSERT INTO b SELECT n, n FROM generate_series(1, 5) n;
    INSERT INTO loud SELECT n, n FROM generate_series(1, 3) n;
    INSERT INTO parts SELECT n, n % 2 + 1 FROM generate_series(1, 6) n";

const READS: &[&str] = &[
    "SELECT * FROM a ORDER BY id",
    "SELECT n FROM a WHERE id = 1",
    "SELECT n FROM a WHERE id = 4",
    "SELECT * FROM b ORDER BY id",
    "SELECT a.n, b.id FROM a JOIN b ON b.a = a.id ORDER BY b.id",
    "SELECT count(*), max(what) FROM log",
    "SELECT * FROM loud ORDER BY id",
    "SELECT n, at FROM stamped",
    "SELECT * FROM shown ORDER BY id",
    "SELECT * FROM parts ORDER BY id, n",
    "SELECT * FROM part1 ORDER BY id",
    "SELECT n FROM nowhere",
];

/// What is in one pair of brackets runs in one session.
const WRITES: &[&[&str]] = &[
    &["UPDATE a SET n = n + 1 WHERE id = #"],
    &["UPDATE a SET id = id + 10 WHERE id = #", "UPDATE a SET id = id - 10 WHERE id > 10"],
    &["DELETE FROM a WHERE id = #"],
    &["INSERT INTO a VALUES (#, #, #) ON CONFLICT (id) DO UPDATE SET n = a.n + 1"],
    &["INSERT INTO b VALUES (#, #) ON CONFLICT DO NOTHING"],
    &["UPDATE loud SET n = n + 1 WHERE id = #"],
    &["INSERT INTO loud VALUES (#, 0) ON CONFLICT (id) DO NOTHING"],
    &["DELETE FROM loud WHERE id = #"],
    &["SELECT count_up()"],
    &["UPDATE stamped SET id = 1"],
    &["UPDATE parts SET n = 3 - n WHERE id = #"],
    &["DELETE FROM part1 WHERE id = #"],
    &["INSERT INTO parts VALUES (#, 1) ON CONFLICT DO NOTHING"],
    &["TRUNCATE log"],
    &["BEGIN", "UPDATE a SET n = n + 1 WHERE id = #", "INSERT INTO b VALUES (#, 1)", "COMMIT"],
    &["BEGIN", "UPDATE a SET n = n * 2 WHERE id = #", "ROLLBACK"],
    &[
        "BEGIN",
        "SAVEPOINT s",
        "DELETE FROM b",
        "ROLLBACK TO s",
        "DELETE FROM a WHERE id = #",
        "END",
    ],
    &["BEGIN", "UPDATE loud SET n = 1", "SELECT count_up()", "COMMIT"],
    &["BEGIN", "UPDATE a SET n = 1", "PREPARE TRANSACTION 'it'", "COMMIT PREPARED 'it'"],
    &["SET TimeZone = 'Asia/Tokyo'", "UPDATE a SET n = n - 1 WHERE id = #"],
    &["CREATE TEMP TABLE a (n int)", "INSERT INTO a VALUES (1)", "DELETE FROM b WHERE id = #"],
    &["DO $$ BEGIN UPDATE b SET a = 1 WHERE id = 1; COMMIT; DELETE FROM log; END $$"],
    &["ALTER TABLE a ADD COLUMN IF NOT EXISTS more int DEFAULT #", "UPDATE a SET more = #"],
    &["ALTER TABLE a DROP COLUMN IF EXISTS more"],
    &["BEGIN", "ALTER TABLE loud DISABLE TRIGGER note", "UPDATE loud SET n = n + 1", "COMMIT"],
    &["ALTER TABLE loud ENABLE TRIGGER note"],
    &["CREATE OR REPLACE TRIGGER also AFTER UPDATE ON a FOR EACH ROW EXECUTE FUNCTION note()"],
    &["DROP TRIGGER IF EXISTS also ON a"],
    &["CREATE TABLE IF NOT EXISTS nowhere (n int)", "INSERT INTO nowhere VALUES (#)"],
    &["DROP TABLE IF EXISTS nowhere"],
    &["UPDATE a SET n = 1 / 0"],
    &["nonsense"],
];

/// The numbers that a test draws, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

async fn run(db: &Db, statements: &[&str], n: usize) {
    let session = db.session();
    for sql in statements {
        // Some fail, and what was begun is rolled back.
        if session.execute(&sql.replace('#', &n.to_string())).await.is_err() {
            drop(session.execute("ROLLBACK").await);
        }
    }
}

/// Random writes through two handles, at once or one after the other; after each every answer is
/// compared with the database's.
#[test]
fn answers_are_the_databases() {
    on_each("answers_are_the_databases", async |place| {
        let db = alone(place, SCRIPT).await;
        let other = db.clone();
        let (mut dice, mut hits) = (Dice(7), 0);
        for _ in 0..30 {
            let [one, two] = [WRITES[dice.roll(WRITES.len())], WRITES[dice.roll(WRITES.len())]];
            let (n, m) = (dice.roll(6), dice.roll(6));
            match dice.roll(3) {
                0 => {
                    tokio::join!(run(&db, one, n), run(&other, two, m));
                }
                _ if one.len() > 1 => run(&db, one, n).await,
                _ => drop(other.execute(&one[0].replace('#', &n.to_string())).await),
            }
            for _ in 0..4 {
                is_hit(&db, READS[dice.roll(READS.len())]).await;
            }
            // What is not known is fenced for some time, in which nothing is served.
            caught_up(&db).await;
            for _ in 0..8 {
                let read = READS[dice.roll(READS.len())];
                hits += usize::from(is_hit(&db, read).await);
            }
        }
        println!("{hits} hits");
        assert!(hits > 30, "{hits} hits");
        for read in &READS[..READS.len() - 1] {
            keep(&db, read).await;
        }
    });
}

#[test]
fn a_write_drops_the_tables_that_it_may_change() {
    on_each("a_write_drops_the_tables_that_it_may_change", async |place| {
        let db = alone(place, SCRIPT).await;
        let [of_a, of_b] = ["SELECT n FROM a WHERE id = 4", "SELECT a FROM b WHERE id = 4"];
        let of_log = "SELECT count(*) FROM log";
        for (write, expect) in [
            // Other rows of the table, too, and nothing else.
            ("UPDATE a SET n = n + 1 WHERE id = 1", [false, false, true]),
            ("INSERT INTO a VALUES (20, 1, 1)", [false, true, true]),
            ("DELETE FROM b WHERE id = 1", [true, false, true]),
            ("UPDATE loud SET n = n WHERE id = 1", [false, false, false]),
            ("UPDATE stamped SET id = 1", [true, true, true]),
            ("SELECT count_up()", [false, false, false]),
            ("DO $$BEGIN END$$", [false, false, false]),
            ("SELECT n FROM a WHERE id = 2", [true, true, true]),
        ] {
            for read in [of_a, of_b, of_log] {
                keep(&db, read).await;
            }
            db.execute_batch("SELECT 1").await.unwrap();
            for read in [of_a, of_b, of_log] {
                keep(&db, read).await;
            }
            drop(db.query(write).fetch().await.unwrap());
            let mut found = [false; 3];
            for (found, read) in found.iter_mut().zip([of_a, of_b, of_log]) {
                *found = is_hit(&db, read).await;
            }
            assert_eq!(found, expect, "{write}");
        }
        // So does a transaction, whose statements were not seen before.
        for read in [of_a, of_b, of_log] {
            keep(&db, read).await;
        }
        db.transaction(async |tx| {
            tx.query("SELECT n FROM a WHERE id = 3").fetch().await?;
            tx.execute("UPDATE a SET n = n + 3 WHERE id = 3").await.map(drop)
        })
        .await
        .unwrap();
        let found = [is_hit(&db, of_a).await, is_hit(&db, of_b).await, is_hit(&db, of_log).await];
        assert_eq!(found, [false, false, true], "`b` may change with keys of `a`");
        caught_up(&db).await;
        assert!(db.query(of_a).freshness(Freshness::Strict).fetch().await.unwrap().cached);
        let stats = db.stats();
        let replication = stats.replication.unwrap();
        assert!(!replication.live && stats.cache.off.is_none());
        let why = replication.sole.unwrap();
        assert!(why.contains("no publication"), "{why}");
        let freshness = db.explain(of_a).await.unwrap().freshness;
        assert!(freshness.contains("sole_writer") && freshness.contains(&why), "{freshness}");
    });
}

/// What was promised is not checked: somebody else's write is not seen, until one of ours drops it.
#[test]
fn writes_of_others_are_not_seen() {
    on_each("writes_of_others_are_not_seen", async |place| {
        let db = alone(place, SCRIPT).await;
        let sql = "SELECT n FROM a WHERE id = 4";
        keep(&db, sql).await;
        place.psql("UPDATE a SET n = 44 WHERE id = 4");
        assert_eq!(db.query(sql).scalar::<i32>().await.unwrap(), 4);
        db.execute("UPDATE a SET n = n WHERE id = 1").await.unwrap();
        assert_eq!(db.query(sql).scalar::<i32>().await.unwrap(), 44);
    });
}

/// A database that is prepared is followed, whatever is said of its writers; and without its stream
/// nothing is cached.
#[test]
fn a_stream_is_used_where_there_is_one() {
    on_each("a_stream_is_used_where_there_is_one", async |place| {
        prepare(place, SCRIPT).await;
        let db = open(place.builder().sole_writer(true)).await;
        let sql = "SELECT n FROM a WHERE id = 4";
        keep(&db, sql).await;
        place.psql("UPDATE a SET n = 44 WHERE id = 4");
        caught_up(&db).await;
        assert_eq!(db.query(sql).scalar::<i32>().await.unwrap(), 44);
        let replication = db.stats().replication.unwrap();
        assert!(replication.live && replication.sole.is_none());
        let freshness = db.explain(sql).await.unwrap().freshness;
        assert!(freshness.contains("sole_writer is not used"), "{freshness}");
        place.psql("DROP PUBLICATION forebay");
        until_off(&db, "sole_writer is not in force").await;
        assert!(!db.query(sql).fetch().await.unwrap().cached);
        // With nothing left of it, it is as if it had never been there.
        forget(place);
        until_live(&db).await;
        assert!(db.stats().replication.unwrap().sole.is_some());
        keep(&db, sql).await;
    });
}

fn forget(place: &Place) {
    place.psql(
        "DROP EVENT TRIGGER forebay_ddl_start; DROP EVENT TRIGGER forebay_ddl_end;
         DROP EVENT TRIGGER forebay_ddl_drop; DROP SCHEMA forebay CASCADE",
    );
}

/// A server that restarts has lost nothing that it acknowledged, and yet is asked anew.
#[test]
fn connections_that_are_lost() {
    on_each("connections_that_are_lost", async |place| {
        let db = alone(place, SCRIPT).await;
        let sql = "SELECT n FROM a WHERE id = 1";
        for n in 0..5 {
            keep(&db, sql).await;
            let flushes = db.stats().cache.flushes;
            place.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            );
            soon("it is noticed", async || db.stats().cache.flushes > flushes).await;
            until_live(&db).await;
            let written =
                async || db.execute("UPDATE a SET n = $1 WHERE id = 1").bind(n + 100).await.is_ok();
            soon("it writes", written).await;
            assert_eq!(bare(&db, sql).await, format!("[\"n\"] [[{}]]", n + 100));
        }
        keep(&db, sql).await;
    });
}
