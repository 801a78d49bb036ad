//! What is recorded for each way in which a row can change, and that it is neither more nor less
//! than what has changed.

mod event;
mod fuzz;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Means;
use crate::backend::Scope;
use crate::backend::sqlite::connect::{Connector, Role};
use crate::backend::sqlite::connection::Connection;
use crate::backend::sqlite::location::Location;
use crate::backend::sqlite::open::open;
use crate::backend::sqlite::options::Options;
use crate::backend::sqlite::run::{Budget, Request};
use crate::backend::{Collect, Limits};
use crate::error::Result;
use crate::guard::Stop;
use crate::invalidate::{Op, RowChange, Scalar};
use crate::params::Params;

/// Every means that this build has and that tells rows.
fn all_means() -> impl Iterator<Item = Means> {
    [Means::Hook, Means::Reread].into_iter().filter(|means| *means != Means::Hook || has_hook())
}

fn has_hook() -> bool {
    super::is_hook_available()
}

/// One recorded change, with its values in words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Recorded {
    Row { table: String, old: Option<Vec<String>>, new: Option<Vec<String>>, is_moved: bool },
    Whole(String),
}

impl Recorded {
    pub(super) fn row(table: &str, change: &dyn RowChange) -> Recorded {
        let all = |value: &dyn Fn(u16) -> String| (0..change.width()).map(value).collect();
        let old = |column| words(change.before(column));
        let new = |column| words(change.after(column));
        Recorded::Row {
            table: table.to_owned(),
            old: (change.op() != Op::Insert).then(|| all(&old)),
            new: (change.op() != Op::Delete).then(|| all(&new)),
            is_moved: change.is_moved(),
        }
    }
}

fn words(value: Scalar<'_>) -> String {
    match value {
        Scalar::Null => "NULL".to_owned(),
        Scalar::Integer(n) => n.to_string(),
        Scalar::Real(x) => format!("{x:?}"),
        Scalar::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
        Scalar::Blob(blob) => format!("x{blob:02x?}"),
        Scalar::Unknown => "?".to_owned(),
    }
}

/// `+` inserted, `-` deleted, `~` updated, `>` updated and moved, `*` the whole table.
impl std::fmt::Display for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Recorded::Whole(table) => write!(f, "*{table}"),
            Recorded::Row { table, old, new, is_moved } => {
                let image = |image: &[String]| format!("({})", image.join(","));
                match (old, new) {
                    (None, Some(new)) => write!(f, "+{table}{}", image(new)),
                    (Some(old), None) => write!(f, "-{table}{}", image(old)),
                    (Some(old), Some(new)) => {
                        let sign = if *is_moved { '>' } else { '~' };
                        write!(f, "{sign}{table}{}{}", image(old), image(new))
                    }
                    (None, None) => write!(f, "nothing"),
                }
            }
        }
    }
}

/// A database of its own, with one connection that writes and one that looks.
struct Bed {
    connection: Connection,
    bare: rusqlite::Connection,
    gaps: Box<dyn Fn() -> u64>,
    dir: tempfile::TempDir,
}

/// What is in the tables: rows in words, sorted.
type Content = BTreeMap<String, Vec<Vec<String>>>;

impl Bed {
    fn new(means: Means) -> Bed {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.db");
        let options = Options {
            remote: false,
            create: true,
            read_only: false,
            synchronous: "OFF",
            journal_mode: "WAL",
            busy_timeout: Duration::from_secs(5),
            foreign_keys: true,
            page_cache_bytes_each: 1 << 20,
            mmap_bytes: 0,
            statement_cache: 16,
            capture: Some(means),
            map_pages: true,
            pragmas: Vec::new(),
        };
        let opened = open(Location::File(path.clone()), options).unwrap();
        let catchup = opened.catchup.clone();
        let connector = Connector::new(&opened, Arc::default(), Role::Session);
        let connection = *connector.open().unwrap();
        let bare = rusqlite::Connection::open(path).unwrap();
        let gaps = Box::new(move || catchup.gaps());
        Bed { connection, bare, gaps, dir }
    }

    fn tap(&self) {
        *self.connection.hooked.control().capture().tap.borrow_mut() = Some(Vec::new());
    }

    fn take(&self) -> Vec<Recorded> {
        self.connection.hooked.control().capture().tap.replace(Some(Vec::new())).unwrap()
    }

    fn run(&mut self, sql: &str) -> Result<()> {
        let stop = Arc::new(Stop::default());
        let params = Params::default();
        let (budget, scope) = (Budget::Worker, Scope::Session);
        let stop = Some(stop);
        let request = Request { sql, params: &params, stop, budget, scope, fill: false };
        let limits = Limits { rows_max: 100_000, bytes_max: 1 << 30 };
        self.connection.run(&request, &mut Collect::new(limits)).map(drop)
    }

    fn script(&mut self, script: &str) -> Result<()> {
        self.connection.run_script(script, Arc::new(Stop::default()), None, Scope::Session)
    }

    /// Tables with the columns that a row shows, virtual ones among them or not.
    fn content(&self, with_virtual: bool) -> Content {
        let mut names = self
            .bare
            .prepare(
                "SELECT name FROM pragma_table_list WHERE schema = 'main'
                 AND type IN ('table', 'shadow') AND name NOT LIKE 'sqlite%'",
            )
            .unwrap();
        let names: Vec<String> =
            names.query_map([], |row| row.get(0)).unwrap().map(|name| name.unwrap()).collect();
        names.into_iter().map(|name| (name.clone(), self.rows(&name, with_virtual))).collect()
    }

    fn rows(&self, table: &str, with_virtual: bool) -> Vec<Vec<String>> {
        let is_virtual = self.virtual_columns(table);
        let mut listing = self.bare.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let mut rows = listing.query([]).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let value = |column: usize| {
                if is_virtual[column] && !with_virtual {
                    return "?".to_owned();
                }
                words(match row.get_ref(column).unwrap() {
                    rusqlite::types::ValueRef::Null => Scalar::Null,
                    rusqlite::types::ValueRef::Integer(n) => Scalar::Integer(n),
                    rusqlite::types::ValueRef::Real(x) => Scalar::Real(x),
                    rusqlite::types::ValueRef::Text(text) => Scalar::Text(text),
                    rusqlite::types::ValueRef::Blob(blob) => Scalar::Blob(blob),
                })
            };
            found.push((0..is_virtual.len()).map(value).collect());
        }
        found.sort();
        found
    }

    fn virtual_columns(&self, table: &str) -> Vec<bool> {
        let mut listing =
            self.bare.prepare("SELECT hidden = 2 FROM pragma_table_xinfo(?1)").unwrap();
        listing.query_map([table], |row| row.get(0)).unwrap().map(|flag| flag.unwrap()).collect()
    }
}
