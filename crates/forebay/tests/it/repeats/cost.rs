//! What a scope adds to a statement. `REPEATS_COST` runs it; it means something only in an
//! optimised build.

use std::time::{Duration, Instant};

use forebay::{Db, RepeatWatch};

use super::prepared;

/// The time of one of many calls, the least of some rounds.
async fn each<F: Future<Output = ()>>(calls: u32, mut call: impl FnMut(u32) -> F) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..7 {
        let began = Instant::now();
        for at in 0..calls {
            call(at).await;
        }
        least = least.min(began.elapsed());
    }
    least / calls
}

#[tokio::test]
async fn what_a_scope_adds() {
    if std::env::var_os("REPEATS_COST").is_none() {
        println!("skipped: REPEATS_COST is not set");
        return;
    }
    const CALLS: u32 = 20_000;
    let place = prepared().await;
    println!("{:<34} {:>12} {:>12} {:>12}", "one statement", "no scope", "in a scope", "added");
    for (name, sql, keys, is_kept) in [
        ("hit of one row", "SELECT id, name FROM users WHERE id = ?", 100, true),
        ("hit of 40 rows", "SELECT id, name, team_id FROM users WHERE id < 41 + 0 * ?", 1, true),
        ("read of one row", "SELECT id, name, team_id FROM users WHERE id = ?", 200, false),
        ("read of 200 rows", "SELECT id, name, team_id FROM users WHERE id > -?", 200, false),
    ] {
        let mut times = Vec::new();
        for is_scoped in [false, true] {
            let db = place.builder().watch_repeats(RepeatWatch::Scopes).open().await.unwrap();
            times.push(one(&db, sql, keys, is_kept, is_scoped, CALLS).await);
        }
        let added = times[1].saturating_sub(times[0]);
        println!("{name:<34} {:>12?} {:>12?} {added:>12?}", times[0], times[1]);
    }
}

/// Requests of 50 statements each.
async fn one(
    db: &Db,
    sql: &str,
    keys: u32,
    is_kept: bool,
    is_scoped: bool,
    calls: u32,
) -> Duration {
    const OF_SCOPE: u32 = 50;
    let request = |at: u32| async move {
        for key in 0..OF_SCOPE {
            let query = db.query(sql).bind(i64::from(1 + (at * OF_SCOPE + key) % keys));
            let query = if is_kept { query } else { query.no_cache() };
            query.fetch().await.unwrap();
        }
    };
    let requests = each(calls / OF_SCOPE, |at| async move {
        if is_scoped {
            forebay::scope("cost").run(request(at)).await;
        } else {
            request(at).await;
        }
    });
    requests.await / OF_SCOPE
}
