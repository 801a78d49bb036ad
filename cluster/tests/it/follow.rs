//! Standbys.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};

use cluster::{Cluster, Follow, Settings, SqlError, for_each_version};

use crate::wait::{SILENCE, until};

#[test]
fn a_standby_follows_and_is_promoted() {
    for_each_version("standby", |version| {
        let primary = Cluster::start(Settings::on(version)).unwrap();
        primary.psql("CREATE TABLE t AS SELECT * FROM generate_series(1, 10000) a").unwrap();
        let standby = Cluster::standby_of(&primary, Follow::Asynchronously).unwrap();
        let count = || standby.psql("SELECT count(*) FROM t").unwrap();
        assert_eq!(count(), "10000");
        primary.psql("DELETE FROM t WHERE a > 5").unwrap();
        until("the standby has followed", || count() == "5");

        let error = standby.psql("DELETE FROM t").unwrap_err();
        assert_eq!(error.downcast::<SqlError>().unwrap().code, "25006");
        primary.restart().unwrap();
        primary.psql("DELETE FROM t WHERE a > 4").unwrap();
        until("the standby has come back to the restarted primary", || count() == "4");

        primary.kill().unwrap();
        standby.promote().unwrap();
        standby.psql("DELETE FROM t").unwrap();
        assert_eq!(count(), "0");
        standby.restart().unwrap();
        assert_eq!(standby.psql("SELECT pg_is_in_recovery()").unwrap(), "f");
    });
}

#[test]
fn a_commit_waits_for_a_synchronous_standby() {
    for_each_version("synchronous standby", |version| {
        let primary = Cluster::start(Settings::on(version)).unwrap();
        primary.psql("CREATE TABLE t (a int)").unwrap();
        let standby = Cluster::standby_of(&primary, Follow::Synchronously).unwrap();
        primary.configure("synchronous_commit = remote_apply").unwrap();
        let mut session = primary.session("postgres").unwrap();
        until("the setting is read", || {
            session.text("SHOW synchronous_commit").unwrap() == "remote_apply"
        });
        for number in 1..=20 {
            session.query(&format!("INSERT INTO t VALUES ({number})")).unwrap();
            assert_eq!(standby.psql("SELECT max(a) FROM t").unwrap(), number.to_string());
        }

        standby.freeze().unwrap();
        let (send, receive) = sync_channel(1);
        let thread = std::thread::spawn(move || {
            send.send(session.query("INSERT INTO t VALUES (21)").map(drop))
        });
        assert!(matches!(receive.recv_timeout(SILENCE), Err(RecvTimeoutError::Timeout)));
        standby.thaw().unwrap();
        receive.recv().unwrap().unwrap();
        thread.join().unwrap().unwrap();
    });
}

#[test]
fn a_primary_has_several_standbys() {
    for_each_version("two standbys", |version| {
        let primary = Cluster::start(Settings::on(version)).unwrap();
        let first = Cluster::standby_of(&primary, Follow::Synchronously).unwrap();
        let second = Cluster::standby_of(&primary, Follow::Asynchronously).unwrap();
        // A promoted standby waits for nobody: what its primary waits for is not its own.
        second.promote().unwrap();
        second.psql("CREATE TABLE t (a int)").unwrap();
        drop(first);
    });
}
