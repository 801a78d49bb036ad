//! Conversations with several models at once. Nobody reads or changes those of somebody else; every
//! list is exact, since what a write changes is what is read anew.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Result;
use forebay::{Page, PageParamsBy, Sort};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::App;
use super::identity::{User, chance, now_ms};

#[derive(Serialize, Deserialize)]
pub(crate) struct Message {
    conversation_id: String,
    turn: i64,
    author: String,
    content: String,
    took_ms: u64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Conversation {
    id: String,
    title: String,
    created_at: i64,
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Compared {
    model: String,
    answers: i64,
    mean_ms: f64,
}

pub(crate) async fn begin(
    user: User,
    State(app): State<App>,
    Json(title): Json<String>,
) -> Result<String> {
    let id = chance();
    let sql = "INSERT INTO conversations (id, user_id, title, created_at) VALUES ($1, $2, $3, $4)";
    app.db.execute(sql).bind(&id).bind(user.0).bind(title).bind(now_ms()).await?;
    Ok(id)
}

/// The newest first, each with the messages of its last turn: two statements, however many there
/// are.
pub(crate) async fn list(
    user: User,
    State(app): State<App>,
    page: PageParamsBy<20, 100>,
) -> Result<Json<Page<Conversation>>> {
    let sql = "SELECT id, title, created_at FROM conversations WHERE user_id = $1";
    let newest = [Sort::desc("created_at").not_null(), Sort::desc("id").key()];
    let query = app.db.query(sql).bind(user.0).order(newest);
    let mut page: Page<Conversation> = query.page(page.request()).await?;
    let sql = "SELECT conversation_id, turn, author, content, took_ms FROM ( \
               SELECT *, rank() OVER (PARTITION BY conversation_id ORDER BY turn DESC) AS place \
               FROM messages WHERE conversation_id IN (:keys)) AS ranked \
               WHERE place = 1 ORDER BY author";
    let ids: Vec<String> = page.items.iter().map(|item| item.id.clone()).collect();
    let mut last: HashMap<String, Vec<Message>> =
        app.db.query(sql).load_many("conversation_id", ids).await?;
    for item in &mut page.items {
        item.messages = last.remove(&item.id).unwrap_or_default();
    }
    Ok(Json(page))
}

pub(crate) async fn one(
    user: User,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Conversation>> {
    let sql = "SELECT id, title, created_at FROM conversations WHERE id = $1 AND user_id = $2";
    let mut it: Conversation = app.db.query(sql).bind(id).bind(user.0).one().await?;
    let sql = "SELECT conversation_id, turn, author, content, took_ms FROM messages \
               WHERE conversation_id = $1 ORDER BY turn, author";
    it.messages = app.db.query(sql).bind(&it.id).all().await?;
    Ok(Json(it))
}

/// Says something, and waits for what every model answers.
pub(crate) async fn say(
    user: User,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(text): Json<String>,
) -> Result<Json<Vec<Message>>> {
    let conversation = one(user, State(app.clone()), Path(id)).await?.0;
    let turn = conversation.messages.last().map_or(1, |message| message.turn + 1);
    let message = move |author: &str, content, took_ms| Message {
        conversation_id: conversation.id.clone(),
        turn,
        author: author.to_owned(),
        content,
        took_ms,
    };
    let mut asked = JoinSet::new();
    for model in app.registry.models().await?.iter().cloned() {
        let (message, text) = (message.clone(), text.clone());
        asked.spawn(async move {
            let began = now_ms();
            let answer = model.answer(&text).await;
            message(&model.name, answer, now_ms().saturating_sub(began))
        });
    }
    let mut said = vec![message("user", text, 0)];
    said.extend(asked.join_all().await);
    // Of two who speak at once the second finds the turn taken, and is told 409.
    app.db.bulk("messages").insert(&said).await?;
    Ok(Json(said))
}

pub(crate) async fn delete(
    user: User,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    let sql = "DELETE FROM conversations WHERE id = $1 AND user_id = $2";
    match app.db.execute(sql).bind(id).bind(user.0).await?.rows_affected {
        0 => Err(StatusCode::NOT_FOUND.into()),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// The models beside each other, over all that was said.
pub(crate) async fn compare(_: User, State(app): State<App>) -> Result<Json<Vec<Compared>>> {
    let sql = "SELECT author AS model, count(*) AS answers, \
               CAST(avg(took_ms) AS DOUBLE PRECISION) AS mean_ms \
               FROM messages WHERE author <> 'user' GROUP BY author ORDER BY author";
    Ok(Json(app.db.query(sql).named("compare").all().await?))
}
