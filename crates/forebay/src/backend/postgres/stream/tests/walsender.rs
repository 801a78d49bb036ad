//! The follower at a real server's replication connection, over a socket that is read and written
//! here in the plainest way.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant, SystemTime};

use super::super::catalogue::{COLUMNS, Catalogue, POSITION, Reading, SNAPSHOT};
use super::super::ended::Ended;
use super::super::follow::{Action, Event, Follower, Now, Options};
use super::super::kind::SESSION;
use super::super::slot::{create, start};
use super::super::transaction::Extent;
use super::build::cells;
use super::noted::Noted;
use super::server::{Server, on_each};
use crate::backend::postgres::setup::{Full, PUBLICATION, Plan, TABLES, Table, steps};
use crate::invalidate::Lsn;
use crate::invalidate::Snapshot;

const DB: &str = "postgres";

/// Longer than anything here takes, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

struct Wire {
    socket: UnixStream,
    bytes: Vec<u8>,
}

impl Wire {
    fn open(server: &Server) -> Wire {
        let socket = UnixStream::connect(server.socket()).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let mut body = 196_608u32.to_be_bytes().to_vec();
        let names = [("user", "postgres"), ("database", DB), ("replication", "database")];
        for (name, value) in names.into_iter().chain(SESSION) {
            body.extend([name.as_bytes(), &[0], value.as_bytes(), &[0]].concat());
        }
        body.push(0);
        let mut wire = Wire { socket, bytes: Vec::new() };
        let length = (body.len() as u32 + 4).to_be_bytes();
        wire.socket.write_all(&[&length[..], &body].concat()).unwrap();
        wire.skip_to(b'Z');
        wire
    }

    fn send(&mut self, tag: u8, body: &[u8]) {
        let length = (body.len() as u32 + 4).to_be_bytes();
        self.socket.write_all(&[&[tag][..], &length, body].concat()).unwrap();
    }

    fn query(&mut self, sql: &str, end: u8) {
        self.send(b'Q', &[sql.as_bytes(), &[0]].concat());
        self.skip_to(end);
    }

