//! Starting, connecting, stopping.

use cluster::{Cluster, Settings, SqlError, Stop, for_each_version};

use crate::client::psql;

#[test]
fn two_servers_start_and_answer_on_different_ports() {
    for_each_version("two servers", |version| {
        let one = Cluster::start(Settings::on(version)).unwrap();
        let two = Cluster::start(Settings::on(version)).unwrap();
        assert_ne!(one.port(), two.port());
        for cluster in [&one, &two] {
            let port = cluster.port().to_string();
            assert_ne!(port, "5432");
            for url in [cluster.url(), cluster.socket_url()] {
                let shown = psql(&url, "SHOW port");
                assert!(shown.is_none_or(|shown| shown.unwrap() == port), "{url}");
            }
            assert_eq!(cluster.psql("SHOW listen_addresses").unwrap(), "127.0.0.1");
            let number = cluster.psql("SHOW server_version").unwrap();
            assert!(number.starts_with(&version.number), "{number}");
        }
    });
}

#[test]
fn nothing_is_left_of_a_dropped_server() {
    for_each_version("drop", |version| {
        let cluster = Cluster::start(Settings::on(version)).unwrap();
        let (folder, pid) = (cluster.folder().to_owned(), cluster.pid().unwrap());
        let session = cluster.session("postgres").unwrap();
        drop(cluster);
        assert!(!folder.exists());
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
        drop(session);
    });
}

#[test]
fn rows_come_as_psql_prints_them() {
    for_each_version("rows", |version| {
        let cluster = cluster::shared(version).unwrap();
        let check = |sql: &str, expect: &str| {
            assert_eq!(cluster.psql(sql).unwrap(), expect, "{sql}");
            let other = psql(&cluster.url(), sql);
            assert!(other.is_none_or(|other| other.unwrap() == expect), "{sql}");
        };
        check("SELECT 1", "1");
        check("SELECT 1, NULL, 'ä' UNION ALL SELECT 2, 3, ''", "1||ä\n2|3|");
        check("SELECT 1 WHERE false", "");
        check("SELECT 1; SELECT 2", "1\n2");
    });
}

#[test]
fn an_error_has_its_code_and_the_session_goes_on() {
    for_each_version("errors", |version| {
        let cluster = cluster::shared(version).unwrap();
        let mut session = cluster.session("postgres").unwrap();
        let check = |session: &mut cluster::Session, sql: &str, expect: &str| {
            let error = session.query(sql).unwrap_err();
            assert_eq!(error.downcast::<SqlError>().unwrap().code, expect, "{sql}");
        };
        check(&mut session, "SELECT * FROM missing", "42P01");
        check(&mut session, "SELECT 1/0", "22012");
        check(&mut session, "COPY missing FROM stdin", "42P01");
        session.query("CREATE TEMP TABLE t (a int)").unwrap();
        check(&mut session, "COPY t FROM stdin", "57014");
        assert_eq!(session.text("SELECT count(*) FROM t").unwrap(), "0");
    });
}

#[test]
fn a_server_that_does_not_start_shows_its_log() {
    for_each_version("bad settings", |version| {
        let lines = vec!["no_such_setting = 1".to_owned()];
        let settings = Settings { lines, ..Settings::on(version) };
        let error = Cluster::start(settings).err().unwrap();
        assert!(format!("{error:#}").contains("no_such_setting"), "{error:#}");
    });
}

#[test]
fn a_stopped_server_starts_again_with_new_settings() {
    for_each_version("stop", |version| {
        let lines = vec!["work_mem = '1MB'".to_owned()];
        let cluster = Cluster::start(Settings { lines, ..Settings::on(version) }).unwrap();
        let (port, pid) = (cluster.port(), cluster.pid());
        cluster.psql("CREATE TABLE t (a int)").unwrap();
        assert_eq!(cluster.psql("SHOW work_mem").unwrap(), "1MB");
        for mode in [Stop::Fast, Stop::Immediate] {
            cluster.stop(mode).unwrap();
            assert_eq!(cluster.pid(), None);
            assert!(cluster.psql("SELECT 1").is_err());
            cluster.restart().unwrap();
            assert_eq!(cluster.psql("SELECT count(*) FROM t").unwrap(), "0");
        }
        assert_eq!(cluster.port(), port);
        assert_ne!(cluster.pid(), pid);
        cluster.configure("max_connections = 50").unwrap();
        assert_eq!(cluster.psql("SHOW max_connections").unwrap(), "200");
        cluster.restart().unwrap();
        assert_eq!(cluster.psql("SHOW max_connections").unwrap(), "50");
    });
}
