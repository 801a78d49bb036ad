//! What an upsert does about a row whose key is there already.

use super::columns::BulkColumns;

/// What [`crate::Bulk::upsert`] does about a row whose key is there already.
///
/// ```
/// # use forebay::Conflict;
/// let replace_all = Conflict::on("id");
/// let leave = Conflict::on("id").do_nothing();
/// let replace_some = Conflict::on(["shop", "article"]).replace(["price"]);
/// let count = Conflict::on("word").set("uses", "words.uses + excluded.uses");
/// ```
#[derive(Clone, Debug)]
pub struct Conflict {
    pub(super) key: Vec<Box<str>>,
    pub(super) action: Action,
}

#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Every column of the rows but those of the key.
    ReplaceAll,
    Nothing,
    Change(Vec<Change>),
}

#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) column: Box<str>,
    /// An expression; the value of the new row if there is none.
    pub(super) to: Option<Box<str>>,
}

impl Conflict {
    /// Of rows with the same values in these columns, on which the table must have a primary key or
    /// unique index. Unless more is said, the other columns of the row are replaced.
    pub fn on(key: impl BulkColumns) -> Conflict {
        Conflict { key: key.into_names(), action: Action::ReplaceAll }
    }

    /// Leaves the row that is there.
    pub fn do_nothing(mut self) -> Conflict {
        self.action = Action::Nothing;
        self
    }

    /// Replaces these columns by those of the new row, beside what [`Conflict::set`] says.
    pub fn replace(mut self, columns: impl BulkColumns) -> Conflict {
        for column in columns.into_names() {
            self.change(Change { column, to: None });
        }
        self
    }

    /// Sets a column to an expression of SQL, in which the name of the table is the row that is
    /// there and `excluded` the new one. It goes into the statement as it is: never make it of
    /// anything that comes from outside.
    pub fn set(mut self, column: &str, expression: &str) -> Conflict {
        self.change(Change { column: column.into(), to: Some(expression.into()) });
        self
    }

    fn change(&mut self, change: Change) {
        match &mut self.action {
            Action::Change(changes) => changes.push(change),
            Action::ReplaceAll | Action::Nothing => self.action = Action::Change(vec![change]),
        }
    }
}

impl From<&str> for Conflict {
    fn from(key: &str) -> Conflict {
        Conflict::on(key)
    }
}

impl<const N: usize> From<[&str; N]> for Conflict {
    fn from(key: [&str; N]) -> Conflict {
        Conflict::on(key)
    }
}
