//! Statements that a migration may not hold, found before anything of it has run. It runs nothing.

use super::source::Migration;
use crate::error::{Error, Result};
use crate::sql::{Dialect, words};

/// Words that begin or end a transaction.
const TRANSACTION: [&str; 9] =
    ["begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", "prepare"];

/// What a failed statement wants that has to be run outside a transaction.
const OUTSIDE: &str = "it has to run outside a transaction: put it into a file of its own that \
                       begins with `-- no-transaction`";

/// An error that names the first statement that may not be there.
pub(super) fn check(migration: &Migration, dialect: Dialect) -> Result<()> {
    for (place, piece) in migration.pieces.iter().enumerate() {
        if let Some(why) = refusal(migration, migration.statement(place), dialect) {
            return Err(Error::usage(format!("{}, line {}: {why}", migration.file, piece.line)));
        }
    }
    Ok(())
}

fn refusal(migration: &Migration, statement: &str, dialect: Dialect) -> Option<String> {
    let first: Vec<String> = words(statement, dialect).take(4).collect();
    let is = |place: usize, word: &str| first.get(place).is_some_and(|it| it == word);
    #[cfg(feature = "postgres")]
    if dialect == Dialect::Postgres && is(0, "copy") {
        let mut rest = words(statement, dialect).skip_while(|word| word != "from").skip(1);
        if rest.next().is_some_and(|word| word == "stdin") {
            return Some(
                "COPY … FROM STDIN takes its rows from psql; write INSERT, or load them \
                         with `forebay load`"
                    .to_owned(),
            );
        }
    }
    if !migration.is_in_transaction {
        return None;
    }
    // PREPARE makes a statement, PREPARE TRANSACTION ends a transaction.
    let is_transaction = TRANSACTION.iter().any(|word| is(0, word));
    if is_transaction && (!is(0, "prepare") || is(1, "transaction")) {
        return Some(format!(
            "{} stands in a file that runs in one transaction as it is; take it out, or begin the \
             file with `-- no-transaction`",
            first[0].to_uppercase()
        ));
    }
    let sets_foreign_keys = is(0, "pragma") && first.iter().any(|word| word == "foreign_keys");
    (dialect == Dialect::Sqlite && sets_foreign_keys)
        .then(|| format!("PRAGMA foreign_keys does nothing within a transaction; {OUTSIDE}"))
}

/// Whether a statement sets something in its session that ends with it.
pub(super) fn sets_session(statement: &str, dialect: Dialect) -> bool {
    let first = words(statement, dialect).next().unwrap_or_default();
    ["pragma", "attach", "set", "reset"].contains(&first.as_str())
}

/// The same error with what to do about it, if it is that of a statement that has to run outside a
/// transaction.
pub(super) fn advised(error: Error) -> Error {
    let says = |text: &str| error.message().contains(text);
    let is_outside = error.code() == Some("25001")
        || says("within a transaction")
        || says("inside a transaction");
    if is_outside { error.prefixed(OUTSIDE) } else { error }
}
