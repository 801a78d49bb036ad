//! Pages, many at a time: stored, renamed, deleted, listed. What they speak of is stored with them.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use forebay::{Conflict, Db, Page, PageParams, Result, Row, invalidates};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Observatory;

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct NewPage {
    url: String,
    title: String,
    body: String,
}

#[derive(Deserialize)]
struct Stored {
    id: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Title {
    id: i64,
    title: String,
}

/// All of them, with their words and names, or none. What was found before is not given any more,
/// in no process.
#[invalidates("*", cache = own.searches)]
pub(super) async fn store(
    State(own): State<Observatory>,
    Json(pages): Json<Vec<NewPage>>,
) -> Result<Json<Vec<i64>>> {
    own.db
        .transaction(|tx| async move {
            let replace = Conflict::on("url").replace(["title", "body"]);
            tx.bulk("pages").upsert(replace, pages.clone()).await?;
            let urls: Vec<String> = pages.iter().map(|page| page.url.clone()).collect();
            let stored: Vec<Option<Stored>> = tx.bulk("pages").fetch_by("url", urls).await?;
            let ids: Vec<i64> = stored.iter().flatten().map(|page| page.id).collect();
            tx.bulk("nouns").delete("page_id", ids.clone()).await?;
            tx.bulk("entities").delete("page_id", ids.clone()).await?;
            let (mut nouns, mut names) = (BTreeMap::new(), BTreeSet::new());
            for (id, page) in ids.iter().zip(&pages) {
                for word in page.body.split(|c: char| !c.is_alphanumeric()) {
                    match word.chars().next() {
                        Some(first) if first.is_uppercase() => _ = names.insert((*id, word)),
                        // Mostly no nouns. A real observatory asks a language model.
                        _ if word.len() < 5 => {}
                        _ => *nouns.entry((*id, word.to_lowercase())).or_insert(0_i64) += 1,
                    }
                }
            }
            let nouns = nouns.into_iter().map(|((page, noun), times)| (page, noun, times));
            tx.bulk("nouns").columns(["page_id", "noun", "times"]).insert(nouns).await?;
            let names: Vec<(i64, &str)> = names.into_iter().collect();
            tx.bulk("entities").columns(["page_id", "name"]).insert(names).await?;
            Ok(Json(ids))
        })
        .await
}

#[invalidates("*", cache = own.searches)]
pub(super) async fn rename(own: State<Observatory>, titles: Json<Vec<Title>>) -> Result<Json<u64>> {
    Ok(Json(own.db.bulk("pages").update("id", titles.0).await?.rows))
}

#[invalidates("*", cache = own.searches)]
pub(super) async fn delete(own: State<Observatory>, ids: Json<Vec<i64>>) -> Result<Json<Value>> {
    let deleted = own.db.bulk("pages").delete("id", ids.0).await?;
    Ok(Json(json!({ "pages": deleted.rows, "cascaded": deleted.cascaded })))
}

/// By number, for people who go to page 7.
pub(super) async fn list(db: Db, page: PageParams) -> Result<Json<Page<Row>>> {
    let sql = "SELECT id, url, title FROM pages ORDER BY title, id";
    db.query(sql).page(page.request()).await.map(Json)
}
