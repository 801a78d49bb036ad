//! Words on their way to cards, beside the file, with a dictionary that fails.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::program::{Program, until};

const FLASHCARDS: &str = "flashcards";

#[test]
fn words_become_cards_and_answers_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let cards = Program::start(FLASHCARDS, folder.path(), &[]);
    let bare = Connection::open(folder.path().join("cards.db")).unwrap();
    let words: Vec<String> = (0..60).map(|n| format!("word{n:02}")).collect();
    for deck in ["a", "b", "c", "d", "e"] {
        let own: Vec<_> = words.iter().filter(|word| deck != "b" || word.ends_with('7')).collect();
        assert_eq!(cards.post(&format!("/decks/{deck}"), json!(own)).status, 202);
        assert_eq!(cards.post(&format!("/decks/{deck}"), json!(own)).status, 202, "they are there");
    }
    let open = || cards.get("/stats").json()["stages"].clone();
    until("all are done", || open() == json!({ "done": 246 }));

    let decks = cards.get("/decks").json();
    let card = &decks[1]["cards"][0];
    assert_eq!((&decks[1]["name"], &card["word"]), (&json!("b"), &json!("word07")));
    assert_eq!((&card["translation"], &card["stage"]), (&json!("70drow"), &json!("done")));
    let sql = "SELECT count(*) FROM words WHERE example LIKE 'Somebody said ' || word || '%'";
    assert_eq!(bare.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 246);
    let calls = cards.get("/stats").json()["api_calls"].as_u64().unwrap();
    assert!((120..300).contains(&calls), "each word once in each stage, and what failed: {calls}");
    let plan = "EXPLAIN QUERY PLAN SELECT id FROM words WHERE stage IN ('translate', 'example') \
                AND due_at <= 5 ORDER BY due_at LIMIT 9";
    let plan = bare.query_row(plan, [], |row| row.get::<_, String>(3)).unwrap();
    assert!(plan.contains("words_due"), "{plan}");

    // The N+1 is found in the handler that has one, and in no other.
    assert_eq!(cards.get("/repeats").json(), json!([]));
    bare.execute("UPDATE words SET example = 'Another.' WHERE word = 'word07'", []).unwrap();
    let slowly = cards.get("/decks/slowly").json();
    assert_eq!(slowly, cards.get("/decks").json());
    assert_eq!(slowly[1]["cards"][0]["example"], "Another.", "whoever wrote it");
    let found = cards.get("/repeats").json().to_string();
    assert!(found.contains("load_many(") && found.contains("/decks/slowly"), "{found}");

    cards.interrupt();
    let cards = Program::start(FLASHCARDS, folder.path(), &[]);
    assert_eq!(cards.get("/lookup/word07").json()["translation"], "70drow");
    let stats = cards.get("/stats").json();
    assert_eq!((&stats["api_calls"], &stats["answers"]["loads"]), (&json!(0), &json!(0)));
    assert!(stats["answers"]["from_disk"].as_u64() > Some(0), "{stats}");
}

#[test]
fn without_the_dictionary_there_are_old_answers() {
    let folder = tempfile::tempdir().unwrap();
    let cards = Program::start(FLASHCARDS, folder.path(), &[("ANSWER_SECONDS", "1")]);
    let heron = cards.get("/lookup/heron").json();
    assert_eq!(heron["translation"], "noreh");
    assert_eq!(cards.post("/api/down", Value::Null).status, 200);
    let old = || {
        assert_eq!(cards.get("/lookup/heron").json(), heron, "there is always an answer");
        cards.get("/stats").json()["answers"]["old"].as_u64() > Some(1)
    };
    until("the answers have expired, and are given all the same", old);
    assert!([502, 503].contains(&cards.get("/lookup/newt").status));
    let open = "forebay_breaker_state{breaker=\"dictionary\",state=\"open\"} 1\n";
    until("the breaker opens", || {
        assert!([502, 503].contains(&cards.get("/lookup/newt").status));
        cards.get("/metrics").body.contains(open)
    });

    // What was deleted is not given any more, however much it is missed.
    assert_eq!(cards.delete("/lookup/heron", Value::Null).status, 200);
    assert_ne!(cards.get("/lookup/heron").status, 200);
    assert_eq!(cards.post("/api/up", Value::Null).status, 200);
    until("it is asked again", || cards.get("/lookup/heron").status == 200);
}
