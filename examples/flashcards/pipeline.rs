//! Words on their way through two stages: translated, then given an example. The queue is a table,
//! so nothing is lost when the process ends; a word whose calls fail is tried again later.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use forebay::{Bulkhead, Db, Result};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::dictionary::Dictionary;

/// Words that are taken from the queue at a time.
const BATCH: u32 = 200;

/// Calls that are under way at once.
const AT_ONCE: usize = 16;

/// A word that has failed so often is given up.
const TRIES_MAX: u32 = 5;

/// How long an empty queue is left alone. The queue is asked from memory while nothing is written.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Serialize, Deserialize)]
struct Word {
    id: i64,
    word: String,
    stage: String,
    tries: u32,
    due_at: u64,
    translation: Option<String>,
    example: Option<String>,
}

/// Works until it is dropped.
pub(super) async fn run(db: Db, dictionary: Dictionary) {
    loop {
        match step(&db, &dictionary).await {
            Ok(0) => tokio::time::sleep(PAUSE).await,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "the queue cannot be worked on");
                tokio::time::sleep(10 * PAUSE).await;
            }
        }
    }
}

/// One batch, each word one stage further; its changes are written by one statement.
async fn step(db: &Db, dictionary: &Dictionary) -> Result<u64> {
    let sql = "SELECT id, word, stage, tries, due_at, translation, example FROM words \
               WHERE stage IN ('translate', 'example') AND due_at <= ? ORDER BY due_at LIMIT ?";
    let due: Vec<Word> = db.query(sql).named("due").bind(now()).bind(BATCH).all().await?;
    let places = Bulkhead::new(AT_ONCE, BATCH as usize);
    let mut working = JoinSet::new();
    for word in due {
        let (places, dictionary) = (places.clone(), dictionary.clone());
        working.spawn(async move {
            let answer = places.run(dictionary.ask(&word.stage, &word.word)).await;
            word.after(answer.map(|answer| answer.to_string()))
        });
    }
    let done = working.join_all().await;
    Ok(db.bulk("words").update("id", done).await?.rows)
}

impl Word {
    fn after(mut self, answer: Result<String>) -> Word {
        match (answer, self.stage.as_str()) {
            (Ok(text), "translate") => {
                (self.translation, self.stage, self.tries) = (Some(text), "example".to_owned(), 0);
            }
            (Ok(text), _) => (self.example, self.stage) = (Some(text), "done".to_owned()),
            // It says nothing of this word: the dictionary is left alone for a while.
            (Err(error), _) if !error.is_load_failed() => self.due_at = now() + 1,
            (Err(_), _) if self.tries + 1 >= TRIES_MAX => self.stage = "failed".to_owned(),
            (Err(_), _) => {
                self.tries += 1;
                self.due_at = now() + (1 << self.tries);
            }
        }
        self
    }
}

/// Seconds since 1970. Not asked of the database, since a query that does is not cached.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
