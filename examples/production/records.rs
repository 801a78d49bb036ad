//! Records, one by one, of both databases as if they were one table. They are exact: what was
//! written is in the next answer.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use forebay::Result;
use serde::{Deserialize, Serialize};

use super::plant::Plant;

/// Records of one answer, unless less is asked for.
const LIMIT: u32 = 1_000;

/// Sorts behind every text that begins alike.
const LAST: char = char::MAX;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    from: String,
    /// The first day that is not wanted any more.
    #[serde(default = "never")]
    to: String,
    /// What the number of the lot begins with.
    #[serde(default)]
    lot: String,
    #[serde(default)]
    limit: Option<u32>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(default)]
    id: i64,
    day: String,
    lot: String,
    item: String,
    produced: i64,
    rejected: i64,
}

fn never() -> String {
    "9999".to_owned()
}

/// The latest first. If the days are all on one side, the other database is not asked.
pub(crate) async fn find(
    State(plant): State<Plant>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Vec<Record>>> {
    // A prefix as a range: an index on `lot` serves it, which LIKE does not for every collation.
    let sql = "SELECT id, day, lot, item, produced, rejected FROM records \
               WHERE day >= ? AND day < ? AND lot >= ? AND lot < ? \
               ORDER BY day DESC, id DESC LIMIT ?";
    let last = format!("{}{LAST}", wanted.lot);
    let query = plant.records.query(sql).bind(wanted.from).bind(wanted.to);
    let query = query.bind(wanted.lot).bind(last).bind(wanted.limit.unwrap_or(LIMIT).min(LIMIT));
    query.all().await.map(Json)
}

/// To the database that owns the day.
pub(crate) async fn add(State(plant): State<Plant>, Json(it): Json<Record>) -> Result<StatusCode> {
    let sql = "INSERT INTO records (day, lot, item, produced, rejected) VALUES (?, ?, ?, ?, ?)";
    let add = plant.records.execute(sql).bind(it.day).bind(it.lot).bind(it.item);
    add.bind(it.produced).bind(it.rejected).await?;
    Ok(StatusCode::CREATED)
}
