//! Several keys at once.

use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::{built, secs, until};
use crate::Error;

type Found = Result<Vec<(String, usize)>, Error>;

type Asked = Arc<Mutex<Vec<Vec<String>>>>;

/// A load that gives the lengths of its keys, and nothing for those that are empty.
fn lengths(asked: &Asked) -> impl FnMut(Vec<String>) -> Ready<Found> + use<> {
    let asked = asked.clone();
    move |keys| {
        asked.lock().unwrap().push(keys.clone());
        let found = keys.into_iter().filter(|key| !key.is_empty());
        ready(Ok(found.map(|key| (key.clone(), key.len())).collect()))
    }
}

#[tokio::test]
async fn what_is_missing_is_loaded_at_once() {
    let (cache, _) = built(|builder| builder);
    let asked = Asked::default();
    let keys = ["a", "bb", "", "ccc", "bb"].map(str::to_owned);
    cache.set("a", 100_usize).await;
    for _ in 0..2 {
        let lengths = cache.get_or_load_many(&keys, lengths(&asked)).await.unwrap();
        let lengths: Vec<_> = lengths.into_iter().map(|length| length.map(|n| *n)).collect();
        assert_eq!(lengths, [Some(100), Some(2), None, Some(3), Some(2)]);
    }
    assert_eq!(*asked.lock().unwrap(), [["bb", "", "ccc"]]);
    assert_eq!(cache.get_many::<usize>(["ccc", ""]).await, [Some(Arc::new(3)), None]);
    assert_eq!(cache.stats().loads, 3);
}

#[tokio::test]
async fn what_is_due_is_loaded_with_it() {
    let (cache, clock) = built(|builder| builder.ttl(secs(10)).refresh_ahead(secs(2)));
    let asked = Asked::default();
    let ask = async |keys: &[&str]| {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        cache.get_or_load_many(&keys, lengths(&asked)).await.unwrap();
    };
    ask(&["a", "b"]).await;
    clock.advance(secs(9));
    ask(&["a", "c"]).await;
    assert_eq!(asked.lock().unwrap().last().unwrap(), &["c", "a"]);
    ask(&["a", "b"]).await;
    until(|| cache.stats().loading == 0 && asked.lock().unwrap().len() == 3).await;
    assert_eq!(asked.lock().unwrap().last().unwrap(), &["b"]);
    assert_eq!(cache.ttl("b").await, Some(secs(10)));
}

#[tokio::test]
async fn two_who_want_each_others_keys_load_each_once() {
    let (cache, _) = built(|builder| builder);
    let (asked, open) = (Asked::default(), Arc::new(Notify::new()));
    let ask = |keys: [&str; 3]| {
        let (cache, asked, open) = (cache.clone(), asked.clone(), open.clone());
        let keys = keys.map(str::to_owned);
        tokio::spawn(async move {
            let load = |keys| {
                let (found, open) = (lengths(&asked)(keys), open.clone());
                async move {
                    open.notified().await;
                    found.await
                }
            };
            cache.get_or_load_many(&keys, load).await
        })
    };
    let (first, second) = (ask(["a", "b", "c"]), ask(["d", "c", "b"]));
    until(|| cache.stats().joined == 2).await;
    open.notify_waiters();
    assert!(first.await.unwrap().unwrap().iter().all(Option::is_some));
    assert!(second.await.unwrap().unwrap().iter().all(Option::is_some));
    assert_eq!(*asked.lock().unwrap(), [vec!["a", "b", "c"], vec!["d"]]);
}

#[tokio::test]
async fn a_load_that_fails_fails_for_all_its_keys() {
    let (cache, _) = built(|builder| builder);
    let keys = ["a", "b"].map(str::to_owned);
    let load = |_| async { Err::<Vec<(String, u8)>, _>("no") };
    assert!(cache.get_or_load_many(&keys, load).await.unwrap_err().is_load_failed());
    let load = |_| async { Ok::<_, String>(vec![("c".to_owned(), 1_u8)]) };
    assert!(cache.get_or_load_many(&keys, load).await.unwrap_err().is_usage());
    let load =
        |_: Vec<String>| -> Ready<Result<Vec<(String, u8)>, String>> { panic!("on purpose") };
    let own = cache.clone();
    assert!(tokio::spawn(async move { own.get_or_load_many(&keys, load).await }).await.is_err());
    assert_eq!((cache.stats().entries, cache.stats().loading), (0, 0));
}
