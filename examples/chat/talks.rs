//! Conversations with several models at once. Nobody reads or changes those of somebody else; every
//! list is exact, since what a write changes is what is read anew.

use std::collections::HashMap;
use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Result;
use forebay::{Db, Page, PageParamsBy, Row, Sort};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::App;
use super::identity::{User, chance, now_ms};

#[derive(Serialize, Deserialize)]
pub(super) struct Message {
    conversation_id: String,
    turn: i64,
    author: String,
    content: String,
    took_ms: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Conversation {
    id: String,
    title: String,
    created_at: i64,
    #[serde(default)]
    messages: Vec<Message>,
}

pub(super) async fn begin(user: User, db: Db, Json(title): Json<String>) -> Result<String> {
    let id = chance();
    let sql = "INSERT INTO conversations (id, user_id, title, created_at) VALUES ($1, $2, $3, $4)";
    db.execute(sql).bind(&id).bind(user.0).bind(title).bind(now_ms()).await?;
    Ok(id)
}

/// The newest first, each with the messages of its last turn: two statements for all of them.
pub(super) async fn list(
    user: User,
    db: Db,
    page: PageParamsBy<20, 100>,
) -> Result<Json<Page<Conversation>>> {
    let sql = "SELECT id, title, created_at FROM conversations WHERE user_id = $1";
    let newest = [Sort::desc("created_at").not_null(), Sort::desc("id").key()];
    let query = db.query(sql).bind(user.0).order(newest);
    let mut page: Page<Conversation> = query.page(page.request()).await?;
    let sql = "SELECT conversation_id, turn, author, content, took_ms FROM ( \
               SELECT *, rank() OVER (PARTITION BY conversation_id ORDER BY turn DESC) AS place \
               FROM messages WHERE conversation_id IN (:keys)) AS ranked \
               WHERE place = 1 ORDER BY author";
    let ids = page.items.iter().map(|talk| talk.id.clone());
    let mut last: HashMap<String, Vec<Message>> =
        db.query(sql).load_many("conversation_id", ids).await?;
    for talk in &mut page.items {
        talk.messages = last.remove(&talk.id).unwrap_or_default();
    }
    Ok(Json(page))
}

pub(super) async fn one(user: User, db: Db, Path(id): Path<String>) -> Result<Json<Conversation>> {
    let sql = "SELECT id, title, created_at FROM conversations WHERE id = $1 AND user_id = $2";
    let mut it: Conversation = db.query(sql).bind(id).bind(user.0).one().await?;
    let sql = "SELECT conversation_id, turn, author, content, took_ms FROM messages \
               WHERE conversation_id = $1 ORDER BY turn, author";
    it.messages = db.query(sql).bind(&it.id).all().await?;
    Ok(Json(it))
}

/// Says something, and waits for what every model answers.
pub(super) async fn say(
    user: User,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(text): Json<String>,
) -> Result<Json<Vec<Message>>> {
    let Json(talk) = one(user, app.db.clone(), Path(id)).await?;
    let turn = talk.messages.last().map_or(1, |last| last.turn + 1);
    let mut asked = JoinSet::new();
    for model in app.models().await?.iter().cloned() {
        let (conversation_id, text) = (talk.id.clone(), text.clone());
        asked.spawn(async move {
            let began = Instant::now();
            let content = model.answer(&text).await;
            let took_ms = began.elapsed().as_millis() as i64;
            Message { conversation_id, turn, author: model.name, content, took_ms }
        });
    }
    let mut said = asked.join_all().await;
    let (conversation_id, author) = (talk.id, "user".to_owned());
    said.push(Message { conversation_id, turn, author, content: text, took_ms: 0 });
    // Of two who speak at once the second finds the turn taken, and is told 409.
    app.db.bulk("messages").insert(&said).await?;
    Ok(Json(said))
}

pub(super) async fn delete(user: User, db: Db, Path(id): Path<String>) -> Result<StatusCode> {
    let sql = "DELETE FROM conversations WHERE id = $1 AND user_id = $2";
    match db.execute(sql).bind(id).bind(user.0).await?.rows_affected {
        0 => Err(StatusCode::NOT_FOUND.into()),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

pub(super) async fn compare(_: User, db: Db) -> Result<Json<Vec<Row>>> {
    let sql = "SELECT author AS model, count(*) AS answers, \
               CAST(avg(took_ms) AS DOUBLE PRECISION) AS mean_ms \
               FROM messages WHERE author <> 'user' GROUP BY author ORDER BY author";
    Ok(Json(db.query(sql).named("compare").all().await?))
}
