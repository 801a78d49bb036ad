//! Decks of cards, and a list of them that is wrong in a common way, beside the one that is right.

use std::collections::HashMap;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use forebay::{Conflict, Db, Result, Row};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Deck {
    name: String,
    cards: Vec<Row>,
}

/// Adds words to a deck, which is made if there is none. Words that are in it already stay.
pub(super) async fn add(
    db: Db,
    Path(name): Path<String>,
    Json(words): Json<Vec<String>>,
) -> Result<StatusCode> {
    db.transaction(|tx| async move {
        let deck = "INSERT INTO decks (name) VALUES (?) ON CONFLICT DO NOTHING";
        tx.execute(deck).bind(&name).await?;
        let id: i64 = tx.query("SELECT id FROM decks WHERE name = ?").bind(&name).scalar().await?;
        let rows = words.into_iter().map(move |word| (id, word));
        let keep = Conflict::on(["deck_id", "word"]).do_nothing();
        tx.bulk("words").columns(["deck_id", "word"]).upsert(keep, rows).await
    })
    .await?;
    Ok(StatusCode::ACCEPTED)
}

/// One statement for the decks, and one for the cards of all of them.
pub(super) async fn list(db: Db) -> Result<Json<Vec<Deck>>> {
    let decks: Vec<(i64, String)> =
        db.query("SELECT id, name FROM decks ORDER BY name").all().await?;
    let sql = "SELECT deck_id, word, stage, translation, example FROM words \
               WHERE deck_id IN (:keys) ORDER BY word";
    let keys = decks.iter().map(|(id, _)| *id);
    let mut cards: HashMap<i64, Vec<Row>> = db.query(sql).load_many("deck_id", keys).await?;
    let deck = |(id, name)| Deck { name, cards: cards.remove(&id).unwrap_or_default() };
    Ok(Json(decks.into_iter().map(deck).collect()))
}

/// The same, wrong: a statement for each deck. `GET /repeats` names it, with what to do instead.
pub(super) async fn list_slowly(db: Db) -> Result<Json<Vec<Deck>>> {
    let mut found = Vec::new();
    let decks: Vec<(i64, String)> =
        db.query("SELECT id, name FROM decks ORDER BY name").all().await?;
    for (id, name) in decks {
        let sql = "SELECT deck_id, word, stage, translation, example FROM words WHERE deck_id = ? \
                   ORDER BY word";
        found.push(Deck { name, cards: db.query(sql).bind(id).all().await? });
    }
    Ok(Json(found))
}

pub(super) async fn repeats(db: Db) -> Json<Vec<String>> {
    Json(db.repeats().await.iter().map(ToString::to_string).collect())
}
