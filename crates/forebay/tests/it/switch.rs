//! The switches of the cache, and the judgement of what is worth keeping.

use std::time::{Duration, Instant};

use forebay::{CacheMode, Db};

use crate::place::Place;

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT);
    CREATE VIEW names AS SELECT id, name FROM users;
    INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');
    INSERT INTO tags VALUES (1, 'history');
";
const USERS: &str = "SELECT name FROM users WHERE id = 1";
const NAMES: &str = "SELECT name FROM names ORDER BY id";
const TAGS: &str = "SELECT name FROM tags WHERE id = 1";

async fn ask(db: &Db, sql: &str) -> (String, bool) {
    let outcome = db.query(sql).named(sql.split(' ').nth(3).unwrap()).fetch().await.unwrap();
    let name = outcome.rows.get(0).unwrap().value("name").unwrap().clone();
    let forebay::Value::Text(name) = name else { panic!("{name:?}") };
    (name.into(), outcome.cached)
}

/// Whether each of the three is answered from memory the second time.
async fn cached(db: &Db) -> [bool; 3] {
    let mut cached = [false; 3];
    for (sql, cached) in [USERS, NAMES, TAGS].into_iter().zip(&mut cached) {
        ask(db, sql).await;
        *cached = ask(db, sql).await.1;
    }
    cached
}

#[tokio::test]
async fn switches_at_run_time() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let cache = db.cache();
    assert_eq!((cache.mode(), cached(&db).await), (CacheMode::On, [true; 3]));
    cache.set_mode(CacheMode::Off);
    assert_eq!((cache.mode(), cached(&db).await), (CacheMode::Off, [false; 3]));
    assert!(db.stats().cache.off.is_some());
    cache.set_table_mode("TAGS", CacheMode::On).unwrap();
    assert_eq!(cached(&db).await, [false, false, true]);
    cache.set_mode(CacheMode::On);
    cache.set_table_mode("tags", None).unwrap();
    assert_eq!(cached(&db).await, [true; 3]);
    cache.set_table_mode("users", CacheMode::Off).unwrap();
    assert_eq!(cached(&db).await, [false, false, true], "through a view as well");
    let fingerprint = db.explain(NAMES).await.unwrap().fingerprint;
    cache.set_query_mode(fingerprint, CacheMode::On).unwrap();
    assert_eq!(cached(&db).await, [false, true, true]);
    cache.set_query_mode("tags", CacheMode::Shadow).unwrap();
    assert_eq!(cached(&db).await, [false, true, false], "by its name");
    let said = db.explain(USERS).await.unwrap();
    assert!(said.cacheable && said.switch.contains("off, by the switch"), "{}", said.switch);
    assert!(db.explain(TAGS).await.unwrap().switch.contains("shadow"));
    assert_eq!(db.explain(NAMES).await.unwrap().switch, "on");
    let reasons = db.stats().cache.bypasses;
    for reason in ["cache_off", "switched_off", "shadow"] {
        assert!(reasons.iter().any(|(known, count)| *known == reason && *count > 0), "{reasons:?}");
    }
}

#[tokio::test]
async fn a_switch_may_be_set_before_its_statement_runs() {
    let place = Place::new();
    let db = place.builder().cache(CacheMode::Off).open().await.unwrap();
    let fingerprint = db.explain("SELECT 1").await.unwrap().fingerprint;
    db.cache().set_query_mode("users", CacheMode::On).unwrap();
    db.cache().set_query_mode(fingerprint, CacheMode::On).unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    assert_eq!(cached(&db).await, [true, false, false]);
    db.query("SELECT 2").fetch().await.unwrap();
    assert!(db.query("SELECT 2").fetch().await.unwrap().cached);
}

/// Whatever is written while the cache is off, and by whom, nothing untrue is served afterwards.
#[tokio::test]
async fn on_again_after_writes() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let bare = place.bare();
    for (round, mode) in [CacheMode::Off, CacheMode::Shadow, CacheMode::Off].iter().enumerate() {
        assert_eq!(cached(&db).await, [true; 3]);
        db.cache().set_mode(*mode);
        let (ours, theirs) = (format!("ours {round}"), format!("theirs {round}"));
        db.execute("UPDATE users SET name = ? WHERE id = 1").bind(&ours).await.unwrap();
        if round != 1 {
            bare.execute("UPDATE tags SET name = ?", [&theirs]).unwrap();
        }
        if round == 2 {
            assert_eq!(ask(&db, USERS).await, (ours.clone(), false), "read while it is off");
        }
        db.cache().set_mode(CacheMode::On);
        assert_eq!(ask(&db, USERS).await.0, ours);
        assert_eq!(ask(&db, NAMES).await.0, ours);
        let expect = if round == 1 { "theirs 0".to_owned() } else { theirs };
        assert_eq!(ask(&db, TAGS).await.0, expect);
    }
}

