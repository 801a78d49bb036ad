use std::sync::Arc;
use std::time::Duration;

use cluster::{Auth, Cluster, Settings, Stop, Tls, Version};
use forebay::{Builder, Db, Error};

use crate::place::{ms, on_each, on_each_version, until};

fn server(version: &Version) -> Arc<Cluster> {
    Arc::new(Cluster::start(Settings::on(version)).unwrap())
}

/// A statement that was under way when the server went: what is known of it is said.
fn is_lost(error: &Error) -> bool {
    error.is_closed() || error.is_outcome_unknown() || error.is_open()
}

async fn recovers(db: &Db) {
    for _ in 0..200 {
        match db.query("SELECT count(*) FROM t").scalar::<i64>().await {
            Ok(_) => return,
            Err(error) => assert!(is_lost(&error) || error.is_pool_exhausted(), "{error:?}"),
        }
        tokio::time::sleep(ms(50)).await;
    }
    panic!("the database does not answer again");
}

#[test]
fn a_server_that_is_killed_and_comes_back() {
    on_each_version("a_server_that_is_killed_and_comes_back", async |version| {
        let cluster = server(version);
        let db = Builder::new(cluster.url()).acquire_timeout(ms(1_000)).open().await.unwrap();
        db.execute_batch("CREATE TABLE t (id int PRIMARY KEY)").await.unwrap();
        for round in 0..2 {
            let slow = |sql: &'static str| {
                let db = db.clone();
                tokio::spawn(async move { db.query(sql).fetch().await.map(drop) })
            };
            let write = slow("INSERT INTO t SELECT 1 FROM pg_sleep(60)");
            let read = slow("SELECT pg_sleep(60)");
            let session = db.session();
            session.execute("BEGIN").await.unwrap();
            session.execute("INSERT INTO t VALUES (100)").await.unwrap();
            until("both run", || {
                // What is only being parsed has changed nothing, and would be told so.
                let count = "SELECT count(*) FROM pg_stat_activity
                    WHERE state = 'active' AND wait_event = 'PgSleep'";
                cluster.psql(count).unwrap() == "2"
            })
            .await;
            match round {
                0 => cluster.kill().unwrap(),
                _ => cluster.stop(Stop::Immediate).unwrap(),
            }
            // Of a write nobody knows; a read may call what writes.
            let error = write.await.unwrap().unwrap_err();
            assert!(error.is_outcome_unknown(), "{error:?}");
            assert!(error.message().contains("look before"), "{error}");
            let error = read.await.unwrap().unwrap_err();
            assert!(is_lost(&error), "{error:?}");
            let error = session.execute("INSERT INTO t VALUES (101)").await.unwrap_err();
            assert!(is_lost(&error), "{error:?}");
            // While it is down, errors come soon and say where it is not.
            let error = db.query("SELECT 1").fetch().await.unwrap_err();
            assert!(is_lost(&error), "{error:?}");
            let error = db.query("SELECT 1").fetch().await.unwrap_err();
            assert!(error.is_open() && error.message().contains("127.0.0.1"), "{error:?}");
            cluster.restart().unwrap();
            recovers(&db).await;
            assert_eq!(cluster.psql("SELECT count(*) FROM t").unwrap(), "0");
            assert_eq!(session.query("SELECT 1").scalar::<i32>().await.unwrap(), 1);
        }
        db.execute("INSERT INTO t VALUES (1)").await.unwrap();
        db.close().await;
    });
}

#[test]
fn an_orderly_restart_is_survived() {
    on_each_version("an_orderly_restart_is_survived", async |version| {
        let cluster = server(version);
        let db = Builder::new(cluster.url()).open().await.unwrap();
        db.execute_batch("CREATE TABLE t (id int PRIMARY KEY)").await.unwrap();
        let running = {
            let db = db.clone();
            tokio::spawn(async move { db.query("SELECT pg_sleep(60)").fetch().await.map(drop) })
        };
        let active = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        until("it runs", || cluster.psql(active).unwrap() == "1").await;
        cluster.restart().unwrap();
        let error = running.await.unwrap().unwrap_err();
        assert!(is_lost(&error) && error.code() == Some("57P01"), "{error:?}");
        recovers(&db).await;
    });
}

