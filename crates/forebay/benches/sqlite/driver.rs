//! The bare driver: the same prepared statements on one connection, each in a transaction of its
//! own, decoded by position into the same struct.

use rusqlite::{Connection, Row};

use crate::dataset::{PAGE, POINT, TOTAL, UPDATE, User};

pub(crate) fn point(connection: &Connection, id: i64) -> User {
    let mut statement = connection.prepare_cached(POINT).expect("the statement is right");
    statement.query_row([id], user).expect("every id has a row")
}

pub(crate) fn total(connection: &Connection, id: i64) -> (i64, i64, i64) {
    let mut statement = connection.prepare_cached(TOTAL).expect("the statement is right");
    let total = statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    total.expect("an aggregate has a row")
}

pub(crate) fn page(connection: &Connection, id: i64) -> Vec<User> {
    let mut statement = connection.prepare_cached(PAGE).expect("the statement is right");
    let users = statement.query_map([id], user).expect("the statement runs");
    users.collect::<rusqlite::Result<_>>().expect("every row is a user")
}

pub(crate) fn update(connection: &Connection, age: i64, id: i64) -> usize {
    let mut statement = connection.prepare_cached(UPDATE).expect("the statement is right");
    statement.execute([age, id]).expect("nobody holds a lock")
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User { id: row.get(0)?, name: row.get(1)?, email: row.get(2)?, age: row.get(3)? })
}
