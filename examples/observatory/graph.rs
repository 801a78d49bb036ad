//! Which names are mentioned together, as a graph for programs that draw one.

use axum::Json;
use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use forebay::{Db, Result, Row};
use serde::{Deserialize, Serialize};

/// Nodes of one graph.
const NODES_MAX: u32 = 1_000;

/// Edges of one graph, the heaviest first.
const EDGES_MAX: u32 = 20_000;

#[derive(Deserialize)]
pub(super) struct Size {
    nodes: Option<u32>,
}

#[derive(Serialize)]
struct Graph {
    nodes: Vec<Row>,
    edges: Vec<Row>,
}

/// Two statements, whatever its size. The answer is kept as long as no write changes what they
/// have read; others than us are told to ask again each time.
pub(super) async fn export(db: Db, Query(size): Query<Size>) -> Result<Response> {
    let most = size.nodes.unwrap_or(NODES_MAX).min(NODES_MAX);
    let sql = "SELECT name, count(*) AS pages FROM entities GROUP BY name \
               ORDER BY count(*) DESC, name LIMIT $1";
    let nodes = db.query(sql).named("nodes").bind(most).all().await?;
    let sql = "WITH top AS (SELECT name FROM entities GROUP BY name \
                            ORDER BY count(*) DESC, name LIMIT $1) \
               SELECT one.name AS a, other.name AS b, count(*) AS pages \
               FROM entities one JOIN entities other USING (page_id) \
               WHERE one.name < other.name AND one.name IN (SELECT name FROM top) \
               AND other.name IN (SELECT name FROM top) \
               GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2 LIMIT $2";
    let edges = db.query(sql).named("edges").bind(most).bind(EDGES_MAX).all().await?;
    // The second is for the cache of this process, which takes it out.
    let kept = [("cache-control", "no-cache"), ("forebay-cache-control", "max-age=3600")];
    Ok((kept, Json(Graph { nodes, edges })).into_response())
}