#[test]
fn a_commit_whose_answer_is_lost() {
    on_each("a_commit_whose_answer_is_lost", async |place| {
        // The deferred trigger ends the session in the middle of the commit.
        let db = place
            .open(
                "CREATE TABLE t (id int PRIMARY KEY);
                 CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1);
                    RETURN NULL; END $$;
                 CREATE CONSTRAINT TRIGGER f AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW EXECUTE FUNCTION f()",
            )
            .await;
        let ended = db
            .transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (1)").await.map(drop) })
            .await;
        let error = ended.unwrap_err();
        assert!(error.is_outcome_unknown() && error.code() == Some("57P01"), "{error:?}");
        let error = db.execute("INSERT INTO t VALUES (1)").await.unwrap_err();
        assert!(error.is_outcome_unknown(), "{error:?}");
        assert_eq!(db.query("SELECT count(*) FROM t").scalar::<i64>().await.unwrap(), 0);
    });
}

async fn refused(url: &str) -> Error {
    let opened = Builder::new(url).acquire_timeout(Duration::from_secs(20)).open().await;
    let error = opened.expect_err("it is refused");
    assert!(!format!("{error} {error:?}").contains("falsch"), "{error:?}");
    error
}

#[test]
fn who_may_not_come_in_is_told_why() {
    on_each_version("who_may_not_come_in_is_told_why", async |version| {
        for auth in [Auth::Scram, Auth::Md5] {
            let settings = Settings { auth, ..Settings::on(version) };
            let cluster = Cluster::start(settings).unwrap();
            let db = forebay::open(cluster.url()).await.unwrap();
            assert_eq!(db.query("SELECT 1").scalar::<i32>().await.unwrap(), 1);
            db.close().await;
            let port = cluster.port();
            let password = cluster.password().unwrap();
            for (login, database, code, says) in [
                ("postgres:falsch", "postgres", Some("28P01"), "password"),
                ("nobody:falsch", "postgres", Some("28P01"), "password"),
                ("postgres", "postgres", None, "password"),
                (&*format!("postgres:{password}"), "missing", Some("3D000"), "missing"),
            ] {
                let error =
                    refused(&format!("postgres://{login}@127.0.0.1:{port}/{database}")).await;
                assert!(error.message().contains(says), "{auth:?} {login}: {error:?}");
                assert_eq!(error.code(), code, "{auth:?} {login}: {error:?}");
                assert!(!format!("{error:?}").contains(password), "{error:?}");
            }
        }
    });
}

#[test]
fn a_password_is_not_sent_in_the_clear() {
    on_each_version("a_password_is_not_sent_in_the_clear", async |version| {
        let settings =
            Settings { auth: Auth::Password, tls: Tls::Offered, ..Settings::on(version) };
        let cluster = Cluster::start(settings).unwrap();
        let error = refused(&cluster.url()).await;
        assert!(error.is_open() && error.message().contains("scram-sha-256"), "{error:?}");
        let authority = cluster.certificate().unwrap().authority.display().to_string();
        let url = format!("{}?sslmode=verify-full&sslrootcert={authority}", cluster.url());
        forebay::open(url).await.unwrap().ping().await.unwrap();
    });
}

#[test]
fn where_nobody_listens() {
    on_each_version("where_nobody_listens", async |_| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // It takes the connection, and never says anything.
        let silent = format!("postgres://postgres@127.0.0.1:{port}/x?connect_timeout=1");
        let error = refused(&silent).await;
        assert!(error.is_open() || error.is_timeout() || error.is_pool_exhausted(), "{error:?}");
        assert!(error.message().contains("127.0.0.1"), "{error:?}");
        drop(listener);
        for url in [
            format!("postgres://postgres:falsch@127.0.0.1:{port}/x"),
            "postgres://postgres@/x?host=/nonexistent".to_owned(),
            "postgres://postgres@no-such-host.invalid/x".to_owned(),
        ] {
            let error = refused(&url).await;
            assert!(error.is_open(), "{url}: {error:?}");
        }
        for url in
            ["postgres://127.0.0.1/x", "postgres://a@h:port/x", "postgres://a@h/x?nonsense=1"]
        {
            assert!(refused(url).await.is_usage(), "{url}");
        }
        let with_pragma = Builder::new("postgres://a@127.0.0.1/x").pragma("cache_size", "1");
        assert!(with_pragma.open().await.unwrap_err().is_usage());
    });
}

