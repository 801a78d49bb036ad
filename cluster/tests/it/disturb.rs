//! Killing and freezing.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};

use cluster::{Cluster, Settings, for_each_version};

use crate::wait::{SILENCE, until};

#[test]
fn a_killed_server_recovers_and_leaves_no_shared_memory() {
    for_each_version("kill", |version| {
        let cluster = Cluster::start(Settings::on(version)).unwrap();
        cluster.psql("CREATE TABLE t (a int)").unwrap();
        cluster.psql("INSERT INTO t VALUES (1)").unwrap();
        let mut open = cluster.session("postgres").unwrap();
        open.query("BEGIN; INSERT INTO t VALUES (2)").unwrap();
        let pid = cluster.pid().unwrap();
        let files = shared_files(pid);
        assert!(!files.is_empty() && segments(pid) == 1, "{files:?}");
        assert!(is_alive(pid) && is_alive(open.pid()));

        cluster.kill().unwrap();
        assert!(!is_alive(pid) && !is_alive(open.pid()));
        assert!(files.iter().all(|file| !Path::new(file).exists()));
        assert_eq!(segments(pid), 0);
        assert!(open.query("COMMIT").is_err());
        assert!(cluster.psql("SELECT 1").is_err());

        cluster.restart().unwrap();
        assert_eq!(cluster.psql("SELECT a FROM t").unwrap(), "1");
        assert!(cluster.log().contains("was not properly shut down"), "{}", cluster.log());
    });
}

#[test]
fn a_frozen_server_answers_when_it_thaws() {
    for_each_version("freeze", |version| {
        let cluster = Cluster::start(Settings::on(version)).unwrap();
        cluster.freeze().unwrap();
        // The kernel accepts; nobody answers whether there is encryption.
        let mut stream = TcpStream::connect(("127.0.0.1", cluster.port())).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        stream.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).unwrap();
        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        cluster.thaw().unwrap();
        stream.set_read_timeout(None).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 1);
        assert_eq!(cluster.psql("SELECT 1").unwrap(), "1");

        cluster.freeze().unwrap();
        let folder = cluster.folder().to_owned();
        drop(cluster);
        assert!(!folder.exists());
    });
}

#[test]
fn a_paused_process_holds_its_session_only() {
    for_each_version("pause", |version| {
        let cluster = cluster::shared(version).unwrap();
        let mut session = cluster.session("postgres").unwrap();
        let pid = session.pid();
        cluster.pause_process(pid).unwrap();
        let (send, receive) = sync_channel(1);
        let thread = std::thread::spawn(move || send.send(session.text("SELECT 7").unwrap()));
        assert_eq!(receive.recv_timeout(SILENCE), Err(RecvTimeoutError::Timeout));
        assert_eq!(cluster.psql("SELECT 1").unwrap(), "1");
        cluster.resume_process(pid).unwrap();
        assert_eq!(receive.recv().unwrap(), "7");
        thread.join().unwrap().unwrap();
    });
}

#[test]
fn a_server_killed_by_others_can_be_restarted() {
    for_each_version("killed by others", |version| {
        let cluster = Cluster::start(Settings::on(version)).unwrap();
        let pid = cluster.pid().unwrap();
        let killed = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        assert!(killed.unwrap().success());
        until("the server is gone", || cluster.psql("SELECT 1").is_err());
        // Its children end a moment later, and hold its memory until then.
        until("it starts again", || cluster.restart().is_ok());
        assert_eq!(cluster.psql("SELECT 1").unwrap(), "1");
        assert_ne!(cluster.pid(), Some(pid));
    });
}

/// Whether a process is there and works: one that is only waited for has no arguments.
fn is_alive(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|arguments| !arguments.is_empty())
}

/// The files of dynamic shared memory that a process has.
fn shared_files(pid: u32) -> Vec<String> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let paths = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    paths.filter(|path| path.starts_with("/dev/shm/")).map(str::to_owned).collect()
}

/// How many System V segments a process has made: its id is the fifth column.
fn segments(pid: u32) -> usize {
    let all = std::fs::read_to_string("/proc/sysvipc/shm").unwrap();
    let makers = all.lines().filter_map(|line| line.split_whitespace().nth(4));
    makers.filter(|maker| *maker == pid.to_string()).count()
}
