//! Diesel on the calling thread, with a stack of connections as its pool, as bare rusqlite has it.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use field::{CONNECTIONS_MAX, Contender, Fault, PAGE_CACHE_KIB, User};

diesel::table! {
    users (id) {
        id -> BigInt,
        name -> Text,
        email -> Text,
        age -> BigInt,
    }
}

#[derive(Insertable)]
#[diesel(table_name = users)]
struct NewUser<'a> {
    id: i64,
    name: &'a str,
    email: &'a str,
    age: i64,
}

pub struct Orm {
    idle: Mutex<Vec<SqliteConnection>>,
}

impl Orm {
    pub fn open(path: &Path) -> Result<Orm, Fault> {
        let idle = (0..CONNECTIONS_MAX).map(|_| connect(path)).collect::<Result<_, _>>()?;
        Ok(Orm { idle: Mutex::new(idle) })
    }

    fn read_now(&self, id: i64) -> Result<User, Fault> {
        let taken = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = taken.ok_or("more threads than connections")?;
        let row = users::table.find(id).first::<(i64, String, String, i64)>(&mut connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        let (id, name, email, age) = row?;
        Ok(User { id, name, email, age })
    }
}

impl Contender for Orm {
    async fn read(&self, id: i64) -> Result<User, Fault> {
        self.read_now(id)
    }
}

pub fn connect(path: &Path) -> Result<SqliteConnection, Fault> {
    let mut connection = SqliteConnection::establish(&path.to_string_lossy())?;
    connection.batch_execute(&format!(
        "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -{PAGE_CACHE_KIB};"
    ))?;
    Ok(connection)
}

pub fn insert(connection: &mut SqliteConnection, rows: &[User]) -> Result<usize, Fault> {
    let new: Vec<NewUser<'_>> = rows
        .iter()
        .map(|User { id, name, email, age }| NewUser { id: *id, name, email, age: *age })
        .collect();
    let inserted = connection.transaction(|connection| {
        diesel::insert_into(users::table).values(&new).execute(connection)
    })?;
    Ok(inserted)
}