    fn skip_to(&mut self, end: u8) {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            match self.next() {
                Ok(Some((tag, _))) if tag == end => return,
                Ok(Some((b'E', body))) => panic!("{}", String::from_utf8_lossy(&body)),
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("no message {}", char::from(end));
    }

    /// The next message, if one comes within the time-out of the socket.
    fn next(&mut self) -> Result<Option<(u8, Vec<u8>)>, String> {
        loop {
            if let Some(length) = self.bytes.get(1..5) {
                let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
                if self.bytes.len() > length {
                    let rest = self.bytes.split_off(length + 1);
                    let message = std::mem::replace(&mut self.bytes, rest);
                    return Ok(Some((message[0], message[5..].to_vec())));
                }
            }
            let mut chunk = [0; 65_536];
            match self.socket.read(&mut chunk) {
                Ok(0) => return Err("closed".to_owned()),
                Ok(read) => self.bytes.extend(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// A follower with its connection, and what it has applied.
struct Trial<'a> {
    server: &'a Server,
    wire: Wire,
    follower: Follower<Noted>,
    applied: Vec<String>,
    sent: usize,
}

impl<'a> Trial<'a> {
    fn begin(server: &'a Server) -> Trial<'a> {
        let mut wire = Wire::open(server);
        wire.query(&create("forebay_1"), b'Z');
        let begun = Snapshot::parse(&server.value(DB, SNAPSHOT)).unwrap();
        wire.query(&start("forebay_1", PUBLICATION), b'W');
        let follower = Follower::new(Options::default(), begun, Instant::now());
        Trial { server, wire, follower, applied: Vec::new(), sent: 0 }
    }

    fn take(&mut self, event: Event<'_>) -> Result<(), Ended> {
        let now = Now { at: Instant::now(), wall: SystemTime::now() };
        for action in self.follower.take(event, now, Noted::default)? {
            match action {
                Action::Apply(committed) => match committed.extent {
                    Extent::Noted(Noted(lines)) => self.applied.extend(lines),
                    Extent::Everything => self.applied.push("flush".to_owned()),
                },
                Action::Reached(place) => assert_eq!(place, self.follower.position()),
                Action::Send(status) => {
                    self.sent += 1;
                    self.wire.send(b'd', &status);
                }
                Action::ReadCatalogue => {
                    let reading = self.read();
                    self.take(Event::Read(reading))?;
                }
            }
        }
        Ok(())
    }

    fn read(&self) -> Reading {
        let snapshot = Snapshot::parse(&self.server.value(DB, SNAPSHOT)).unwrap();
        let catalogue = Catalogue::read(cells(&self.server.query(DB, COLUMNS))).unwrap();
        let position = Lsn::parse(&self.server.value(DB, POSITION)).unwrap();
        Reading { snapshot, catalogue, position }
    }

    /// Follows the stream until `is_done`.
    fn follow(&mut self, is_done: impl Fn(&Trial<'_>) -> bool) -> Result<(), Ended> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if is_done(self) {
                return Ok(());
            }
            match self.wire.next() {
                Ok(Some((b'd', frame))) => self.take(Event::Frame(&frame))?,
                Ok(Some((b'E', body))) => {
                    let cause = String::from_utf8_lossy(&body).into_owned();
                    self.take(Event::Lost(cause.into()))?;
                }
                Ok(_) => {}
                Err(cause) => self.take(Event::Lost(cause.into()))?,
            }
            if self.follower.next_tick() <= Instant::now() {
                self.take(Event::Tick)?;
            }
        }
        panic!("not in time: {:?} at {}", self.applied, self.follower.position());
    }

    /// Follows until the stream has passed what has been committed so far; what was applied.
    fn catch_up(&mut self) -> Vec<String> {
        let place = self.server.value(DB, "SELECT pg_current_wal_flush_lsn()");
        let place = Lsn::parse(&place).unwrap().reachable(8_192);
        self.take(Event::Await(place)).unwrap();
        self.follow(|trial| trial.follower.position() >= place).unwrap();
        std::mem::take(&mut self.applied)
    }
}

#[test]
fn a_server_is_followed() {
    on_each("a_server_is_followed", follow);
}

fn follow(server: &Server) {
    server.script(DB, "CREATE TABLE t (id int PRIMARY KEY, k int); CREATE TABLE unseen (a int);");
    let tables = server.query(DB, TABLES);
    let tables: Vec<Table> = cells(&tables).iter().map(|it| Table::read(it).unwrap()).collect();
    for step in steps(&Plan::of(&tables, &Full::AsIs)) {
        server.query(DB, &step.sql);
    }
    let t = server.value(DB, "SELECT 't'::regclass::oid");
    let mut trial = Trial::begin(server);
    assert!(!trial.follower.is_live());
    trial.follow(|trial| trial.follower.is_live()).unwrap();
    trial.applied.clear();

    server.query(DB, "INSERT INTO t VALUES (1, 1)");
    assert_eq!(trial.catch_up(), [format!("I {t} ?>1 ?>1")]);
    // Nothing of this is sent, and the place is passed all the same.
    server.query(DB, "INSERT INTO unseen VALUES (1)");
    assert_eq!(trial.catch_up(), [] as [&str; 0]);

    server.query(DB, "ALTER TABLE t ADD COLUMN late text");
    assert_eq!(trial.catch_up(), ["flush"]);
    trial.follow(|trial| trial.follower.is_exact()).unwrap();
    server.query(DB, "UPDATE t SET late = 'x' WHERE id = 1");
    assert_eq!(trial.catch_up(), [format!("U {t} 1=1 ?>1 ?>x")]);

    // Many transactions, and one that is larger than a frame.
    server.script(DB, &"UPDATE t SET k = k + 1;\n".repeat(300));
    server.query(DB, "INSERT INTO t SELECT n, n FROM generate_series(1000, 20999) n");
    let applied = trial.catch_up();
    let count = |sign: char| applied.iter().filter(|line| line.starts_with(sign)).count();
    assert_eq!((count('U'), count('I'), applied.len()), (300, 20_000, 20_300));

    // While idle it asks now and then, and the slot moves on.
    let sent = trial.sent;
    let since = Instant::now();
    trial.follow(|_| since.elapsed() > Duration::from_millis(1_500)).unwrap();
    assert!((sent + 1..sent + 5).contains(&trial.sent), "{sent} {}", trial.sent);
    let position = trial.follower.position();
    let moved = format!("SELECT confirmed_flush_lsn >= '{position}' FROM pg_replication_slots");
    assert_eq!(server.value(DB, &moved), "t");

    server.query(DB, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots");
    let ended = trial.follow(|_| false).unwrap_err();
    assert!(matches!(ended, Ended::Lost(_)), "{ended}");
    server.wait_for(DB, "SELECT count(*) = 0 FROM pg_replication_slots");
}
