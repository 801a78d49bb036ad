//! What SQLite's authorizer reports while a statement is prepared: every table, column, function
//! and action behind it, through views, triggers, CTEs and foreign keys. It also refuses what a
//! connection may not do, since some PRAGMAs take effect while they are prepared.

use rusqlite::ffi;

use crate::sql::{Pragma, classify_pragma, is_allowed_remotely, is_immutable};

/// What a connection may be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    /// Many callers take turns on the connection: nothing may change it.
    pub(super) shared: bool,
    /// The statements come from elsewhere: nothing may reach beyond the database.
    pub(super) remote: bool,
}

/// One report of the authorizer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report<'a> {
    pub(super) action: i32,
    pub(super) first: Option<&'a str>,
    pub(super) second: Option<&'a str>,
    pub(super) database: Option<&'a str>,
    /// Reported while VACUUM or the like runs, which attaches a file and detaches it again.
    pub(super) is_maintaining: bool,
}

/// Everything reported since the last `take`.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// Whether there was any report: a statement was prepared, perhaps again.
    pub(super) any: bool,
    /// Tables and views of the main database that are read.
    pub(super) reads: Vec<Box<str>>,
    /// The columns that are read, each with its table; an empty name stands for the row itself.
    pub(super) columns: Vec<(Box<str>, Box<str>)>,
    /// Tables and views of the main database that are written.
    pub(super) writes: Vec<Box<str>>,
    /// The columns that are set by an UPDATE in the main database, each with its table.
    pub(super) updates: Vec<(Box<str>, Box<str>)>,
    /// A TEMP table or an attached database is read.
    pub(super) reads_elsewhere: bool,
    /// A TEMP table is written; nobody else can see it.
    pub(super) writes_temp: bool,
    /// An attached database is written; it may be the same file under another name.
    pub(super) writes_attached: bool,
    /// The schema changes, or statistics of the planner.
    pub(super) schema: bool,
    /// The connection changes.
    pub(super) session: bool,
    /// A transaction or savepoint begins or ends.
    pub(super) transaction: bool,
    /// It is a savepoint.
    pub(super) savepoint: bool,
    pub(super) pragma: bool,
    pub(super) maintain: bool,
    /// Functions that are not known to be immutable.
    pub(super) functions: Vec<Box<str>>,
    /// Why something was refused.
    pub(super) refused: Option<String>,
}

impl Observed {
    /// Takes one report down; `false` refuses the action.
    pub(super) fn report(&mut self, policy: Policy, report: Report<'_>) -> bool {
        self.any = true;
        self.take_down(report);
        match refusal(policy, report) {
            Some(why) => {
                self.refused.get_or_insert(why);
                false
            }
            None => true,
        }
    }

    /// Adds a table that is read without having been reported.
    pub(super) fn note_read(&mut self, table: &str) {
        if !self.reads.iter().any(|known| known.eq_ignore_ascii_case(table)) {
            self.reads.push(table.into());
        }
    }

    /// Adds a table that is written without having been reported.
    pub(super) fn note_write(&mut self, table: &str) {
        if !self.writes.iter().any(|known| known.eq_ignore_ascii_case(table)) {
            self.writes.push(table.into());
        }
    }

    /// Adds a function that is called without having been reported.
    pub(super) fn note_function(&mut self, function: &str) {
        if !self.functions.iter().any(|known| known.eq_ignore_ascii_case(function)) {
            self.functions.push(function.into());
        }
    }

    /// Whether the database may be changed by what was reported.
    pub(super) fn may_write(&self) -> bool {
        !self.writes.is_empty() || self.writes_attached || self.schema
    }

