//! The bare driver: the same prepared statements on one connection, each in a transaction of its
//! own, decoded by position into the same struct.

use rusqlite::{Connection, Row};

use crate::dataset::{POINT, UPDATE, User};

pub(crate) fn point(connection: &Connection, id: i64) -> User {
    let mut statement = connection.prepare_cached(POINT).expect("the statement is right");
    statement.query_row([id], user).expect("every id has a row")
}

pub(crate) fn update(connection: &Connection, age: i64, id: i64) -> usize {
    let mut statement = connection.prepare_cached(UPDATE).expect("the statement is right");
    statement.execute([age, id]).expect("nobody holds a lock")
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User { id: row.get(0)?, name: row.get(1)?, email: row.get(2)?, age: row.get(3)? })
}
