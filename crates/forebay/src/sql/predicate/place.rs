//! Names, and the columns they stand for: in one block of a query, a column is a place, the leaf
//! of FROM and the number of the column in it. A name counts only if it can stand for nothing
//! else in the block; then SQLite, which looks at the innermost block first, takes it so too.

use std::borrow::Cow;

use sqlite3_parser::ast::Expr;

use super::block::{Block, Leaf, Source};
use super::expression::bare;

/// A column of a leaf of FROM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) leaf: usize,
    pub(super) column: usize,
}

/// A name or string without its quotes and in lower case.
pub(super) fn plain(name: &str) -> String {
    unquoted(name).to_ascii_lowercase()
}

/// A name or string without its quotes.
pub(super) fn unquoted(name: &str) -> Cow<'_, str> {
    let mut bytes = name.bytes();
    let (quote, doubled) = match (bytes.next(), bytes.next_back()) {
        (Some(b'"'), Some(b'"')) => ("\"", "\"\""),
        (Some(b'\''), Some(b'\'')) => ("'", "''"),
        (Some(b'`'), Some(b'`')) => ("`", "``"),
        (Some(b'['), Some(b']')) => return Cow::Borrowed(&name[1..name.len() - 1]),
        _ => return Cow::Borrowed(name),
    };
    let inner = &name[1..name.len() - 1];
    if inner.contains(quote) {
        Cow::Owned(inner.replace(doubled, quote))
    } else {
        Cow::Borrowed(inner)
    }
}

/// Whether a name stands for the rowid where no column has it.
pub(super) fn is_rowid(name: &str) -> bool {
    matches!(name, "rowid" | "oid" | "_rowid_")
}

impl Block<'_> {
    /// The column that an expression is, in parentheses or not.
    pub(super) fn place(&self, expr: &Expr<'_>) -> Option<Place> {
        if self.is_unclear {
            return None;
        }
        match bare(expr) {
            Expr::Id(name) => self.unqualified(&plain(name.0)),
            Expr::Qualified(table, column) => {
                self.qualified(&plain(table.0), &plain(column.0), false)
            }
            Expr::DoublyQualified(schema, table, column) if plain(schema.0) == "main" => {
                self.qualified(&plain(table.0), &plain(column.0), true)
            }
            _ => None,
        }
    }

    fn unqualified(&self, name: &str) -> Option<Place> {
        if self.has_using {
            return None;
        }
        let place = self.only(name, 0..self.leaves.len())?;
        match (place, self.leaves.as_slice()) {
            (Some(place), _) => Some(place),
            (None, [leaf]) => leaf.rowid(name).map(|column| Place { leaf: 0, column }),
            (None, _) => None,
        }
    }

    fn qualified(&self, table: &str, column: &str, is_in_main: bool) -> Option<Place> {
        let meant = |leaf: &usize| self.leaves[*leaf].alias == table;
        let leaves: Vec<usize> = (0..self.leaves.len()).filter(meant).collect();
        let is_table = |leaf: &usize| matches!(self.leaves[*leaf].source, Source::Table(_));
        if is_in_main && !leaves.iter().all(is_table) {
            return None;
        }
        match (self.only(column, leaves.iter().copied())?, leaves.as_slice()) {
            (Some(place), _) => Some(place),
            (None, [leaf]) => {
                let found = self.leaves[*leaf].rowid(column)?;
                Some(Place { leaf: *leaf, column: found })
            }
            (None, _) => None,
        }
    }

    /// The only column of this name in these leaves; `None` within if there is none, and `None`
    /// if that cannot be told or there are several.
    fn only(&self, name: &str, leaves: impl Iterator<Item = usize>) -> Option<Option<Place>> {
        let mut found = None;
        for leaf in leaves {
            let Leaf { names, source, .. } = &self.leaves[leaf];
            let names = names.as_ref()?;
            if !matches!(source, Source::Table(_)) && may_be_made_up(name, names) {
                return None;
            }
            for (column, _) in
                names.iter().enumerate().filter(|(_, it)| it.as_deref() == Some(name))
            {
                if found.replace(Place { leaf, column }).is_some() {
                    return None;
                }
            }
        }
        Some(found)
    }
}

/// Whether SQLite may have called one of these result columns so by itself: by its text or by
/// `column` and a number, if it has no name, or with `:` and a number, if the name was taken.
pub(super) fn may_be_made_up(name: &str, names: &[Option<String>]) -> bool {
    let is_word = name.chars().all(|next| next.is_alphanumeric() || next == '_')
        && name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    let is_numbered = name
        .strip_prefix("column")
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|digit| digit.is_ascii_digit()));
    let is_text = !is_word || is_numbered || LITERALS.contains(&name);
    name.contains(':') || (is_text && names.iter().any(Option::is_none))
}

/// Words that stand for a value, and are the text of a result column then.
const LITERALS: &[&str] =
    &["null", "true", "false", "current_date", "current_time", "current_timestamp"];

impl Leaf<'_> {
    fn rowid(&self, name: &str) -> Option<usize> {
        match self.source {
            Source::Table(table) if is_rowid(name) => table.rowid.map(usize::from),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_quotes() {
        let check = |name: &str, expect: &str| assert_eq!(plain(name), expect);
        check("Ab", "ab");
        check("\"A\"\"b\"", "a\"b");
        check("\"\"", "");
        check("\"\"\"\"", "\"");
        check("'it''s'", "it's");
        check("`a``b`", "a`b");
        check("[a]", "a");
        check("É", "É");
    }
}
