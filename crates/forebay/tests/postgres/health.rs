//! What is wrong with a database is found, and nothing else is.

use forebay::{Db, HealthCheck, HealthOptions, Severity};

use crate::place::{Place, on_each, on_each_alone, until};

/// Nothing is wrong with it. `fsync` is off on servers for tests, which is left out below.
const SOUND: &str = "
    CREATE TABLE author (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE post (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        author int NOT NULL REFERENCES author, title text NOT NULL);
    CREATE INDEX post_author ON post (author);
    CREATE INDEX post_title ON post (title, author);
    INSERT INTO author SELECT n, 'author ' || n FROM generate_series(1, 20) n;
    INSERT INTO post (author, title)
        SELECT n % 20 + 1, 'title ' || n FROM generate_series(1, 3000) n;
    ANALYZE";

/// What brings a fault about, what undoes it, the check that finds it, and how grave it is.
const PLANTS: &[(&str, &str, &str, Severity)] = &[
    (
        "DROP INDEX post_author",
        "CREATE INDEX post_author ON post (author)",
        "foreign_key_indexes",
        Severity::Warning,
    ),
    (
        "DROP INDEX post_author; CREATE INDEX part ON post (author) WHERE id > 5",
        "DROP INDEX part; CREATE INDEX post_author ON post (author)",
        "foreign_key_indexes",
        Severity::Warning,
    ),
    (
        "DROP INDEX post_author; CREATE INDEX sum ON post ((author + 0))",
        "DROP INDEX sum; CREATE INDEX post_author ON post (author)",
        "foreign_key_indexes",
        Severity::Warning,
    ),
    (
        "CREATE TABLE pair (a int, b int, PRIMARY KEY (a, b)); INSERT INTO pair VALUES (1, 1);
         CREATE TABLE of_pair (a int, b int, FOREIGN KEY (a, b) REFERENCES pair);
         INSERT INTO of_pair SELECT 1, 1 FROM generate_series(1, 2000); ANALYZE of_pair",
        "DROP TABLE of_pair, pair",
        "foreign_key_indexes",
        Severity::Warning,
    ),
    (
        "CREATE INDEX post_title_only ON post (title)",
        "DROP INDEX post_title_only",
        "redundant_indexes",
        Severity::Notice,
    ),
    (
        "CREATE INDEX post_author_again ON post (author)",
        "DROP INDEX post_author_again",
        "redundant_indexes",
        Severity::Notice,
    ),
    (
        "CREATE INDEX author_id ON author (id)",
        "DROP INDEX author_id",
        "redundant_indexes",
        Severity::Notice,
    ),
    (
        "CREATE UNIQUE INDEX post_author_id ON post (author, id)",
        "DROP INDEX post_author_id",
        "redundant_indexes",
        Severity::Notice,
    ),
    (
        "CREATE SEQUENCE s AS int; SELECT setval('s', 1500000000)",
        "DROP SEQUENCE s",
        "sequences",
        Severity::Warning,
    ),
    (
        "CREATE SEQUENCE s AS int; SELECT setval('s', 2100000000)",
        "DROP SEQUENCE s",
        "sequences",
        Severity::Critical,
    ),
    (
        "CREATE TABLE small (id smallint GENERATED ALWAYS AS IDENTITY);
         SELECT setval('small_id_seq', 20000)",
        "DROP TABLE small",
        "sequences",
        Severity::Warning,
    ),
    (
        "CREATE SEQUENCE wide; SELECT setval('wide', 2000000000);
         CREATE TABLE narrow (id int DEFAULT nextval('wide'))",
        "DROP TABLE narrow; DROP SEQUENCE wide",
        "sequences",
        Severity::Critical,
    ),
    (
        "CREATE TABLE new (id int) WITH (autovacuum_enabled = off);
         INSERT INTO new SELECT generate_series(1, 2000)",
        "DROP TABLE new",
        "planner_statistics",
        Severity::Notice,
    ),
    (
        "CREATE TABLE new (id int) WITH (autovacuum_enabled = off);
         INSERT INTO new SELECT generate_series(1, 2000); CREATE INDEX new_id ON new (id)",
        "DROP TABLE new",
        "planner_statistics",
        Severity::Notice,
    ),
    (
        "CREATE TABLE old (id int) WITH (autovacuum_enabled = off);
         INSERT INTO old SELECT generate_series(1, 30000); ANALYZE old;
         DELETE FROM old WHERE id % 2 = 0",
        "DROP TABLE old",
        "dead_rows",
        Severity::Warning,
    ),
    (
        "CREATE TABLE old (id int) WITH (autovacuum_enabled = off);
         INSERT INTO old SELECT generate_series(1, 15000); ANALYZE old; UPDATE old SET id = -id",
        "DROP TABLE old",
        "dead_rows",
        Severity::Warning,
    ),
    (
        "ALTER TABLE post ADD CONSTRAINT short CHECK (length(title) < 9) NOT VALID",
        "ALTER TABLE post DROP CONSTRAINT short",
        "unvalidated_constraints",
        Severity::Notice,
    ),
    (
        "ALTER TABLE post ADD COLUMN editor int;
         ALTER TABLE post ADD CONSTRAINT edits FOREIGN KEY (editor) REFERENCES author NOT VALID;
         CREATE INDEX post_editor ON post (editor)",
        "ALTER TABLE post DROP COLUMN editor",
        "unvalidated_constraints",
        Severity::Notice,
    ),
    (
        "ALTER TABLE post DISABLE TRIGGER ALL",
        "ALTER TABLE post ENABLE TRIGGER ALL",
        "foreign_keys",
        Severity::Warning,
    ),
    (
        "ALTER TABLE author DISABLE TRIGGER ALL",
        "ALTER TABLE author ENABLE TRIGGER ALL",
        "foreign_keys",
        Severity::Warning,
    ),
    (
        "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
         CREATE TRIGGER stamp BEFORE INSERT ON post FOR EACH ROW EXECUTE FUNCTION stamp();
         ALTER TABLE post DISABLE TRIGGER stamp",
        "DROP TRIGGER stamp ON post; DROP FUNCTION stamp",
        "disabled_triggers",
        Severity::Notice,
    ),
    (
        "CREATE TABLE bare (id int); CREATE PUBLICATION told FOR TABLE bare, post",
        "DROP PUBLICATION told; DROP TABLE bare",
        "replica_identity",
        Severity::Warning,
    ),
    (
        "ALTER TABLE post REPLICA IDENTITY NOTHING; CREATE PUBLICATION told FOR TABLE post",
        "DROP PUBLICATION told; ALTER TABLE post REPLICA IDENTITY DEFAULT",
        "replica_identity",
        Severity::Warning,
    ),
    (
        "CREATE SUBSCRIPTION followed CONNECTION 'host=127.0.0.1 port=1 dbname=none'
         PUBLICATION told WITH (connect = false)",
        "ALTER SUBSCRIPTION followed SET (slot_name = NONE); DROP SUBSCRIPTION followed",
        "subscriptions",
        Severity::Warning,
    ),
    (
        "CREATE MATERIALIZED VIEW titles AS SELECT title FROM post WITH NO DATA",
        "DROP MATERIALIZED VIEW titles",
        "materialized_views",
        Severity::Warning,
    ),
    (
        "CREATE TABLE big (id int) WITH (autovacuum_enabled = off);
         INSERT INTO big SELECT generate_series(1, 60000); ANALYZE big",
        "DROP TABLE big",
        "autovacuum",
        Severity::Notice,
    ),
    // Not every server can do these two.
    (
        "CREATE COLLATION german (provider = icu, locale = 'de');
         CREATE TABLE word (word text COLLATE german PRIMARY KEY);
         UPDATE pg_collation SET collversion = '1' WHERE collname = 'german'",
        "DROP TABLE word; DROP COLLATION german",
        "collations",
        Severity::Warning,
    ),
    (
        "CREATE EXTENSION hstore VERSION '1.4'",
        "DROP EXTENSION hstore",
        "extensions",
        Severity::Notice,
    ),
];

/// Waits until this is all that is found: the server's own numbers come a moment later.
async fn found_alone(db: &Db, plant: &str, name: &str, severity: Severity) {
    let expect = vec![(name.to_owned(), severity)];
    for _ in 0..200 {
        if found(db, HealthOptions::new()).await == expect {
            println!(
                "| {} | `{name}` | {severity} |",
                plant.split_whitespace().collect::<Vec<_>>().join(" ")
            );
            return;
        }
        tokio::time::sleep(crate::place::ms(20)).await;
    }
    assert_eq!(found(db, HealthOptions::new()).await, expect, "{plant}");
}

async fn found(db: &Db, options: HealthOptions) -> Vec<(String, Severity)> {
    let health = db.health_with(options).await.unwrap();
    let is_found = |check: &&HealthCheck| {
        let is_judged = !["durability", "cache"].contains(&&*check.name);
        if is_judged && check.severity > Severity::Unknown {
            assert!(!check.message.is_empty() && !check.cure.is_empty(), "{check:?}");
            return true;
        }
        false
    };
    health.checks.iter().filter(is_found).map(|it| (it.name.clone(), it.severity)).collect()
}

#[test]
fn planted_faults_are_found_and_no_others() {
    on_each("planted_faults_are_found_and_no_others", async |place| {
        let db = place.open(SOUND).await;
        let options = HealthOptions::new().expect_index("post_author");
        let options = options.expect_relation("post", "author", "author");
        assert_eq!(found(&db, options).await, []);
        for (plant, undo, name, severity) in PLANTS {
            match place.attempt(plant) {
                Ok(_) => {}
                Err(error) if ["collations", "extensions"].contains(name) => {
                    println!("skipped, for the server cannot do it: {name}: {error}");
                    continue;
                }
                Err(error) => panic!("{plant}: {error}"),
            }
            found_alone(&db, plant, name, *severity).await;
            place.psql(undo);
        }
        assert_eq!(found(&db, HealthOptions::new().deep(true)).await, []);
        // A row with a number of its own, which the sequence will give out, too.
        place.psql(
            "INSERT INTO post (id, author, title) OVERRIDING SYSTEM VALUE VALUES (9000, 1, '')",
        );
        let deep = found(&db, HealthOptions::new().deep(true)).await;
        assert_eq!(deep, [("sequence_positions".to_owned(), Severity::Warning)]);
        let health = db.health_with(HealthOptions::new().deep(true)).await.unwrap();
        for cure in &health.check("sequence_positions").unwrap().cure {
            place.psql(cure);
        }
        assert_eq!(found(&db, HealthOptions::new().deep(true)).await, []);
        assert_eq!(place.psql("SELECT nextval('post_id_seq')"), "9001");
        // Two rows of one title: the index is left behind, and is of no use.
        place.psql("INSERT INTO post (author, title) VALUES (1, 'title 1')");
        let unique = "CREATE UNIQUE INDEX CONCURRENTLY post_once ON post (title)";
        assert!(place.attempt(unique).is_err());
        let health = db.health().await.unwrap();
        let check = health.check("invalid_indexes").unwrap();
        assert_eq!(check.severity, Severity::Warning);
        assert_eq!(check.cure, ["REINDEX INDEX CONCURRENTLY public.post_once;"]);
        let missing =
            HealthOptions::new().expect_index("post_date").expect_index("public.post_title");
        let health = db.health_with(missing).await.unwrap();
        assert!(health.check("expected_indexes").unwrap().message.contains("there: post_date"));
    });
}

/// Databases as they are in their first hour.
#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    on_each("nothing_is_found_where_nothing_is_wrong", async |place| {
        let db = place.builder().open().await.unwrap();
        let check = async |what: &str| {
            let all = found(&db, HealthOptions::new().deep(true)).await;
            assert_eq!(all, [], "{what}");
        };
        check("an empty database").await;
        place.psql(
            "CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp,
                filler char(22));
             CREATE TABLE pgbench_tellers (tid int NOT NULL, bid int, tbalance int,
                filler char(84)) WITH (fillfactor = 100);
             CREATE TABLE pgbench_accounts (aid int NOT NULL, bid int, abalance int,
                filler char(84)) WITH (fillfactor = 100);
             CREATE TABLE pgbench_branches (bid int NOT NULL, bbalance int, filler char(88))
                WITH (fillfactor = 100)",
        );
        check("tables without rows").await;
        place.psql(
            "INSERT INTO pgbench_branches VALUES (1, 0);
             INSERT INTO pgbench_tellers SELECT n, 1, 0 FROM generate_series(1, 10) n;
             INSERT INTO pgbench_accounts SELECT n, 1, 0 FROM generate_series(1, 20000) n",
        );
        place.psql("VACUUM ANALYZE");
        place.psql(
            "ALTER TABLE pgbench_branches ADD PRIMARY KEY (bid);
             ALTER TABLE pgbench_tellers ADD PRIMARY KEY (tid);
             ALTER TABLE pgbench_accounts ADD PRIMARY KEY (aid);
             UPDATE pgbench_accounts SET abalance = aid WHERE aid < 500;
             INSERT INTO pgbench_history SELECT 1, 1, n, n, now() FROM generate_series(1, 500) n",
        );
        check("pgbench").await;
    });
}

