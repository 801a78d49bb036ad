//! Bare rusqlite on the calling thread: what the database itself costs. Tasks that read at once
//! take connections from a stack, which is all the pool it has.

use std::sync::{Mutex, PoisonError};

use ::rusqlite::Connection;

use crate::contender::{Contender, Fault, Field};
use crate::dataset::{CONNECTIONS_MAX, Dataset, PAGE_CACHE_KIB, POINT, User};

struct Bare {
    idle: Mutex<Vec<Connection>>,
}

impl Bare {
    fn read_now(&self, id: i64) -> Result<User, Fault> {
        let taken = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = taken.ok_or("more threads than connections")?;
        let user = connection.prepare_cached(POINT)?.query_row([id], |row| {
            Ok(User { id: row.get(0)?, name: row.get(1)?, email: row.get(2)?, age: row.get(3)? })
        });
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(user?)
    }
}

impl Contender for Bare {
    async fn read(&self, id: i64) -> Result<User, Fault> {
        self.read_now(id)
    }
}

pub(crate) fn enter(field: &mut Field, dataset: &Dataset) -> Result<(), Fault> {
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let connection = Connection::open(dataset.path())?;
        connection.execute_batch(&format!(
            "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -{PAGE_CACHE_KIB};"
        ))?;
        idle.push(connection);
    }
    field.enter("rusqlite", Bare { idle: Mutex::new(idle) });
    Ok(())
}
