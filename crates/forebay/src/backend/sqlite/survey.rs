//! Finding out to which table each page of a database belongs: one walk over all its b-trees
//! through SQLite's `dbstat`, in one snapshot whose position is known. It keeps nothing.

use std::collections::HashMap;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension as _};

use super::catalogue::{Snapshot, cookie};
use super::shm::WalIndex;
use crate::invalidate::{Header, Owner, Pages};

/// Pages walked between two looks at the time.
const PAGES_PER_LOOK: u32 = 256;

/// Times that a snapshot is opened until nobody has committed meanwhile.
const TRIES: usize = 16;

/// The byte at which the locks of a file begin (`PENDING_BYTE` in SQLite); its page is not used.
const LOCKED_BYTE: u32 = 0x4000_0000;

/// Bytes of the page cache for a walk, which comes to a page once.
const CACHE_KIB: u32 = 256;

/// The map of a database, and for which state of it.
pub(super) struct Survey {
    pub(super) pages: Pages,
    pub(super) at: Header,
    /// The schema's cookie in that state, and whom to ask for it later.
    cookie: i64,
    connection: Connection,
}

/// Bounds of one walk.
pub(super) struct Bounds<'a> {
    pub(super) pages_max: u32,
    pub(super) until: Instant,
    /// Whether the walk is not wanted any more.
    pub(super) is_stopped: &'a dyn Fn() -> bool,
}

/// Why there is no map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// For as long as the database is open.
    Never(String),
    /// Perhaps later.
    NotNow(String),
}

/// Walks over the database. `connection` is in no transaction.
pub(super) fn survey(
    connection: Connection,
    index: &WalIndex,
    bounds: &Bounds<'_>,
) -> Result<Survey, Unfit> {
    let set_up = format!("PRAGMA cache_size = -{CACHE_KIB}; PRAGMA busy_timeout = 0");
    connection.execute_batch(&set_up).map_err(failed)?;
    for _ in 0..TRIES {
        let before = index.stable();
        let snapshot = Snapshot::open(&connection, false).map_err(failed)?;
        let cookie = cookie(&connection).map_err(failed)?;
        // A position never comes back: the snapshot is that of this one.
        if let Some(at) = before.filter(|before| index.header() == *before) {
            let pages = walk(&connection, bounds)?;
            drop(snapshot);
            return Ok(Survey { pages, at, cookie, connection });
        }
    }
    Err(Unfit::NotNow("others commit without a pause".to_owned()))
}

impl Survey {
    /// Whether the schema is the one that was mapped, in a snapshot that is opened now. Does not
    /// wait for locks.
    pub(super) fn has_same_schema(&self) -> bool {
        cookie(&self.connection).is_ok_and(|cookie| cookie == self.cookie)
    }
}

fn walk(connection: &Connection, bounds: &Bounds<'_>) -> Result<Pages, Unfit> {
    let ask = |pragma: &str| {
        connection.query_row(&format!("PRAGMA main.{pragma}"), [], |row| row.get(0)).map_err(failed)
    };
    let size: u32 = ask("page_count")?;
    if size > bounds.pages_max {
        let max = bounds.pages_max;
        return Err(Unfit::NotNow(format!(
            "the database has {size} pages, and no more than {max} are mapped"
        )));
    }
    if ask("auto_vacuum")? != 0 {
        let why = "auto_vacuum is on, which moves pages from table to table";
        return Err(Unfit::NotNow(why.to_owned()));
    }
    let trees = Trees::read(connection)?;
    let mut pages = Pages::new(size);
    let owned = own_all(connection, &trees, &mut pages, bounds)?;
    // Every page is in a b-tree, or free, or the one that is never used: else the map has gaps.
    let locked = LOCKED_BYTE / ask("page_size")?.max(512) + 1;
    let known = owned + ask("freelist_count")? + u32::from(size >= locked);
    if known != size {
        let why = format!("only {known} of the {size} pages of the database are accounted for");
        return Err(Unfit::NotNow(why));
    }
    Ok(pages)
}

/// Gives every page that a b-tree reaches to the table of the b-tree.
fn own_all(
    connection: &Connection,
    trees: &Trees,
    pages: &mut Pages,
    bounds: &Bounds<'_>,
) -> Result<u32, Unfit> {
    let mut listing = connection
        .prepare("SELECT name, pageno, pagetype FROM dbstat('main')")
        .map_err(|error| Unfit::Never(format!("this SQLite was built without dbstat: {error}")))?;
    let mut rows = listing.raw_query();
    let none = Tree::default();
    let mut tree = &none;
    let mut owned = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        let name = row.get_ref(0).map_err(failed)?.as_str().unwrap_or_default();
        let page: u32 = row.get(1).map_err(failed)?;
        let kind = row.get_ref(2).map_err(failed)?.as_str().unwrap_or_default();
        if *name != *tree.name {
            tree = trees.0.get(name).ok_or_else(|| damaged(page))?;
        }
        let owner = match &tree.table {
            Some(table) => Owner::Table(table),
            None => Owner::Schema,
        };
        if !matches!(kind, "internal" | "leaf" | "overflow")
            || !pages.own(page, owner, page == tree.root)
        {
            return Err(damaged(page));
        }
        owned += 1;
        if owned % PAGES_PER_LOOK == 0 {
            if Instant::now() >= bounds.until {
                return Err(Unfit::NotNow(
                    "reading all pages of the database takes too long".to_owned(),
                ));
            }
            if (bounds.is_stopped)() {
                return Err(Unfit::NotNow("the database is being closed".to_owned()));
            }
        }
    }
    Ok(owned)
}

/// One b-tree of the database.
#[derive(Default)]
struct Tree {
    name: Box<str>,
    root: u32,
    /// `None` for the schema table.
    table: Option<Box<str>>,
}

/// All b-trees, by the names that `dbstat` gives them.
struct Trees(HashMap<Box<str>, Tree>);

impl Trees {
    fn read(connection: &Connection) -> Result<Trees, Unfit> {
        let shadowing = "SELECT 1 FROM main.sqlite_schema WHERE lower(name) = 'dbstat'";
        let shadowed: Option<i64> =
            connection.query_row(shadowing, [], |row| row.get(0)).optional().map_err(failed)?;
        if shadowed.is_some() {
            return Err(Unfit::NotNow("something in the schema is called dbstat".to_owned()));
        }
        let mut trees = HashMap::new();
        let mut add = |name: &str, root: u32, table: Option<&str>| {
            let tree = Tree { name: name.into(), root, table: table.map(Into::into) };
            trees.insert(name.into(), tree);
        };
        // It goes by either name, depending on the version.
        add("sqlite_schema", 1, None);
        add("sqlite_master", 1, None);
        let mut listing = connection
            .prepare("SELECT name, rootpage, tbl_name FROM main.sqlite_schema WHERE rootpage > 0")
            .map_err(failed)?;
        let mut rows = listing.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            let name = row.get_ref(0).map_err(failed)?.as_str().unwrap_or_default();
            let table = row.get_ref(2).map_err(failed)?.as_str().unwrap_or_default();
            add(name, row.get(1).map_err(failed)?, Some(table));
        }
        Ok(Trees(trees))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "this is what `map_err` calls")]
fn failed(error: rusqlite::Error) -> Unfit {
    Unfit::NotNow(format!("the pages of the database cannot be listed: {error}"))
}

fn damaged(page: u32) -> Unfit {
    Unfit::NotNow(format!("page {page} is where it should not be; run an integrity check"))
}