#[test]
fn a_role_that_may_see_little() {
    on_each("a_role_that_may_see_little", async |place| {
        place.psql(SOUND);
        let role = format!("looker_{}", place.name());
        place.psql(&format!("CREATE ROLE {role} LOGIN"));
        let db = forebay::open(place.url_for(&role)).await.unwrap();
        let health = db.health().await.unwrap();
        assert!(health.check("foreign_key_indexes").unwrap().severity == Severity::Ok);
        let sizes = db.statistics().await.unwrap();
        assert_eq!((&*sizes.tables[0].name, sizes.tables[0].rows), ("public.post", Some(3000)));
        assert_eq!(sizes.tables[0].indexes.len(), 3);
        db.close().await;
        until("its sessions end", || place.attempt(&format!("DROP ROLE {role}")).is_ok()).await;
    });
}

/// What is wrong with a server, of which it has a server of its own.
#[test]
fn faults_of_a_server() {
    let lines = [
        "max_connections = 20",
        "shared_buffers = 1MB",
        "fsync = on",
        "archive_mode = on",
        "archive_command = 'true'",
        "autovacuum_freeze_max_age = 2000000000",
    ];
    on_each_alone("faults_of_a_server", &lines, async |place| {
        use Severity::{Critical, Notice, Ok, Warning};
        let db = place.single().open().await.unwrap();
        db.execute_batch(SOUND).await.unwrap();
        let severity = async |name: &str| {
            let health = db.health().await.unwrap();
            health.check(name).unwrap().severity
        };
        let comes_to = async |name: &str, expect: Severity| {
            for _ in 0..200 {
                if severity(name).await == expect {
                    println!("| {name} of a server | `{name}` | {expect} |");
                    return;
                }
                tokio::time::sleep(crate::place::ms(20)).await;
            }
            assert_eq!(severity(name).await, expect, "{name}");
        };
        for (setting, name, expect) in SETTINGS {
            place.psql(&format!("ALTER SYSTEM SET {setting}"));
            place.psql("SELECT pg_reload_conf()");
            if *name == "archiving" {
                place.psql("SELECT pg_switch_wal() FROM txid_current()");
            }
            comes_to(name, *expect).await;
            let reset = setting.split(' ').next().unwrap();
            place.psql(&format!("ALTER SYSTEM RESET {reset}"));
            place.psql("SELECT pg_reload_conf()");
            if *name == "archiving" {
                place.psql("SELECT pg_switch_wal() FROM txid_current()");
            }
            comes_to(name, Ok).await;
        }
        files_that_are_not_understood(place, &comes_to).await;
        // A slot that the server has given up.
        place.psql("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'");
        place.psql("SELECT pg_reload_conf()");
        place.psql("SELECT pg_create_physical_replication_slot('left', true)");
        for _ in 0..3 {
            place.psql("SELECT pg_switch_wal() FROM txid_current()");
        }
        place.psql("CHECKPOINT");
        comes_to("replication_slots", Warning).await;
        place.psql("SELECT pg_drop_replication_slot('left')");
        comes_to("replication_slots", Ok).await;
        comes_to("connections", Ok).await;
        let (mut pools, mut held) = (Vec::new(), Vec::new());
        for (more, expect) in [(14, Warning), (3, Critical)] {
            // A pool may open more connections than are asked of it, up to its size.
            let pool = place.builder().max_size(more).max_overflow(0).open().await.unwrap();
            for _ in 0..more {
                let session = pool.session();
                match session.execute("BEGIN").await {
                    Result::Ok(_) => held.push(session),
                    Err(_) => break,
                }
            }
            pools.push(pool);
            comes_to("connections", expect).await;
        }
        drop(held);
        for pool in pools {
            pool.close().await;
        }
        comes_to("connections", Ok).await;
        db.execute_batch(
            "CREATE TABLE wide (x text);
             INSERT INTO wide SELECT repeat('x', 1500) FROM generate_series(1, 5000)",
        )
        .await
        .unwrap();
        for _ in 0..140 {
            db.query("SELECT count(x) FROM wide").no_cache().fetch().await.unwrap();
        }
        comes_to("buffer_hits", Notice).await;
        if std::env::var_os("FOREBAY_HEALTH_LONG").is_some() {
            faults_that_take_long(place, &db).await;
        }
        db.close().await;
        pages_that_are_damaged(place).await;
        numbers_that_are_used_up(place).await;
    });
}

