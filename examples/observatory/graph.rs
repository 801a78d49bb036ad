//! Which names are mentioned together, as a graph for programs that draw one.

use axum::Json;
use axum::extract::Query;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use forebay::{Db, Result};
use serde::{Deserialize, Serialize};

/// Nodes of one graph.
const NODES_MAX: u32 = 1_000;

/// Edges of one graph, the heaviest first.
const EDGES_MAX: u32 = 20_000;

#[derive(Deserialize)]
pub(crate) struct Size {
    #[serde(default = "all")]
    nodes: u32,
}

#[derive(Serialize, Deserialize)]
struct Node {
    name: String,
    pages: i64,
}

#[derive(Serialize, Deserialize)]
struct Edge {
    a: String,
    b: String,
    pages: i64,
}

#[derive(Serialize)]
struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

fn all() -> u32 {
    NODES_MAX
}

/// Two statements, whatever its size. The answer is kept as long as no write changes what they
/// have read; others than us are told to ask again each time.
pub(crate) async fn export(db: Db, Query(Size { nodes }): Query<Size>) -> Result<Response> {
    let nodes = nodes.min(NODES_MAX);
    let sql = "SELECT name, count(*) AS pages FROM entities GROUP BY name \
               ORDER BY count(*) DESC, name LIMIT $1";
    let found: Vec<Node> = db.query(sql).named("nodes").bind(nodes).all().await?;
    let sql = "WITH top AS (SELECT name FROM entities GROUP BY name \
                            ORDER BY count(*) DESC, name LIMIT $1) \
               SELECT one.name AS a, other.name AS b, count(*) AS pages \
               FROM entities one JOIN entities other USING (page_id) \
               WHERE one.name < other.name AND one.name IN (SELECT name FROM top) \
               AND other.name IN (SELECT name FROM top) \
               GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2 LIMIT $2";
    let edges = db.query(sql).named("edges").bind(nodes).bind(EDGES_MAX).all().await?;
    let kept = [(header::CACHE_CONTROL, "no-cache"), (KEPT, "max-age=3600")];
    Ok((kept, Json(Graph { nodes: found, edges })).into_response())
}

/// What this process may do with the answer, whatever clients are told. It is taken out.
const KEPT: header::HeaderName = header::HeaderName::from_static("forebay-cache-control");
