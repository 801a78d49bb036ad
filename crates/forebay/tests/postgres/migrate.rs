//! Migrations and indexes on servers.

use forebay::{MigrationState, Migrations};

use crate::place::{on_each, until};

const USERS: (&str, &str) =
    ("001_users.sql", "CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);");

#[test]
fn files_are_run_whole_or_not_at_all() {
    on_each("files_are_run_whole_or_not_at_all", async |place| {
        let db = place.open("CREATE TABLE t (a int PRIMARY KEY)").await;
        let function = (
            "V2__f.sql",
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$
             BEGIN INSERT INTO public.t VALUES (new.id); RETURN new; END; $f$;
             CREATE TRIGGER f AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION f();
             SELECT pg_catalog.set_config('search_path', '', false);
             INSERT INTO public.users VALUES (1, 'a;b')",
        );
        for (text, line, says) in [
            ("CREATE TABLE x (a int);\nINSERT INTO t VALUES (1), (1);", 2, "duplicate"),
            ("CREATE TABLE x (a int);\n\nSELEC 1;", 3, "syntax"),
            ("CREATE TABLE x (a int);\nCREATE INDEX CONCURRENTLY i ON t (a)", 2, "no-transaction"),
            ("CREATE TABLE x (a int);\nCOMMIT", 2, "COMMIT stands in a file"),
            ("CREATE TABLE x (a int);\nCOPY t FROM stdin", 2, "forebay load"),
            ("CREATE TABLE x (a int);\nDO $$ BEGIN COMMIT; END $$", 2, "1_x.sql"),
        ] {
            let error = db.migrate([("1_x.sql", text)]).await.unwrap_err().to_string();
            let place_of = format!("1_x.sql, line {line}");
            assert!(error.contains(&place_of) && error.contains(says), "{error}");
            assert_eq!(place.psql("SELECT to_regclass('x')"), "");
        }
        let report = db.migrate([USERS, function]).await.unwrap();
        assert_eq!(report.applied[1].statements.len(), 4);
        assert_eq!(place.psql("SELECT a FROM t"), "1");
        let path: String =
            db.query("SELECT current_setting('search_path')").scalar().await.unwrap();
        assert!(path.contains("public"), "no session keeps what was set in it: {path}");
        let status = db.migrate([USERS, function]).status().await.unwrap();
        assert!(status.iter().all(|it| it.state == MigrationState::Applied), "{status:?}");
        let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
        until("nothing stays locked", || place.psql(locks) == "0").await;
    });
}

#[test]
fn indexes_are_made_beside_writers_and_again_after_a_failure() {
    on_each("indexes_are_made_beside_writers_and_again_after_a_failure", async |place| {
        let db =
            place.open("CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 1), (1, 2)").await;
        let text = "-- no-transaction
            CREATE INDEX CONCURRENTLY t_b ON t (b);
            CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS t_a ON t (a);
            VACUUM t;";
        let error = db.migrate([("1_x.sql", text)]).await.unwrap_err().to_string();
        assert!(error.contains("after 1 of its 3 statements"), "{error}");
        assert!(!error.contains("(1)"), "no value is shown: {error}");
        assert!(db.migrate([("1_x.sql", text)]).await.is_err(), "not without being told to");
        place.psql("DELETE FROM t WHERE b = 2");
        let report = db.migrate([("1_x.sql", text)]).resume(true).await.unwrap();
        assert_eq!(report.applied[0].statements.len(), 2);
        let valid = "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND indisvalid";
        assert_eq!(place.psql(valid), "2", "what the first try left behind is gone");
    });
}

#[test]
fn several_runners_at_once() {
    on_each("several_runners_at_once", async |place| {
        let files = || {
            let tables =
                (1..20).map(|n| (format!("{n}_t.sql"), format!("CREATE TABLE t{n} (a int)")));
            let index = "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON t1 (a)";
            Migrations::from_iter(tables.chain([("20_i.sql".to_owned(), index.to_owned())]))
        };
        let (one, two) =
            (place.builder().open().await.unwrap(), place.builder().open().await.unwrap());
        let (a, b) = tokio::join!(one.migrate(files()), two.migrate(files()));
        assert_eq!(a.unwrap().applied.len() + b.unwrap().applied.len(), 20);
    });
}

#[test]
fn indexes_are_listed_made_and_dropped() {
    on_each("indexes_are_listed_made_and_dropped", async |place| {
        let db = place
            .open(
                "CREATE SCHEMA s; CREATE TABLE s.\"T u\" (id int PRIMARY KEY, b text);
                 INSERT INTO s.\"T u\" SELECT n, n % 3 FROM generate_series(1, 50) n",
            )
            .await;
        let script = "CREATE INDEX b_low ON s.\"T u\" (lower(b), id DESC) WHERE id > 5;
             CREATE UNIQUE INDEX CONCURRENTLY once ON s.\"T u\" (b)";
        let dry = db.indexes().dry_run(true).apply(script).await.unwrap();
        assert_eq!((dry.steps.len(), dry.undo.len(), dry.failed.is_none()), (3, 2, true));
        assert_eq!(db.indexes().list().await.unwrap().len(), 1);
        let report = db.indexes().apply(script).await.unwrap();
        let failed = report.failed.unwrap().to_string();
        assert!(failed.contains("once") && report.steps.len() == 1, "{failed}");
        assert!(
            report.notes[0].starts_with("what it left behind was dropped"),
            "{:?}",
            report.notes
        );
        let all = db.indexes().list().await.unwrap();
        let names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["s.\"T u_pkey\"", "s.b_low"]);
        assert_eq!(all[1].columns, ["lower(b)", "id DESC"]);
        assert!(all[0].is_of_constraint && all[1].is_partial && all[1].bytes > Some(0));
        let again = db.indexes().apply(&report.undo.join(";")).await;
        assert!(again.unwrap_err().message().contains("no CREATE INDEX"));
        assert!(
            db.indexes().drop(&["T u_pkey"]).await.unwrap_err().message().contains("primary key")
        );
        assert!(db.indexes().drop(&["none"]).await.unwrap_err().is_usage());
        let dropped = db.indexes().drop(&["b_low"]).await.unwrap();
        assert_eq!(dropped.steps, ["DROP INDEX CONCURRENTLY s.b_low"]);
        assert_eq!(db.indexes().list().await.unwrap().len(), 1);
        let made = db.indexes().apply(&dropped.undo.join(";")).await.unwrap();
        assert!(made.failed.is_none() && made.steps.len() == 2, "{made:?}");
        let indexes = db.indexes().concurrently(false);
        let whole = indexes.apply("CREATE INDEX c ON s.\"T u\" (id, b)").await.unwrap();
        assert_eq!(whole.steps[0], "CREATE INDEX IF NOT EXISTS c ON s.\"T u\" (id, b)");
        let unused = db.indexes().unused().await.unwrap();
        assert!(unused.unknown.is_some() && unused.indexes.is_empty(), "{unused:?}");
    });
}
