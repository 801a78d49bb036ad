//! Pages, many at a time: stored, renamed, deleted, listed. What they speak of is stored with them.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use forebay::{Conflict, Db, Page, PageParams, Result, invalidates};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Observatory;

/// Shorter words are mostly no nouns. A real observatory asks a language model.
const NOUN_MIN: usize = 5;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct NewPage {
    url: String,
    title: String,
    body: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Stored {
    id: i64,
    url: String,
    title: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Title {
    id: i64,
    title: String,
}

impl Observatory {
    /// All of them, with their words and names, or none. What was found before is not given any
    /// more, in no process.
    #[invalidates("*", cache = self.searches)]
    async fn store(&self, pages: Vec<NewPage>) -> Result<Vec<i64>> {
        self.db
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
                            _ if word.len() < NOUN_MIN => {}
                            _ => *nouns.entry((*id, word.to_lowercase())).or_insert(0_i64) += 1,
                        }
                    }
                }
                let nouns = nouns.into_iter().map(|((page, noun), times)| (page, noun, times));
                tx.bulk("nouns").columns(["page_id", "noun", "times"]).insert(nouns).await?;
                let names: Vec<(i64, &str)> = names.into_iter().collect();
                tx.bulk("entities").columns(["page_id", "name"]).insert(names).await?;
                Ok(ids)
            })
            .await
    }

    #[invalidates("*", cache = self.searches)]
    async fn rename(&self, titles: Vec<Title>) -> Result<u64> {
        Ok(self.db.bulk("pages").update("id", titles).await?.rows)
    }

    #[invalidates("*", cache = self.searches)]
    async fn delete(&self, ids: Vec<i64>) -> Result<(u64, Option<BTreeMap<String, u64>>)> {
        let deleted = self.db.bulk("pages").delete("id", ids).await?;
        Ok((deleted.rows, deleted.cascaded))
    }
}

pub(crate) async fn store(
    State(own): State<Observatory>,
    Json(pages): Json<Vec<NewPage>>,
) -> Result<Json<Vec<i64>>> {
    own.store(pages).await.map(Json)
}

pub(crate) async fn rename(
    State(own): State<Observatory>,
    Json(titles): Json<Vec<Title>>,
) -> Result<Json<u64>> {
    own.rename(titles).await.map(Json)
}

pub(crate) async fn delete(
    State(own): State<Observatory>,
    Json(ids): Json<Vec<i64>>,
) -> Result<Json<Value>> {
    let (pages, cascaded) = own.delete(ids).await?;
    Ok(Json(json!({ "pages": pages, "cascaded": cascaded })))
}

/// By number, for people who go to page 7.
pub(crate) async fn list(db: Db, page: PageParams) -> Result<Json<Page<Stored>>> {
    let sql = "SELECT id, url, title FROM pages ORDER BY title, id";
    db.query(sql).page(page.request()).await.map(Json)
}