#[tokio::test]
async fn clearing() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    assert_eq!(cached(&db).await, [true; 3]);
    assert_eq!(db.stats().cache.entries, 3);
    db.cache().clear_table("Users");
    assert_eq!(db.stats().cache.entries, 1);
    assert!(!ask(&db, USERS).await.1 && !ask(&db, NAMES).await.1 && ask(&db, TAGS).await.1);
    db.cache().clear();
    assert_eq!((db.stats().cache.entries, ask(&db, TAGS).await.1), (0, false));
}

#[tokio::test]
async fn what_drops_what_is_told() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    assert_eq!(cached(&db).await, [true; 3]);
    db.transaction(|tx| async move {
        tx.execute("UPDATE tags SET name = 'a' WHERE id = 1").await?;
        tx.execute("UPDATE users SET name = 'b' WHERE id = 1").await?;
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(cached(&db).await, [true; 3]);
    db.execute_batch("CREATE TABLE other (n)").await.unwrap();
    cached(&db).await;
    assert_eq!(cached(&db).await, [true; 3]);
    let stats = db.stats();
    let text = |id| &*stats.fingerprints.iter().find(|it| it.id == id).unwrap().statement;
    let mut drops: Vec<(&str, &str, u64)> =
        stats.cache.drops.iter().map(|it| (text(it.read), &*it.cause, it.count)).collect();
    drops.sort_unstable();
    let [users, tags] =
        ["users", "tags"].map(|table| format!("update {table} set name = ? where id = ?"));
    let other = "(another process, a new schema, or emptied)";
    let (of_users, of_names, of_tags) = (
        "select name from users where id = ?",
        "select name from names order by id",
        "select name from tags where id = ?",
    );
    let expect = [
        (of_names, other, 1),
        (of_names, &*users, 1),
        (of_tags, other, 1),
        (of_tags, &*tags, 1),
        (of_users, other, 1),
        (of_users, &*users, 1),
    ];
    assert_eq!(drops, expect);
}

/// Keys that are asked for once each do not pay; when few are asked for, they soon do.
#[tokio::test]
async fn what_does_not_pay_is_not_kept_and_tried_again() {
    const SQL: &str = "SELECT name FROM users WHERE id = ?";
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let of = |sql: &'static str| {
        let fingerprints = db.stats().fingerprints;
        fingerprints.into_iter().find(|it| it.statement == sql.to_lowercase()).unwrap()
    };
    let mut keys = 10..;
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        for key in keys.by_ref().take(64) {
            db.query(SQL).bind(key).fetch().await.unwrap();
        }
        if !of(SQL).bypasses.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "a scan is kept: {:?}", of(SQL).worth);
    }
    let stats = of(SQL);
    assert_eq!(stats.bypasses[0].0, "not_worth");
    assert_eq!(stats.worth.verdict, "not_worth");
    assert_eq!(stats.worth.hit_ratio, Some(0.0));
    assert!(stats.worth.needed.unwrap() > 0.0 && stats.worth.miss > stats.worth.origin);
    let said = db.explain(SQL).await.unwrap().worth;
    assert!(said.starts_with("no: its answers are not kept, and tried again in"), "{said}");
    // Other statements are not touched by that.
    ask(&db, TAGS).await;
    assert!(ask(&db, TAGS).await.1);
    while of(SQL).worth.verdict != "pays" {
        for id in 0..100 {
            db.query(SQL).bind(id % 20).fetch().await.unwrap();
        }
        // A window is full after so many misses, and few keys have few.
        db.execute("UPDATE users SET name = name WHERE id = 1").await.unwrap();
        if of(SQL).worth.verdict == "trial" {
            db.cache().clear();
        }
        assert!(Instant::now() < deadline, "few keys are not kept: {:?}", of(SQL).worth);
    }
    assert!(db.query(SQL).bind(1).fetch().await.is_ok());
    assert!(db.query(SQL).bind(1).fetch().await.unwrap().cached);
}

#[tokio::test]
async fn the_judgement_can_be_switched_off() {
    let place = Place::new();
    let db = place.builder().worth_it(false).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    for key in 0..2_000 {
        db.query("SELECT name FROM users WHERE id = ?").bind(key).fetch().await.unwrap();
    }
    let stats = db.stats();
    assert_eq!(stats.cache.misses, 2_000);
    assert!(!stats.cache.bypasses.iter().any(|(why, _)| *why == "not_worth"));
    let said = db.explain("SELECT name FROM users WHERE id = ?").await.unwrap().worth;
    assert!(said.starts_with("not judged"), "{said}");
}