    fn take_down(&mut self, report: Report<'_>) {
        let name = report.first.unwrap_or_default();
        match report.action {
            ffi::SQLITE_READ => {
                self.read(name, report.second.unwrap_or_default(), report.database);
            }
            ffi::SQLITE_INSERT | ffi::SQLITE_DELETE => self.write(name, report.database),
            ffi::SQLITE_UPDATE => {
                self.write(name, report.database);
                let column = report.second.unwrap_or_default();
                let is_known = |(t, c): &(Box<str>, Box<str>)| **t == *name && **c == *column;
                if !self.updates.iter().any(is_known) {
                    self.updates.push((name.into(), column.into()));
                }
            }
            ffi::SQLITE_FUNCTION => {
                let function = report.second.unwrap_or_default();
                if !is_immutable(function) {
                    note(&mut self.functions, function);
                }
            }
            ffi::SQLITE_PRAGMA => {
                self.pragma = true;
                match classify_pragma(name, report.second) {
                    Pragma::Ask => {}
                    Pragma::Maintain => self.maintain = true,
                    Pragma::Set => self.session = true,
                }
            }
            ffi::SQLITE_TRANSACTION => self.transaction = true,
            ffi::SQLITE_SAVEPOINT => (self.transaction, self.savepoint) = (true, true),
            ffi::SQLITE_SELECT | ffi::SQLITE_RECURSIVE => {}
            ffi::SQLITE_ATTACH | ffi::SQLITE_DETACH if report.is_maintaining => {}
            action if is_of_connection(action) => self.session = true,
            // CREATE, DROP, ALTER, REINDEX, ANALYZE, and whatever a later SQLite may add.
            _ => self.schema = true,
        }
    }

    fn read(&mut self, table: &str, column: &str, database: Option<&str>) {
        match database {
            Some(name) if !name.eq_ignore_ascii_case("main") => self.reads_elsewhere = true,
            // Without a name it was not resolved here; the program of the statement tells.
            Some(_) | None => {
                note(&mut self.reads, table);
                let is_known = |(t, c): &(Box<str>, Box<str>)| **t == *table && **c == *column;
                if !self.columns.iter().any(is_known) {
                    self.columns.push((table.into(), column.into()));
                }
            }
        }
    }

    fn write(&mut self, table: &str, database: Option<&str>) {
        match database {
            Some(name) if name.eq_ignore_ascii_case("temp") => self.writes_temp = true,
            Some(name) if !name.eq_ignore_ascii_case("main") => self.writes_attached = true,
            Some(_) | None => {
                let lower = table.to_ascii_lowercase();
                self.schema |= lower == "sqlite_master" || lower == "sqlite_schema";
                note(&mut self.writes, table);
            }
        }
    }
}

fn note(names: &mut Vec<Box<str>>, name: &str) {
    if !names.iter().any(|known| **known == *name) {
        names.push(name.into());
    }
}

/// Whether an action changes what one connection sees, and no other.
fn is_of_connection(action: i32) -> bool {
    matches!(
        action,
        ffi::SQLITE_ATTACH
            | ffi::SQLITE_DETACH
            | ffi::SQLITE_CREATE_TEMP_INDEX
            | ffi::SQLITE_CREATE_TEMP_TABLE
            | ffi::SQLITE_CREATE_TEMP_TRIGGER
            | ffi::SQLITE_CREATE_TEMP_VIEW
            | ffi::SQLITE_DROP_TEMP_INDEX
            | ffi::SQLITE_DROP_TEMP_TABLE
            | ffi::SQLITE_DROP_TEMP_TRIGGER
            | ffi::SQLITE_DROP_TEMP_VIEW
    )
}

/// Why `policy` refuses an action, if it does.
fn refusal(policy: Policy, report: Report<'_>) -> Option<String> {
    let name = report.first.unwrap_or_default();
    match report.action {
        ffi::SQLITE_PRAGMA => {
            let sets = classify_pragma(name, report.second) == Pragma::Set;
            if policy.remote && !is_allowed_remotely(name, report.second) {
                Some(format!("PRAGMA {name} is not allowed for remote clients"))
            } else if policy.shared && sets {
                Some(format!(
                    "PRAGMA {name} changes the connection, and connections are shared: set it for \
                     all of them with the builder's `pragma`, or use a session"
                ))
            } else {
                None
            }
        }
        // VACUUM attaches a file without a name, VACUUM INTO one with a name.
        ffi::SQLITE_ATTACH
            if policy.remote && !(report.is_maintaining && report.first == Some("")) =>
        {
            Some("ATTACH and VACUUM INTO are not allowed for remote clients".to_owned())
        }
        ffi::SQLITE_ATTACH | ffi::SQLITE_DETACH if report.is_maintaining => None,
        action if policy.shared && is_of_connection(action) => Some(
            "ATTACH, DETACH and TEMP objects change the connection, and connections are shared: \
             use a session (on a file; a database in memory has one connection for all)"
                .to_owned(),
        ),
        ffi::SQLITE_FUNCTION if policy.remote => {
            let function = report.second.unwrap_or_default();
            ["load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"]
                .iter()
                .any(|denied| function.eq_ignore_ascii_case(denied))
                .then(|| format!("the function {function} is not allowed for remote clients"))
        }
        _ => None,
    }
}
