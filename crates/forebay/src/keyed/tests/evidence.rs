//! What is loaded from queries goes when a write changes what they read, and stays when it may.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;
use tokio::sync::Notify;

use super::{built, secs, until};
use crate::builder::Builder;
use crate::{Cache, Db, Error};

/// A database with some users, and a count of the loads.
#[derive(Clone)]
struct Place {
    db: Db,
    loads: Arc<AtomicU32>,
    _folder: Arc<TempDir>,
}

impl Place {
    async fn open() -> Place {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("app.db").display());
        let db = Builder::new(url).worth_it(false).open().await.unwrap();
        let script = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
                      INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');";
        db.execute_batch(script).await.unwrap();
        Place { db, loads: Arc::default(), _folder: Arc::new(folder) }
    }

    async fn name(self, id: i64) -> Result<String, Error> {
        let sql = "SELECT name FROM users WHERE id = ?";
        let name = self.db.query(sql).bind(id).scalar::<String>().await;
        // A load that is counted has read.
        self.loads.fetch_add(1, Ordering::SeqCst);
        name
    }

    async fn ask(&self, cache: &Cache, id: i64) -> String {
        let place = self.clone();
        let key = format!("user:{id}");
        (*cache.get_or_load(key, move || place.name(id)).await.unwrap()).clone()
    }

    async fn rename(&self, id: i64, name: &str) {
        let update = self.db.execute("UPDATE users SET name = ? WHERE id = ?");
        update.bind(name).bind(id).await.unwrap();
    }

    fn loads(&self) -> u32 {
        self.loads.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_write_drops_what_rests_on_it_and_nothing_else() {
    let place = Place::open().await;
    let (cache, clock) = built(|builder| builder);
    assert_eq!(place.ask(&cache, 1).await, "Ada");
    assert_eq!(place.ask(&cache, 2).await, "Bob");
    assert_eq!(place.ask(&cache, 1).await, "Ada");
    assert_eq!(place.loads(), 2);
    place.rename(2, "Bea").await;
    assert!(cache.contains("user:1").await);
    assert!(!cache.contains("user:2").await);
    assert_eq!(cache.get::<String>("user:2").await, None);
    assert_eq!(place.ask(&cache, 1).await, "Ada");
    assert_eq!(place.ask(&cache, 2).await, "Bea");
    assert_eq!(place.loads(), 3, "the other one stays");
    assert_eq!((cache.stats().unproven, cache.stats().drops.untrue), (0, 1));
    clock.advance(secs(3_600));
    assert!(!cache.contains("user:1").await, "its ttl holds as well");
}

#[tokio::test]
async fn ttl_only_ignores_writes() {
    let place = Place::open().await;
    let (cache, _) = built(|builder| builder.ttl_only());
    assert_eq!(place.ask(&cache, 1).await, "Ada");
    place.rename(1, "Eve").await;
    assert_eq!(place.ask(&cache, 1).await, "Ada");
}

#[tokio::test]
async fn what_cannot_be_vouched_for_rests_on_its_ttl() {
    let place = Place::open().await;
    let (cache, clock) = built(|builder| builder.ttl(secs(10)));
    let ask = |cache: &Cache| {
        let (place, cache) = (place.clone(), cache.clone());
        async move {
            let load = move || async move {
                place.loads.fetch_add(1, Ordering::SeqCst);
                place.db.query("SELECT name, random() FROM users").all::<(String, i64)>().await
            };
            cache.get_or_load("a", load).await.unwrap()
        }
    };
    assert_eq!(ask(&cache).await, ask(&cache).await);
    assert_eq!((place.loads(), cache.stats().unproven), (1, 1));
    clock.advance(secs(10));
    ask(&cache).await;
    assert_eq!(place.loads(), 2);
    let (cache, _) = built(|builder| builder.no_ttl());
    ask(&cache).await;
    assert!(!cache.contains("a").await, "without a ttl it would rest on nothing");
    assert_eq!(cache.stats().refused, 1);
}

/// What is loaded through another entry rests on what that one rests on.
#[tokio::test]
async fn evidence_is_handed_on_to_what_is_made_of_it() {
    let place = Place::open().await;
    let (cache, _) = built(|builder| builder);
    let outer = async || {
        let (inside, own) = (place.clone(), cache.clone());
        let load = move || async move {
            let name = inside.ask(&own, 1).await;
            Ok::<_, Error>(format!("<{name}>"))
        };
        cache.get_or_load("page", load).await.unwrap()
    };
    place.ask(&cache, 1).await;
    for _ in 0..2 {
        assert_eq!(*outer().await, "<Ada>", "first from a hit within it");
    }
    cache.clear().await.unwrap();
    assert_eq!(*outer().await, "<Ada>", "now from a load within it");
    place.rename(2, "Bea").await;
    assert!(cache.contains("page").await);
    place.rename(1, "Eve").await;
    assert!(!cache.contains("page").await);
    assert_eq!(*outer().await, "<Eve>");
    assert_eq!(cache.stats().unproven, 0);
}

/// Something that rests on its ttl alone, or on nothing having been there, is not proven.
#[tokio::test]
async fn what_is_made_of_something_unproven_is_not_proven_either() {
    let check =
        async |expect: u64, act: fn(Cache) -> futures_util::future::BoxFuture<'static, ()>| {
            let (cache, _) = built(|builder| builder);
            cache.set("set", 1_u8).await;
            let inner = cache.clone();
            let load = move || async move {
                act(inner).await;
                Ok::<_, Error>(1_u8)
            };
            cache.get_or_load("outer", load).await.unwrap();
            assert_eq!(cache.stats().unproven, expect);
        };
    check(0, |_| Box::pin(async {})).await;
    check(1, |cache| Box::pin(async move { _ = cache.get::<u8>("set").await })).await;
    check(1, |cache| Box::pin(async move { _ = cache.get::<u8>("nothing").await })).await;
    check(1, |cache| Box::pin(async move { _ = cache.contains("set").await })).await;
    check(1, |cache| Box::pin(async move { _ = cache.increment("n", 1).await })).await;
    let failing = |cache: Cache| -> futures_util::future::BoxFuture<'static, ()> {
        Box::pin(async move {
            let load = || async { Err::<u8, _>("no") };
            assert!(cache.get_or_load("inner", load).await.is_err());
        })
    };
    check(1, failing).await;
}

