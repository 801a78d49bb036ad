//! Diesel's own way: rows in one INSERT, as many as its parameters allow, in one transaction; at
//! PostgreSQL through diesel-async.

use std::path::Path;
use std::time::Instant;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel_async::{AsyncConnection as _, AsyncPgConnection};

use crate::row::Call;
use crate::{Fault, Times};

/// Five parameters a row: SQLite takes 32,766, PostgreSQL 65,535.
const SQLITE_ROWS: usize = 6_000;
const POSTGRES_ROWS: usize = 10_000;

diesel::table! {
    calls (id) {
        id -> BigInt,
        model -> Text,
        prompt -> Nullable<Text>,
        tokens -> Nullable<BigInt>,
        cost -> Nullable<Double>,
    }
}

#[derive(Insertable)]
#[diesel(table_name = calls)]
struct NewCall<'a> {
    id: i64,
    model: &'a str,
    prompt: &'a str,
    tokens: i64,
    cost: f64,
}

impl<'a> From<&'a Call> for NewCall<'a> {
    fn from(call: &'a Call) -> NewCall<'a> {
        let Call { id, model, prompt, tokens, cost } = call;
        NewCall { id: *id, model, prompt, tokens: *tokens, cost: *cost }
    }
}

fn rows(part: &[Call]) -> Vec<NewCall<'_>> {
    part.iter().map(NewCall::from).collect()
}

pub fn sqlite(path: &Path, schema: &str, many: &[Call], times: &mut Times) -> Result<(), Fault> {
    let mut connection = SqliteConnection::establish(&path.to_string_lossy())?;
    connection.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")?;
    connection.batch_execute(schema)?;
    let began = Instant::now();
    let inserted = connection.transaction(|connection| {
        many.chunks(SQLITE_ROWS).try_fold(0, |inserted, part| {
            let insert = diesel::insert_into(calls::table).values(rows(part));
            let more = insert.execute(connection)?;
            Ok::<_, diesel::result::Error>(inserted + more)
        })
    })?;
    times.add("diesel, many rows in one INSERT", many.len(), began.elapsed());
    if inserted == many.len() { Ok(()) } else { Err("diesel has lost rows".into()) }
}

pub async fn connect(url: &str) -> Result<AsyncPgConnection, Fault> {
    let mut connection = AsyncPgConnection::establish(url).await?;
    let path = "CREATE SCHEMA diesel; SET search_path = diesel; CREATE TABLE calls (id int8 \
                PRIMARY KEY, model text NOT NULL, prompt text, tokens int8, cost float8)";
    diesel_async::SimpleAsyncConnection::batch_execute(&mut connection, path).await?;
    Ok(connection)
}

pub async fn postgres(
    connection: &mut AsyncPgConnection,
    many: &[Call],
    times: &mut Times,
) -> Result<(), Fault> {
    diesel_async::RunQueryDsl::execute(diesel::delete(calls::table), connection).await?;
    let began = Instant::now();
    let inserted = connection
        .transaction(async |connection| {
            let mut inserted = 0;
            for part in many.chunks(POSTGRES_ROWS) {
                let insert = diesel::insert_into(calls::table).values(rows(part));
                inserted += diesel_async::RunQueryDsl::execute(insert, connection).await?;
            }
            Ok::<_, diesel::result::Error>(inserted)
        })
        .await?;
    times.add("diesel, many rows in one INSERT", many.len(), began.elapsed());
    if inserted == many.len() { Ok(()) } else { Err("diesel has lost rows".into()) }
}
