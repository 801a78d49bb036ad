//! Totals over both databases. Each member adds up its own rows, and the sums are put together.
//! They may be some minutes old, and nobody waits for one that was made before.

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use forebay::Result;
use serde::{Deserialize, Serialize};

use super::plant::Plant;

#[derive(Deserialize)]
pub(crate) struct Year {
    year: u16,
}

#[derive(Deserialize)]
pub(crate) struct Days {
    from: String,
    to: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Total {
    /// The month, or the item.
    of: String,
    produced: i64,
    rejected: i64,
}

pub(crate) async fn months(
    State(plant): State<Plant>,
    Query(Year { year }): Query<Year>,
) -> Result<Response> {
    let records = plant.records.clone();
    let load = move || async move {
        let sql = "SELECT substr(day, 1, 7) AS of, sum(produced) AS produced, \
                   sum(rejected) AS rejected FROM records WHERE day >= ? AND day < ? \
                   GROUP BY 1 ORDER BY 1";
        let (from, to) = (format!("{year:04}"), format!("{:04}", year.saturating_add(1)));
        records.query(sql).bind(from).bind(to).all::<Total>().await
    };
    let months = plant.reports.get_or_load(format!("months:{year}"), load).await?;
    Ok(Json(&*months).into_response())
}

pub(crate) async fn items(
    State(plant): State<Plant>,
    Query(Days { from, to }): Query<Days>,
) -> Result<Response> {
    let records = plant.records.clone();
    // Values of clients are escaped, so that one cannot be another's key.
    let key = format!("items:{}:{}", forebay::key_part(&from), forebay::key_part(&to));
    let load = move || async move {
        let sql = "SELECT item AS of, sum(produced) AS produced, sum(rejected) AS rejected \
                   FROM records WHERE day >= ? AND day < ? GROUP BY 1 ORDER BY 1";
        records.query(sql).bind(from).bind(to).all::<Total>().await
    };
    let items = plant.reports.get_or_load(key, load).await?;
    Ok(Json(&*items).into_response())
}
