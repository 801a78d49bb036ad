//! Making an index that was advised. The SQL is that of the last advice, never the client's: a
//! request says which finding it means. Unless it says more, it is only told what would be done.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use forebay::{Db, IndexReport};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::act::{body, told};
use super::builder::Inner;
use crate::failure::Failure;

/// Which finding, and whether it is to be done.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Apply {
    advice: String,
    finding: usize,
    #[serde(default = "yes")]
    dry_run: bool,
}

fn yes() -> bool {
    true
}

pub(super) async fn apply(
    State(admin): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let wish: Apply = match body(request).await {
        Ok(wish) => wish,
        Err(failure) => return told(&caller, "apply_index", Err(failure)),
    };
    // A client that goes away does not leave an index half-made, nor what was done untold.
    let task = tokio::spawn(async move {
        let done = applied(&admin, &wish).await;
        told(&caller, "apply_index", done)
    });
    task.await.unwrap_or_else(|_| {
        let failure = Failure::new(500, "INTERNAL", "making the index was stopped");
        crate::http::failure(&failure, crate::http::Dialect::Plain)
    })
}

async fn applied(admin: &Inner, wish: &Apply) -> Result<Value, Failure> {
    let _turn = admin.applying.try_acquire().map_err(|_| {
        Failure::new(409, "APPLY_RUNNING", "an index is being made; try again when that is done")
    })?;
    let chosen = admin.advice.chosen(&wish.advice, wish.finding)?;
    let db: &Db = admin.db(Some(&chosen.db))?;
    let report = db.indexes().dry_run(wish.dry_run).apply(&chosen.script).await?;
    if let Some(error) = report.failed {
        return Err(error.into());
    }
    if !wish.dry_run {
        admin.advice.applied(&wish.advice, wish.finding);
    }
    let IndexReport { steps, undo, notes, .. } = report;
    Ok(json!({ "dry_run": wish.dry_run, "steps": steps, "undo": undo, "notes": notes }))
}
