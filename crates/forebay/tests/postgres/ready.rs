//! Databases whose commits are followed, and what the cache does with reads of them. What is waited
//! for here has a limit; none of it is a measurement.

use std::time::{Duration, Instant};

use forebay::{Builder, Db, Freshness, Outcome, Query, Setup, Value};

use crate::place::{Place, ms};

/// The longest that something may take which the library does by itself.
const SOON_MAX: Duration = Duration::from_secs(30);

/// The table for it.
pub(crate) const MARKED: &str =
    "CREATE TABLE mark (id int PRIMARY KEY, note text); INSERT INTO mark VALUES (1)";

/// What keeps track of how far the stream was followed.
const MARK: &str = "SELECT note FROM mark WHERE id = 1";

/// Prepares the database at `url`.
pub(crate) async fn set_up(url: &str) {
    let setup = Setup::new(url).unwrap();
    setup.apply(&setup.plan().await.unwrap(), |_| {}).await.unwrap();
}

/// Keeps whatever may be kept, and has nothing else read on the side.
pub(crate) fn plain(builder: Builder) -> Builder {
    builder.worth_it(false).audit_one_in(0)
}

/// Runs `script` past the library, prepares the database, and opens it; returns when it is
/// followed.
pub(crate) async fn follow(place: &Place, script: &str) -> Db {
    prepare(place, script).await;
    open(place.builder()).await
}

/// Runs `script` past the library, and opens the database as its only writer from then on; returns
/// when answers are cached. It is not prepared, so there is no stream.
pub(crate) async fn alone(place: &Place, script: &str) -> Db {
    place.psql(MARKED);
    place.psql(script);
    let db = open(place.builder().sole_writer(true)).await;
    assert!(db.stats().replication.is_some_and(|it| it.sole.is_some() && !it.live));
    db
}

pub(crate) async fn prepare(place: &Place, script: &str) {
    place.psql(MARKED);
    place.psql(script);
    set_up(&place.url()).await;
}

pub(crate) async fn open(builder: Builder) -> Db {
    let db = plain(builder).open().await.unwrap();
    until_live(&db).await;
    db
}

/// Waits until commits are followed.
pub(crate) async fn until_live(db: &Db) {
    soon("commits are followed", async || db.stats().cache.off.is_none()).await;
}

/// Waits until they are not, for a reason that has `says` in it.
pub(crate) async fn until_off(db: &Db, says: &str) {
    let off = || db.stats().cache.off.unwrap_or_default();
    soon_or(|| format!("off because of {says:?}, not {:?}", off()), async || off().contains(says))
        .await;
}

/// Tries until it holds, with a limit.
pub(crate) async fn soon(what: &str, holds: impl AsyncFn() -> bool) {
    soon_or(|| what.to_owned(), holds).await;
}

pub(crate) async fn soon_or(what: impl Fn() -> String, holds: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < SOON_MAX, "not within {SOON_MAX:?}: {}", what());
        tokio::time::sleep(ms(5)).await;
    }
}

/// A query with parameters.
pub(crate) fn ask<'a>(db: &'a Db, sql: &'a str, params: &[Value]) -> Query<'a> {
    params.iter().fold(db.query(sql), |query, value| query.bind(value))
}

/// The rows with the names of their columns; of an error, its code.
pub(crate) fn shown(answer: &forebay::Result<Outcome>) -> String {
    let outcome = match answer {
        Ok(outcome) => outcome,
        Err(error) => return format!("error {:?}", error.code()),
    };
    let rows = &outcome.rows;
    let names: Vec<&str> = rows.columns().iter().map(|column| &*column.name).collect();
    let values = (0..rows.len()).map(|row| rows.values(row));
    format!("{names:?} {:?}", values.collect::<Vec<_>>())
}

pub(crate) async fn bare(db: &Db, sql: &str) -> String {
    shown(&db.query(sql).no_cache().fetch().await)
}

/// Whether the answer comes from the cache. It is what the database says in any case.
pub(crate) async fn is_hit(db: &Db, sql: &str) -> bool {
    is_hit_with(db, sql, &[]).await
}

pub(crate) async fn is_hit_with(db: &Db, sql: &str, params: &[Value]) -> bool {
    let answer = ask(db, sql, params).fetch().await;
    let expect = shown(&ask(db, sql, params).no_cache().fetch().await);
    let is_cached = answer.as_ref().is_ok_and(|answer| answer.cached);
    assert_eq!(shown(&answer), expect, "{sql} {params:?}, from the cache: {is_cached}");
    answer.is_ok_and(|answer| answer.cached)
}

/// Has the answer kept.
pub(crate) async fn keep(db: &Db, sql: &str) {
    keep_with(db, sql, &[]).await;
}

pub(crate) async fn keep_with(db: &Db, sql: &str, params: &[Value]) {
    let what = || format!("a hit of {sql} {params:?}; off: {:?}", db.stats().cache.off);
    soon_or(what, async || ask(db, sql, params).fetch().await.unwrap().cached).await;
}

/// Waits until everything that was committed before, by anybody, is in the cache, and no fence of
/// an earlier write is up.
pub(crate) async fn caught_up(db: &Db) {
    let is_caught_up =
        async || db.query(MARK).freshness(Freshness::Strict).fetch().await.unwrap().cached;
    soon_or(|| format!("caught up; off: {:?}", db.stats().cache.off), is_caught_up).await;
}
