//! A server for each test, of every installed version, with sessions whose texts are those of the
//! stream. Where there is no server, the test is skipped and says so.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cluster::{Cluster, Session, Settings};

use super::super::kind::SESSION;

/// How long the server may take to notice something.
const NOTICE_MAX: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(20);

/// A running server.
pub(crate) struct Server(Cluster);

/// Rows as texts.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// Runs `check` with a server of its own on every installed version.
pub(crate) fn on_each(test: &str, check: impl Fn(&Server)) {
    cluster::for_each_version(test, |version| {
        check(&Server(Cluster::start(Settings::on(version)).unwrap()));
    });
}

impl Server {
    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.0.folder().join(format!(".s.PGSQL.{}", self.0.port()))
    }

    /// The address for a user.
    pub(crate) fn url_for(&self, user: &str, database: &str) -> String {
        self.0.url_for(user, database)
    }

    /// The first part of its version.
    pub(crate) fn major(&self) -> u32 {
        self.0.version().major
    }

    /// A session of its own.
    pub(crate) fn session(&self, database: &str) -> Session {
        let mut session = self.0.session(database).unwrap();
        for (name, value) in SESSION {
            session.query(&format!("SET {name} = '{value}'")).unwrap();
        }
        session
    }

    /// Runs a script in one session, each statement by itself; each has to succeed.
    pub(crate) fn script(&self, database: &str, sql: &str) {
        let mut session = self.session(database);
        for statement in statements(sql) {
            let ran = session.query(statement);
            ran.unwrap_or_else(|error| panic!("{error}\n{statement}"));
        }
    }

    /// Sends one simple query that has to succeed.
    pub(crate) fn query(&self, database: &str, sql: &str) -> Rows {
        self.session(database).query(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"))
    }

    /// The only value of a query.
    pub(crate) fn value(&self, database: &str, sql: &str) -> String {
        self.query(database, sql).swap_remove(0).swap_remove(0).unwrap()
    }

    /// Waits until a query answers `t`.
    pub(crate) fn wait_for(&self, database: &str, sql: &str) {
        let began = Instant::now();
        while self.value(database, sql) != "t" {
            assert!(began.elapsed() < NOTICE_MAX, "not within {NOTICE_MAX:?}: {sql}");
            std::thread::sleep(POLL);
        }
    }

    /// Messages of a slot of the plugin since the last time.
    pub(crate) fn messages(&self, database: &str, slot: &str, publication: &str) -> Vec<Vec<u8>> {
        let rows = self.query(database, &format!(
            "SELECT encode(data, 'hex') FROM pg_logical_slot_get_binary_changes('{slot}', NULL, \
             NULL, 'proto_version', '1', 'publication_names', '{publication}', 'messages', 'true')"
        ));
        let byte =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let bytes = |text: String| text.as_bytes().chunks(2).map(byte).collect();
        rows.into_iter().map(|mut row| bytes(row.swap_remove(0).unwrap())).collect()
    }
}

/// The statements of a script, as far as these tests write them: a `;` inside quotes, dollar quotes
/// and BEGIN ATOMIC … END ends none.
fn statements(sql: &str) -> Vec<&str> {
    let (mut found, mut start, mut at) = (Vec::new(), 0, 0);
    let mut is_atomic = false;
    while at < sql.len() {
        let rest = &sql[at..];
        at += match rest.as_bytes()[0] {
            quote @ (b'\'' | b'"') => {
                let end = rest[1..].find(char::from(quote));
                end.map_or(rest.len(), |end| end + 2)
            }
            b'$' if rest.starts_with("$$") => {
                rest[2..].find("$$").map_or(rest.len(), |end| end + 4)
            }
            b';' if !is_atomic => {
                found.push(sql[start..at].trim());
                start = at + 1;
                1
            }
            _ => {
                let word = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
                match &rest[..word] {
                    "ATOMIC" => is_atomic = true,
                    "END" => is_atomic = false,
                    _ => {}
                }
                word.max(rest.chars().next().map_or(1, char::len_utf8))
            }
        };
    }
    found.push(sql[start..].trim());
    found.retain(|statement| !statement.is_empty());
    found
}

#[test]
fn scripts_are_parted_into_statements() {
    let check = |sql: &str, expect: &[&str]| assert_eq!(statements(sql), expect, "{sql}");
    check("", &[]);
    check(" A 1 ; B;\n", &["A 1", "B"]);
    check("A ';''; ä'; \"a;\"", &["A ';''; ä'", "\"a;\""]);
    check("DO $$ A; B; $$; C $1;", &["DO $$ A; B; $$", "C $1"]);
    check("F BEGIN ATOMIC A; B; END; C", &["F BEGIN ATOMIC A; B; END", "C"]);
}
