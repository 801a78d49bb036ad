//! The comparison of models on SQLite and on PostgreSQL, with the same questions.

use cluster::Database;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::program::{Answer, Program, until};

const CHAT: &str = "chat";

const SECRET: (&str, &str) = ("JWT_SECRET", "a secret of the tests, of 32 letters and more");

const ADMIN: (&str, &str) = ("ADMIN_TOKEN", "an admin token of the tests");

#[test]
fn models_are_compared_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chat.db");
    let url = format!("sqlite:{}", file.display());
    let url = ("DATABASE_URL", url.as_str());
    let chat = Program::start(CHAT, folder.path(), &[SECRET, ADMIN, url]);
    let bare = Connection::open(file).unwrap();
    converse(&chat, &|sql| bare.query_row(sql, [], |row| row.get(0)).unwrap());
    let token = log_in(&chat, "ada");
    let id = as_user(&chat, &token, "POST", "/conversations", Some(json!("Dams"))).body;
    let at = format!("/conversations/{id}");
    assert_eq!(as_user(&chat, &token, "POST", &at, Some(json!("Hello."))).status, 200);
    bare.execute("UPDATE messages SET took_ms = 500", []).unwrap();
    let compared = as_user(&chat, &token, "GET", "/models/compared", None).json();
    assert_eq!(compared[0]["mean_ms"], 500.0, "whoever wrote it");
    chat.interrupt();
    // The same secret: the token is good for the next process, too.
    let chat = Program::start(CHAT, folder.path(), &[SECRET, url]);
    assert_eq!(as_user(&chat, &token, "GET", "/conversations", None).status, 200);
    assert_eq!(
        chat.send("POST", "/admin/cache/clear", &[], Some(json!({ "all": true }))).status,
        403
    );
}

#[test]
fn models_are_compared_on_postgres() {
    cluster::for_each_version("models_are_compared_on_postgres", |version| {
        let database = Database::create(version).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = database.url();
        let settings = [SECRET, ADMIN, ("DATABASE_URL", url.as_str())];
        // The tables have to be there before the database can be prepared.
        Program::start(CHAT, folder.path(), &settings).interrupt();
        crate::program::set_up(&url);
        let chat = Program::start(CHAT, folder.path(), &settings);
        let live = "forebay_replication_live{db=\"chat\"} 1\n";
        until("commits are followed", || chat.get("/metrics").body.contains(live));
        converse(&chat, &|sql| database.psql(sql).unwrap());
        let hits = |body: String| {
            let line = body.lines().find(|it| it.starts_with("forebay_cache_hits_total")).unwrap();
            line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()
        };
        assert!(hits(chat.get("/metrics").body) > 0);
    });
}

fn as_user(chat: &Program, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
    chat.send(method, path, &[("authorization", &format!("Bearer {token}"))], body)
}

fn log_in(chat: &Program, name: &str) -> String {
    let answer = chat.post("/login", json!({ "name": name, "password": "correct horse battery" }));
    assert_eq!(answer.status, 200);
    answer.body
}

