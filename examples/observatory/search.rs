//! Sessions of somebody who searches: what was asked, and what was found. Findings are kept in
//! Redis for all processes, until pages are written.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use forebay::{Db, Page, PageParams, Result, Row, Sort, cached};
use serde::{Deserialize, Serialize};

use super::Observatory;
use super::users::User;

#[derive(Deserialize)]
pub(super) struct Asked {
    q: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Found {
    id: i64,
    url: String,
    title: String,
    rank: f64,
}

impl Observatory {
    /// `ttl_only`: it rests on the deletions of those who write pages, and so it may lie in Redis,
    /// which knows nothing of the rows that queries have read.
    #[cached("text:{text}", ttl = "1h", ttl_only, cache = self.searches)]
    async fn find(&self, text: &str) -> Result<Arc<Vec<Found>>> {
        let sql = "SELECT id, url, title, ts_rank(words, query)::float8 AS rank \
                   FROM pages, websearch_to_tsquery('english', $1) AS query \
                   WHERE words @@ query ORDER BY rank DESC, id LIMIT 50";
        self.db.query(sql).named("search").bind(text).all().await.map(Arc::new)
    }
}

pub(super) async fn begin(db: Db, user: User) -> Result<Json<i64>> {
    let sql = "INSERT INTO sessions (owner) VALUES ($1) RETURNING id";
    db.query(sql).bind(user.0).scalar().await.map(Json)
}

/// Searches, and notes in the session what was found.
pub(super) async fn search(
    State(own): State<Observatory>,
    user: User,
    Path(session): Path<i64>,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let sql = "SELECT owner FROM sessions WHERE id = $1";
    let owner: String = own.db.query(sql).bind(session).scalar().await?;
    if owner != user.0 {
        return Ok(StatusCode::FORBIDDEN.into_response());
    }
    let found = own.find(&asked.q).await?;
    let rows: Vec<(i64, i64)> = (1..).zip(found.iter().map(|page| page.id)).collect();
    let noted = own.db.transaction(|tx| async move {
        let sql = "INSERT INTO queries (session_id, text, found) VALUES ($1, $2, $3) RETURNING id";
        let query = tx.query(sql).bind(session).bind(asked.q).bind(rows.len() as i64);
        let id: i64 = query.scalar().await?;
        let rows = rows.into_iter().map(move |(place, page)| (id, place, page));
        tx.bulk("results").columns(["query_id", "place", "page_id"]).insert(rows).await
    });
    match noted.await {
        // A page was deleted since it was found: what was found stands, its note does not.
        Err(error) if error.is_foreign_key_violation() => tracing::info!("a search is not noted"),
        noted => _ = noted?,
    }
    Ok(Json(&*found).into_response())
}

/// By key: a session goes on while it is read.
pub(super) async fn queries(
    db: Db,
    Path(session): Path<i64>,
    page: PageParams,
) -> Result<Json<Page<Row>>> {
    let sql = "SELECT id, text, found FROM queries WHERE session_id = $1";
    let newest = [Sort::desc("id").key()];
    db.query(sql).bind(session).order(newest).page(page.request()).await.map(Json)
}
