//! What the server says a statement was, when it has run: its command tag.

use crate::backend::Effect;

/// A command tag, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) rows_affected: u64,
    /// A lower bound: a SELECT may call what writes.
    pub(super) effect: Effect,
    /// The server has forgotten what was prepared.
    pub(super) forgets_statements: bool,
    /// A transaction was committed.
    pub(super) commits: bool,
}

impl Tag {
    /// A text without a statement in it.
    pub(super) const EMPTY: Tag =
        Tag { rows_affected: 0, effect: Effect::Read, forgets_statements: false, commits: false };

    /// Reads `INSERT 0 5` or `CREATE TABLE`. `has_columns` tells a SELECT from a CREATE TABLE AS,
    /// which have the same tag.
    pub(super) fn read(body: &[u8], has_columns: bool) -> Option<Tag> {
        let tag = std::str::from_utf8(body.strip_suffix(&[0])?).ok()?;
        let mut words = tag.split(' ');
        let (first, second) = (words.next().unwrap_or_default(), words.next());
        let effect = match (first, second) {
            ("SELECT", _) if !has_columns => Effect::Schema,
            ("SELECT" | "SHOW" | "FETCH" | "MOVE" | "VALUES" | "TABLE" | "EXPLAIN", _) => {
                Effect::Read
            }
            ("INSERT" | "UPDATE" | "DELETE" | "MERGE" | "COPY" | "CALL" | "DO", _) => Effect::Write,
            ("BEGIN" | "START" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE", _) => {
                Effect::Transaction
            }
            ("PREPARE", Some("TRANSACTION")) => Effect::Transaction,
            (
                "SET" | "RESET" | "DISCARD" | "LISTEN" | "UNLISTEN" | "PREPARE" | "DEALLOCATE"
                | "DECLARE" | "CLOSE" | "LOAD",
                _,
            ) => Effect::Session,
            ("LOCK", _) | ("NOTIFY", _) => Effect::Transaction,
            ("VACUUM" | "CHECKPOINT" | "CLUSTER" | "REINDEX", _) => Effect::Maintain,
            _ => Effect::Schema,
        };
        let has_rows = matches!(first, "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "COPY" | "MOVE")
            || (first == "SELECT" && !has_columns);
        let last = tag.rsplit(' ').next().and_then(|count| count.parse().ok());
        Some(Tag {
            rows_affected: last.filter(|_| has_rows).unwrap_or(0),
            effect,
            forgets_statements: matches!(tag, "DISCARD ALL" | "DEALLOCATE ALL"),
            commits: tag == "COMMIT",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        for (tag, has_columns, rows_affected, effect) in [
            ("SELECT 7", true, 0, Effect::Read),
            ("SELECT 7", false, 7, Effect::Schema),
            ("SHOW", true, 0, Effect::Read),
            ("INSERT 0 5", false, 5, Effect::Write),
            ("INSERT 0 5", true, 5, Effect::Write),
            ("UPDATE 3", false, 3, Effect::Write),
            ("DELETE 0", false, 0, Effect::Write),
            ("MERGE 2", false, 2, Effect::Write),
            ("COPY 9", false, 9, Effect::Write),
            ("BEGIN", false, 0, Effect::Transaction),
            ("COMMIT", false, 0, Effect::Transaction),
            ("COMMIT PREPARED", false, 0, Effect::Transaction),
            ("ROLLBACK PREPARED", false, 0, Effect::Transaction),
            ("PREPARE TRANSACTION", false, 0, Effect::Transaction),
            ("PREPARE", false, 0, Effect::Session),
            ("SET", false, 0, Effect::Session),
            ("DISCARD ALL", false, 0, Effect::Session),
            ("DECLARE CURSOR", false, 0, Effect::Session),
            ("CREATE TABLE", false, 0, Effect::Schema),
            ("ALTER TABLE", false, 0, Effect::Schema),
            ("VACUUM", false, 0, Effect::Maintain),
            ("INSERT 0 99999999999999999999999", false, 0, Effect::Write),
            ("", false, 0, Effect::Schema),
        ] {
            let body = [tag.as_bytes(), &[0]].concat();
            let read = Tag::read(&body, has_columns).unwrap();
            assert_eq!((read.rows_affected, read.effect), (rows_affected, effect), "{tag}");
            assert_eq!(read.forgets_statements, tag == "DISCARD ALL");
            assert_eq!(read.commits, tag == "COMMIT");
        }
        for garbage in [&b""[..], b"SELECT 1", b"\xff\0"] {
            assert_eq!(Tag::read(garbage, true), None);
        }
    }
}
