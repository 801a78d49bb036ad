//! What a text must be before it is prepared. It reads no schema.

use rusqlite::fallible_iterator::FallibleIterator as _;

use crate::error::{Error, Result};
use crate::sql::{contains_nul, is_blank, may_hold_several};

/// Refuses what holds no statement, and what SQLite or the driver would not take as it stands.
pub(super) fn check_text(sql: &str) -> Result<()> {
    if contains_nul(sql) {
        return Err(Error::usage("the SQL text contains a NUL byte"));
    }
    if is_blank(sql) {
        return Err(Error::usage("the text holds no statement"));
    }
    // The driver cuts these off, and what is left may be the name of another table.
    if sql.trim() != sql.trim_ascii() {
        return Err(Error::usage(
            "the text begins or ends with a character that is white space elsewhere, but part of \
             a name to SQLite; remove it, or end the statement with a semicolon",
        ));
    }
    Ok(())
}

/// Refuses a text of several statements. The driver would find out too, but by a recursion as
/// deep as there are statements.
pub(super) fn check_single(
    connection: &rusqlite::Connection,
    sql: &str,
) -> Result<(), rusqlite::Error> {
    if !may_hold_several(sql) {
        return Ok(());
    }
    let mut statements = rusqlite::Batch::new(connection, sql);
    statements.next()?;
    match statements.next() {
        Ok(None) => Ok(()),
        Ok(Some(_)) | Err(_) => Err(rusqlite::Error::MultipleStatement),
    }
}
