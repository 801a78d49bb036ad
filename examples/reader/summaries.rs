//! What came of the links: summaries, and whether somebody has read them.

use axum::Json;
use axum::http::StatusCode;
use forebay::{Conflict, Db, Page, PageParams, Result, Sort};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Summary {
    request_id: i64,
    title: String,
    summary: String,
    #[serde(default)]
    is_read: bool,
}

#[derive(Serialize)]
struct Read {
    is_read: bool,
}

/// Keeps a summary, and says that its request is done: both or neither.
pub(crate) async fn finish(db: Db, Json(summary): Json<Summary>) -> Result<StatusCode> {
    db.transaction(|tx| async move {
        let done = tx.execute("UPDATE requests SET status = 'done' WHERE id = ?");
        done.bind(summary.request_id).await?;
        let replace = Conflict::on("request_id").replace(["title", "summary", "is_read"]);
        tx.bulk("summaries").upsert(replace, [summary]).await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was not read yet, the newest first. Pages by key do not slide when rows come and go.
pub(crate) async fn unread(db: Db, page: PageParams) -> Result<Json<Page<Summary>>> {
    let sql = "SELECT request_id, title, summary, is_read FROM summaries WHERE is_read = 0";
    let newest = [Sort::desc("request_id").key()];
    db.query(sql).order(newest).page(page.request()).await.map(Json)
}

/// In the order of the ids, with null where there is no summary.
pub(crate) async fn fetch(db: Db, Json(ids): Json<Vec<i64>>) -> Result<Json<Vec<Option<Summary>>>> {
    db.bulk("summaries").fetch_by("request_id", ids).await.map(Json)
}

pub(crate) async fn mark_read(db: Db, Json(ids): Json<Vec<i64>>) -> Result<Json<u64>> {
    db.bulk("summaries").set("request_id", ids, Read { is_read: true }).await.map(Json)
}
