//! PostgreSQL: one server of its own, one table for each writer.

use std::pin::pin;
use std::time::Instant;

use cluster::{Cluster, Settings, Version};
use forebay::Db;
use sqlx::QueryBuilder;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls};

use crate::row::{Call, ROWS, SINGLE, calls};
use crate::{Fault, Times, diesel, sea};

const COLUMNS: &str = "id, model, prompt, tokens, cost";

/// Rows of one INSERT of sqlx: 65,535 parameters are the limit.
const INSERT_ROWS: usize = 10_000;

pub async fn run(rounds: usize, times: &mut Times) -> Result<String, Fault> {
    let version = Version::debian().ok_or("there is no PostgreSQL on this machine")?;
    let cluster = Cluster::start(Settings::on(&version))?;
    for table in ["ours", "copied", "inserted", "sea"] {
        cluster.psql(&format!(
            "CREATE TABLE {table} (id int8 PRIMARY KEY, model text NOT NULL, prompt text, \
             tokens int8, cost float8)"
        ))?;
    }
    let url = cluster.url();
    let db = forebay::open(&url).await?;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    let pool = sqlx::PgPool::connect(&url).await?;
    let mut diesel = diesel::connect(&url).await?;
    let sea = sea_orm::Database::connect(&url).await?;
    let (many, few) = (calls(ROWS), calls(SINGLE));
    for _ in 0..rounds {
        cluster.psql("TRUNCATE ours, copied, inserted, sea")?;
        copy(&client, &many, times).await?;
        insert(&pool, &many, times).await?;
        diesel::postgres(&mut diesel, &many, times).await?;
        sea::insert(&sea, &many, times).await?;
        ours(&db, &many, &few, times).await?;
    }
    Ok(version.number)
}

async fn copy(client: &Client, many: &[Call], times: &mut Times) -> Result<(), Fault> {
    let began = Instant::now();
    let sql = format!("COPY copied ({COLUMNS}) FROM STDIN (FORMAT binary)");
    let sink = client.copy_in(&sql).await?;
    let types = [Type::INT8, Type::TEXT, Type::TEXT, Type::INT8, Type::FLOAT8];
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for call in many {
        let Call { id, model, prompt, tokens, cost } = call;
        writer.as_mut().write(&[id, model, prompt, tokens, cost]).await?;
    }
    let copied = writer.finish().await?;
    times.add("binary COPY", many.len(), began.elapsed());
    if copied == many.len() as u64 { Ok(()) } else { Err("the COPY has lost rows".into()) }
}

async fn insert(pool: &sqlx::PgPool, many: &[Call], times: &mut Times) -> Result<(), Fault> {
    let began = Instant::now();
    let mut transaction = pool.begin().await?;
    for part in many.chunks(INSERT_ROWS) {
        let mut insert = QueryBuilder::new(format!("INSERT INTO inserted ({COLUMNS}) "));
        insert.push_values(part, |mut row, call| {
            row.push_bind(call.id).push_bind(&call.model).push_bind(&call.prompt);
            row.push_bind(call.tokens).push_bind(call.cost);
        });
        insert.build().execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    times.add("sqlx, many rows in one INSERT", many.len(), began.elapsed());
    Ok(())
}

async fn ours(db: &Db, many: &[Call], few: &[Call], times: &mut Times) -> Result<(), Fault> {
    let began = Instant::now();
    db.bulk("ours").insert(many).await?;
    times.add("forebay insert", ROWS, began.elapsed());
    let costs = || (0..ROWS as i64).map(|id| (id, 1.0));
    let began = Instant::now();
    let updated = db.bulk("ours").columns(["id", "cost"]).update("id", costs()).await?;
    times.add("forebay update", ROWS, began.elapsed());
    if updated.affected != ROWS as u64 {
        return Err("the update has lost rows".into());
    }
    let began = Instant::now();
    for (id, cost) in costs().take(SINGLE) {
        db.execute("UPDATE ours SET cost = $2 WHERE id = $1").bind(id).bind(cost).await?;
    }
    times.add("forebay update one by one", SINGLE, began.elapsed());
    db.execute("TRUNCATE ours").await?;
    let began = Instant::now();
    db.bulk("ours").upsert("id", many).await?;
    times.add("forebay upsert", ROWS, began.elapsed());
    db.execute("TRUNCATE ours").await?;
    let began = Instant::now();
    let sql = format!("INSERT INTO ours ({COLUMNS}) VALUES ($1, $2, $3, $4, $5)");
    for call in few {
        let insert = db.execute(&sql).bind(call.id).bind(&call.model).bind(&call.prompt);
        insert.bind(call.tokens).bind(call.cost).await?;
    }
    times.add("forebay one by one", SINGLE, began.elapsed());
    Ok(())
}
