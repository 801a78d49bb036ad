//! 1,000 rows inserted in one transaction, by each in the way that it offers for that. Each has a
//! file of its own, which is emptied between the rounds, and what it has written is counted.

use std::path::Path;
use std::time::Instant;

use field::{Fault, Options, Outcome, User};
use outcome::median;
use rusqlite::Connection;
use sqlx::QueryBuilder;

use crate::{diesel, sea};

const ROWS: usize = 1_000;

const SCHEMA: &str = "PRAGMA journal_mode = WAL;
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT, age INTEGER);";

/// Names, and nanoseconds for a row in each round.
struct Times(Vec<(&'static str, Vec<f64>)>);

impl Times {
    fn add(&mut self, name: &'static str, began: Instant) {
        let nanos = began.elapsed().as_nanos() as f64 / ROWS as f64;
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, rounds)) => rounds.push(nanos),
            None => self.0.push((name, vec![nanos])),
        }
    }
}

pub async fn run(options: &Options, outcome: &mut Outcome) -> Result<(), Fault> {
    let rows: Vec<User> = (1..=ROWS as i64)
        .map(|id| User {
            id,
            name: format!("user {id}"),
            email: format!("user{id}@example.com"),
            age: id % 90,
        })
        .collect();
    let folder = tempfile::tempdir()?;
    let files =
        ["forebay", "rusqlite", "sqlx", "sea", "diesel"].map(|name| folder.path().join(name));
    for file in &files {
        Connection::open(file)?.execute_batch(SCHEMA)?;
    }
    let [ours, bare, sqlx, sea, of_diesel] = &files;
    let db = forebay::open(&format!("sqlite:{}", ours.display())).await?;
    let mut bare_connection = Connection::open(bare)?;
    bare_connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")?;
    let pool = crate::open(sqlx, true).await?;
    let orm = sea::Orm::over(crate::open(sea, true).await?);
    let mut of_diesel = (of_diesel, diesel::connect(of_diesel)?);
    let mut times = Times(Vec::new());
    for _ in 0..options.rounds {
        let began = Instant::now();
        let columns = ["id", "name", "email", "age"];
        let all = rows.iter().map(|user| (user.id, &user.name, &user.email, user.age));
        db.bulk("users").columns(columns).insert(all).await?;
        times.add("forebay, bulk", began);
        empty(ours)?;
        let began = Instant::now();
        by_hand(&mut bare_connection, &rows)?;
        times.add("rusqlite, one prepared statement", began);
        empty(bare)?;
        let began = Instant::now();
        many_in_one(&pool, &rows).await?;
        times.add("sqlx, many rows in one INSERT", began);
        empty(sqlx)?;
        let began = Instant::now();
        orm.insert(&rows).await?;
        times.add("sea-orm, insert_many", began);
        empty(sea)?;
        let began = Instant::now();
        diesel::insert(&mut of_diesel.1, &rows)?;
        times.add("diesel, values", began);
        empty(of_diesel.0)?;
    }
    pool.close().await;
    if !options.json {
        println!("\n{ROWS} rows inserted, ns per row, {} rounds", options.rounds);
        for (name, rounds) in &times.0 {
            println!("{name:34} {:>10.0}", median(rounds.clone()));
        }
    }
    let sides: Vec<_> = times.0.iter().map(|(name, all)| (*name, all.as_slice())).collect();
    outcome.operation("insert of 1,000 rows", sides[0], &sides[1..]);
    Ok(())
}

/// Takes the rows out again, and fails where some were missing.
fn empty(file: &Path) -> Result<(), Fault> {
    let deleted = Connection::open(file)?.execute("DELETE FROM users", [])?;
    match deleted {
        ROWS => Ok(()),
        other => Err(format!("{} had {other} rows, not {ROWS}", file.display()).into()),
    }
}

fn by_hand(connection: &mut Connection, rows: &[User]) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare_cached("INSERT INTO users VALUES (?, ?, ?, ?)")?;
        for User { id, name, email, age } in rows {
            insert.execute((id, name, email, age))?;
        }
    }
    transaction.commit()?;
    Ok(())
}

async fn many_in_one(pool: &sqlx::SqlitePool, rows: &[User]) -> Result<(), Fault> {
    let mut transaction = pool.begin().await?;
    let mut insert = QueryBuilder::new("INSERT INTO users ");
    insert.push_values(rows, |mut row, user| {
        row.push_bind(user.id).push_bind(&user.name).push_bind(&user.email).push_bind(user.age);
    });
    insert.build().execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}