/// A load that reads, and then waits to be let go.
fn slow(
    place: &Place,
    open: &Arc<Notify>,
) -> impl FnOnce() -> futures_util::future::BoxFuture<'static, Result<String, Error>> + Send + use<>
{
    let (place, open) = (place.clone(), open.clone());
    move || {
        Box::pin(async move {
            let name = place.clone().name(1).await?;
            open.notified().await;
            Ok(name)
        })
    }
}

#[tokio::test]
async fn a_write_during_the_load_is_seen() {
    let place = Place::open().await;
    let (cache, _) = built(|builder| builder);
    let open = Arc::new(Notify::new());
    let ask = || {
        let (cache, load) = (cache.clone(), slow(&place, &open));
        tokio::spawn(async move { cache.get_or_load("user:1", load).await })
    };
    let first = ask();
    until(|| place.loads() == 1).await;
    let before = ask();
    until(|| cache.stats().joined == 1).await;
    place.rename(1, "Eve").await;
    // This one may not be given what was read before its write.
    let after = ask();
    until(|| cache.stats().joined == 2).await;
    open.notify_one();
    assert_eq!(*first.await.unwrap().unwrap(), "Ada");
    until(|| place.loads() == 2).await;
    open.notify_one();
    assert_eq!(*after.await.unwrap().unwrap(), "Eve");
    assert_eq!(*before.await.unwrap().unwrap(), "Eve", "it joined a load of before, too");
    assert_eq!(place.ask(&cache, 1).await, "Eve");
    assert_eq!((place.loads(), cache.stats().refused), (2, 1));
}

#[tokio::test]
async fn what_a_write_made_untrue_is_given_when_its_load_fails_if_asked_for() {
    let place = Place::open().await;
    let (cache, clock) = built(|builder| builder.stale_if_error(secs(60)));
    place.ask(&cache, 1).await;
    place.rename(1, "Eve").await;
    let fail = || async { Err::<String, _>("out of order") };
    assert_eq!(*cache.get_or_load("user:1", fail).await.unwrap(), "Ada");
    assert_eq!(cache.get::<String>("user:1").await, None);
    clock.advance(secs(59));
    assert_eq!(*cache.get_or_load("user:1", fail).await.unwrap(), "Ada");
    assert_eq!(cache.stats().fallbacks, 2);
    clock.advance(secs(2));
    assert!(cache.get_or_load("user:1", fail).await.unwrap_err().is_load_failed());
    assert_eq!(place.ask(&cache, 1).await, "Eve");
}

#[tokio::test]
async fn threads_that_block_hand_evidence_on_too() {
    let place = Place::open().await;
    let (cache, _) = built(|builder| builder);
    let own = (place.clone(), cache.clone(), tokio::runtime::Handle::current());
    let ask = move || {
        let (place, cache, runtime) = own.clone();
        tokio::task::spawn_blocking(move || {
            let load = || runtime.block_on(place.name(1));
            cache.blocking().get_or_load("user:1", load).unwrap()
        })
    };
    assert_eq!(*ask().await.unwrap(), "Ada");
    assert!(cache.contains("user:1").await);
    place.rename(1, "Eve").await;
    assert!(!cache.contains("user:1").await);
    assert_eq!(*ask().await.unwrap(), "Eve");
}

/// What its queries answer is known to this process alone.
#[cfg(feature = "disk")]
#[tokio::test]
async fn what_rests_on_queries_does_not_outlive_the_process() {
    let place = Place::open().await;
    let files = super::disk::Place::new();
    let disk = files.disk().await;
    let cache = files.cache(&disk, super::disk::same);
    cache.set("user:1", "older".to_owned()).await;
    cache.delete("user:1").await.unwrap();
    assert_eq!(place.ask(&cache, 1).await, "Ada");
    let own = place.clone();
    let entry = cache.entry("user:2").ttl_only();
    assert_eq!(*entry.get_or_load(move || own.name(2)).await.unwrap(), "Bob");
    assert_eq!(cache.stats().disk.unwrap().fills, 2, "what was set, and what only expires");
    let again = files.cache(&disk, super::disk::same);
    assert_eq!(again.get::<String>("user:1").await, None);
    assert_eq!(again.get::<String>("user:2").await.as_deref().unwrap(), "Bob");
    place.rename(1, "Eve").await;
    assert_eq!(place.ask(&again, 1).await, "Eve");
}