/// What the server is set to, the check that finds it, and how grave it is. Without, it is sound.
const SETTINGS: &[(&str, &str, Severity)] = &[
    ("full_page_writes = off", "durability", Severity::Critical),
    ("fsync = off", "durability", Severity::Critical),
    ("zero_damaged_pages = on", "durability", Severity::Critical),
    ("ignore_checksum_failure = on", "durability", Severity::Critical),
    ("synchronous_commit = off", "durability", Severity::Notice),
    ("autovacuum = off", "autovacuum", Severity::Warning),
    ("track_counts = off", "autovacuum", Severity::Warning),
    ("session_replication_role = replica", "foreign_keys", Severity::Warning),
    ("synchronous_standby_names = 'elsewhere'", "synchronous_standbys", Severity::Critical),
    ("max_connections = 30", "pending_settings", Severity::Notice),
    ("archive_command = 'false'", "archiving", Severity::Warning),
    ("archive_command = ''", "archiving", Severity::Warning),
];

/// A line that the server cannot read, in each of its two files.
async fn files_that_are_not_understood(place: &Place, comes_to: &impl AsyncFn(&str, Severity)) {
    for (file, line) in [("postgresql.conf", "no_such_setting = 1"), ("pg_hba.conf", "local all")] {
        let path = place.cluster().folder().join("data").join(file);
        let sound = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{sound}\n{line}\n")).unwrap();
        place.psql("SELECT pg_reload_conf()");
        comes_to("configuration", Severity::Warning).await;
        std::fs::write(&path, sound).unwrap();
        place.psql("SELECT pg_reload_conf()");
        comes_to("configuration", Severity::Ok).await;
    }
}