#[test]
fn encrypted_and_to_whom() {
    on_each_version("encrypted_and_to_whom", async |version| {
        let settings = Settings { tls: Tls::Required, auth: Auth::Scram, ..Settings::on(version) };
        let cluster = Cluster::start(settings).unwrap();
        let other =
            Cluster::start(Settings { tls: Tls::Offered, ..Settings::on(version) }).unwrap();
        let authority = cluster.certificate().unwrap().authority.display().to_string();
        let stranger = other.certificate().unwrap().authority.display().to_string();
        let (port, password) = (cluster.port(), cluster.password().unwrap());
        let url = |host: &str, more: &str| {
            format!("postgres://postgres:{password}@{host}:{port}/postgres?{more}")
        };
        let is_encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        for (host, more) in [
            ("localhost", format!("sslmode=verify-full&sslrootcert={authority}")),
            ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={authority}")),
            ("localhost", format!("sslmode=verify-ca&sslrootcert={authority}")),
            ("localhost", "sslmode=require".to_owned()),
            ("localhost", "sslmode=require&channel_binding=require".to_owned()),
        ] {
            let db = forebay::open(url(host, &more)).await.unwrap();
            assert!(db.query(is_encrypted).scalar::<bool>().await.unwrap(), "{more}");
            // Stopping a statement goes over a second connection, encrypted as well.
            let late = db.query("SELECT pg_sleep(60)").timeout(ms(200)).fetch().await;
            assert!(late.unwrap_err().is_timeout(), "{more}");
            db.close().await;
        }
        for (host, more, says) in [
            ("localhost", "sslmode=disable".to_owned(), "encryption"),
            // Signed by nobody that this machine knows.
            ("localhost", "sslmode=verify-full".to_owned(), "certificate"),
            ("localhost", format!("sslmode=verify-full&sslrootcert={stranger}"), "certificate"),
            ("127.0.0.2", format!("sslmode=verify-full&sslrootcert={authority}"), ""),
            ("localhost", "sslmode=verify-full&sslrootcert=/missing".to_owned(), "/missing"),
        ] {
            let error = refused(&url(host, &more)).await;
            let all = format!("{error} {error:?}");
            assert!(all.contains(says), "{host} {more}: {all}");
            assert!(!all.contains(password), "{all}");
        }
    });
}

#[test]
fn a_server_that_names_somebody_else() {
    on_each_version("a_server_that_names_somebody_else", async |version| {
        let lines = vec!["listen_addresses = '127.0.0.1,127.0.0.2'".to_owned()];
        let settings = Settings { tls: Tls::Offered, lines, ..Settings::on(version) };
        let cluster = Cluster::start(settings).unwrap();
        let authority = cluster.certificate().unwrap().authority.display().to_string();
        let port = cluster.port();
        let hba = cluster.folder().join("data/pg_hba.conf");
        let access = std::fs::read_to_string(&hba).unwrap();
        std::fs::write(&hba, format!("{access}host all all 127.0.0.0/8 trust\n")).unwrap();
        cluster.psql("SELECT pg_reload_conf()").unwrap();
        let url = |mode: &str| {
            let more = format!("sslmode={mode}&sslrootcert={authority}");
            format!("postgres://postgres@127.0.0.2:{port}/postgres?{more}")
        };
        // The certificate is for 127.0.0.1 and localhost.
        let error = refused(&url("verify-full")).await;
        assert!(error.is_open() && error.to_string().contains("127.0.0.2"), "{error:?}");
        let db = forebay::open(url("verify-ca")).await.unwrap();
        db.ping().await.unwrap();
    });
}

#[test]
fn one_that_only_reads() {
    on_each("one_that_only_reads", async |place| {
        place.psql("CREATE TABLE t (id int); CREATE SEQUENCE s");
        let db = place.builder().read_only(true).open().await.unwrap();
        assert_eq!(db.query("SELECT count(*) FROM t").scalar::<i64>().await.unwrap(), 0);
        for sql in [
            "INSERT INTO t VALUES (1)",
            "CREATE TABLE u (a int)",
            "SELECT nextval('s')",
            "SELECT id FROM t FOR UPDATE",
            "WITH d AS (DELETE FROM t RETURNING id) SELECT * FROM d",
        ] {
            let error = db.query(sql).fetch().await.unwrap_err();
            assert!(error.is_read_only(), "{sql}: {error:?}");
        }
        let error = db.execute_batch("INSERT INTO t VALUES (1)").await.unwrap_err();
        assert!(error.is_read_only(), "{error:?}");
        let written = db
            .transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (1)").await.map(drop) })
            .await;
        assert!(written.unwrap_err().is_read_only());
        assert_eq!(place.psql("SELECT count(*) FROM t"), "0");
    });
}