/// Two users and what they may see; every answer beside what the bare database has.
fn converse(chat: &Program, bare: &dyn Fn(&str) -> String) {
    for name in ["ada", "eve"] {
        let user = json!({ "name": name, "password": "correct horse battery" });
        assert_eq!(chat.post("/users", user.clone()).status, 201);
        assert_eq!(chat.post("/users", user).status, 409, "it is taken");
    }
    assert_eq!(chat.post("/users", json!({ "name": "bob", "password": "short" })).status, 422);
    assert!(bare("SELECT min(password) FROM users").starts_with("$argon2id$"));
    let wrong = json!({ "name": "ada", "password": "wrong horse battery" });
    assert_eq!(chat.post("/login", wrong).status, 401);
    let hashed = || {
        let metrics = chat.get("/metrics").body;
        let line = metrics.lines().find(|it| it.starts_with("forebay_bulkhead_admitted_total"));
        line.unwrap().rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let before = hashed();
    let nobody = json!({ "name": "nobody", "password": "correct horse battery" });
    assert_eq!(chat.post("/login", nobody).status, 401);
    assert_eq!(hashed() - before, 1.0, "a name that nobody has takes as long as any other");
    let (ada, eve) = (log_in(chat, "ada"), log_in(chat, "eve"));
    check_tokens(chat, &ada);

    let mine =
        |method: &str, path: &str, body: Option<Value>| as_user(chat, &ada, method, path, body);
    let ids: Vec<String> = ["Weirs", "Gates", "Locks"]
        .map(|title| mine("POST", "/conversations", Some(json!(title))).body)
        .into();
    let at = format!("/conversations/{}", ids[0]);
    let said = mine("POST", &at, Some(json!("What is a weir?"))).json();
    assert_eq!(said.as_array().unwrap().len(), 3, "the user, and two models");
    mine("POST", &at, Some(json!("And a gate?")));
    let whole = mine("GET", &at, None).json();
    assert_eq!(whole["messages"].as_array().unwrap().len(), 6);
    assert_eq!(bare("SELECT count(*) || '' FROM messages"), "6");

    // Each conversation of the list has its last turn, by two statements for all.
    let list = || mine("GET", "/conversations", None);
    let found = list();
    assert!(
        found.header("server-timing").unwrap().contains("db"),
        "{:?}",
        found.header("server-timing")
    );
    let found = found.json();
    let weirs =
        found["items"].as_array().unwrap().iter().find(|it| it["title"] == "Weirs").unwrap();
    let last = [&weirs["messages"][0]["turn"], &weirs["messages"][2]["content"]];
    assert_eq!(last, [&json!(2), &json!("And a gate?")]);
    let first = mine("GET", "/conversations?per_page=2", None).json();
    let next = format!("/conversations?per_page=2&after={}", first["end"].as_str().unwrap());
    assert_eq!(mine("GET", &next, None).json()["items"].as_array().unwrap().len(), 1);

    // Nobody else sees it, or can delete it.
    assert_eq!(as_user(chat, &eve, "GET", &at, None).status, 404);
    assert_eq!(as_user(chat, &eve, "DELETE", &at, None).status, 404);
    assert_eq!(as_user(chat, &eve, "GET", "/conversations", None).json()["items"], json!([]));
    let compared = as_user(chat, &eve, "GET", "/models/compared", None).json();
    assert_eq!((&compared[1]["model"], &compared[1]["answers"]), (&json!("thorough"), &json!(2)));
    assert!(compared[1]["mean_ms"].as_f64() >= Some(20.0));
    assert_eq!(chat.get("/models").json()[0]["name"], "quick");

    // A write is in the next answer.
    assert_eq!(mine("DELETE", &at, None).status, 204);
    assert_eq!(list().json()["items"].as_array().unwrap().len(), 2);
    assert_eq!(bare("SELECT count(*) || '' FROM messages"), "0");
    check_keys(chat, &ada, bare);
    check_admin(chat);
}

fn check_tokens(chat: &Program, good: &str) {
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (_, claims) = signed.split_once('.').unwrap();
    let none = "eyJhbGciOiJub25lIn0";
    let turned = signature.chars().rev().collect::<String>();
    for bad in [
        String::new(),
        "a.b.c".to_owned(),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{signed}.{turned}"),
    ] {
        assert_eq!(as_user(chat, &bad, "GET", "/conversations", None).status, 401, "{bad}");
    }
    assert_eq!(chat.get("/conversations").status, 401);
}

fn check_keys(chat: &Program, token: &str, bare: &dyn Fn(&str) -> String) {
    let key = as_user(chat, token, "POST", "/keys", Some(Value::Null)).body;
    let by_key = || chat.send("GET", "/conversations", &[("x-api-key", &key)], None).status;
    assert_eq!((by_key(), by_key()), (200, 200));
    assert_ne!(bare("SELECT max(digest) FROM api_keys"), key, "a digest of it is kept");
    assert_eq!(as_user(chat, token, "DELETE", "/keys", None).status, 200);
    assert_eq!(by_key(), 401, "at once");
}

fn check_admin(chat: &Program) {
    let clear = |token: &str| {
        let bearer = format!("Bearer {token}");
        chat.send(
            "POST",
            "/admin/cache/clear",
            &[("authorization", &bearer)],
            Some(json!({ "all": true })),
        )
        .status
    };
    assert_eq!((clear("wrong"), clear(ADMIN.1)), (401, 200));
    // The servers of the tests are told not to be durable, which is reported.
    assert!(!chat.get("/health").json()["checks"].as_array().unwrap().is_empty());
}