/// Runs a program of the server on the data of the stopped server, as who owns them.
fn on_the_files(place: &Place, program: &str, arguments: &[&str]) {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    let cluster = place.cluster();
    let data = cluster.folder().join("data");
    let owner = std::fs::metadata(&data).unwrap();
    let mut command = std::process::Command::new(cluster.version().bin().join(program));
    command.args(arguments).arg("-D").arg(&data).current_dir(cluster.folder());
    if rustix::process::geteuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

async fn look(place: &Place, name: &str) -> Severity {
    let db = place.builder().slow_after(None).open().await.unwrap();
    let severity = db.health().await.unwrap().check(name).unwrap().severity;
    db.close().await;
    severity
}

/// A page of a table that a disk has changed.
async fn pages_that_are_damaged(place: &Place) {
    let cluster = place.cluster();
    if place.psql("SHOW data_checksums") == "off" {
        assert_eq!(look(place, "damaged_pages").await, Severity::Unknown);
        cluster.stop(cluster::Stop::Fast).unwrap();
        on_the_files(place, "pg_checksums", &["--enable", "--no-sync"]);
        cluster.restart().unwrap();
    }
    assert_eq!(look(place, "damaged_pages").await, Severity::Ok);
    place.psql("CREATE TABLE bad AS SELECT repeat('x', 1000) FROM generate_series(1, 100)");
    let path = place.psql("SELECT pg_relation_filepath('bad')");
    cluster.stop(cluster::Stop::Fast).unwrap();
    let path = cluster.folder().join("data").join(path);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[3 * 8192 + 5000..][..100].fill(7);
    std::fs::write(&path, bytes).unwrap();
    cluster.restart().unwrap();
    assert!(place.attempt("SELECT count(*) FROM bad").is_err());
    assert_eq!(look(place, "damaged_pages").await, Severity::Critical);
    println!("| a page of a table that is changed | `damaged_pages` | critical |");
}

/// A server that has given out so many numbers of transactions, and has frozen no row since.
async fn numbers_that_are_used_up(place: &Place) {
    let cluster = place.cluster();
    if !cluster.version().bin().join("pg_resetwal").exists() {
        println!("skipped: this server came without pg_resetwal");
        return;
    }
    for (segment, expect) in [(0x400_u32, Severity::Warning), (0x655, Severity::Critical)] {
        cluster.stop(cluster::Stop::Fast).unwrap();
        // The first number of a file of its own, which the server expects to be there.
        let next = format!("{}", u64::from(segment) << 20);
        on_the_files(place, "pg_resetwal", &["-x", &next]);
        let data = cluster.folder().join("data");
        let path = data.join("pg_xact").join(format!("{segment:04X}"));
        std::fs::write(&path, vec![0; 256 << 10]).unwrap();
        let owner = std::fs::metadata(&data).unwrap();
        use std::os::unix::fs::MetadataExt;
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        cluster.restart().unwrap();
        assert_eq!(look(place, "wraparound").await, expect);
        println!("| {next} transactions and nothing frozen | `wraparound` | {expect} |");
    }
}

/// A log of more than a gigabyte, clients that do nothing for more than a minute or that wait for a
/// lock, and a transaction that was prepared and left.
async fn faults_that_take_long(place: &Place, db: &Db) {
    let severity = async |name: &str| db.health().await.unwrap().check(name).unwrap().severity;
    let patient = std::time::Duration::from_secs(300);
    let other = place.builder().transaction_idle_timeout(patient).transaction_timeout(patient);
    let waits = other.open().await.unwrap().session();
    waits.execute("BEGIN").await.unwrap();
    waits.query("SELECT 1 FROM author FOR UPDATE").fetch().await.unwrap();
    let second = place.builder().transaction_timeout(patient).open().await.unwrap();
    let blocked = tokio::spawn(async move {
        second.execute("UPDATE author SET name = 'x'").timeout(patient).await.unwrap();
    });
    place.psql("BEGIN; CREATE TABLE half (); PREPARE TRANSACTION 'left behind'");
    place.psql("SELECT pg_create_physical_replication_slot('left', true)");
    for _ in 0..66 {
        place.psql("SELECT txid_current(); SELECT pg_switch_wal()");
    }
    assert_eq!(severity("replication_slots").await, Severity::Warning);
    println!("| a slot that nobody reads | `replication_slots` | warning |");
    place.psql("SELECT pg_drop_replication_slot('left')");
    assert_eq!(severity("replication_slots").await, Severity::Ok);
    for (what, name) in [
        ("a session that waits for a lock", "blocked_sessions"),
        ("a client that has a transaction open", "idle_transactions"),
        ("a transaction that was prepared and left", "prepared_transactions"),
    ] {
        while severity(name).await != Severity::Warning {
            tokio::time::sleep(crate::place::ms(500)).await;
        }
        println!("| {what} | `{name}` | warning |");
    }
    blocked.abort();
    waits.execute("ROLLBACK").await.unwrap();
    place.psql("ROLLBACK PREPARED 'left behind'");
    for name in ["blocked_sessions", "idle_transactions", "prepared_transactions"] {
        assert_eq!(severity(name).await, Severity::Ok, "{name}");
    }
}
