//! Loaders in a runtime whose time stands still.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;

use super::Loader;
use crate::error::{Error, Result};

type Batches = Arc<Mutex<Vec<Vec<u32>>>>;

/// Gives the square of each even key, an error for a batch with a 7, and a panic for one with 9.
async fn squares(keys: Vec<u32>) -> Result<HashMap<u32, u32>> {
    assert!(!keys.contains(&9), "this panic is meant to be printed");
    if keys.contains(&7) {
        return Err(Error::usage("seven"));
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    Ok(keys.into_iter().filter(|key| key % 2 == 0).map(|key| (key, key * key)).collect())
}

fn loader(max: usize, delay: Duration) -> (Loader<u32, u32>, Batches) {
    let batches = Batches::default();
    let seen = batches.clone();
    let loader = Loader::<u32, u32>::builder().max_batch(max).delay(delay);
    let loader = loader.build(move |keys: Vec<u32>| {
        seen.lock().unwrap().push(keys.clone());
        squares(keys)
    });
    (loader, batches)
}

fn taken(batches: &Batches) -> Vec<Vec<u32>> {
    std::mem::take(&mut batches.lock().unwrap())
}

#[tokio::test(start_paused = true)]
async fn batches_are_of_one_turn_and_bounded() {
    let (loader, batches) = loader(3, Duration::ZERO);
    let found = loader.load_all([2, 1, 2, 4, 6, 4, 8]).await.unwrap();
    assert_eq!(found, [Some(4), None, Some(4), Some(16), Some(36), Some(16), Some(64)]);
    let mut seen = taken(&batches);
    seen.sort();
    assert_eq!(seen, [vec![2, 1, 4], vec![6, 4, 8]]);
    assert_eq!(loader.load_all([]).await.unwrap(), []);
    assert_eq!(loader.load(2).await.unwrap(), Some(4));
    assert_eq!(taken(&batches), [[2]], "nothing is kept");
}

#[tokio::test(start_paused = true)]
async fn nobody_joins_a_batch_that_was_sent() {
    let (loader, batches) = loader(100, Duration::ZERO);
    let first = tokio::spawn({
        let loader = loader.clone();
        async move { loader.load(2).await }
    });
    while batches.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(loader.load(2).await.unwrap(), Some(4));
    assert_eq!(first.await.unwrap().unwrap(), Some(4));
    assert_eq!(taken(&batches), [[2], [2]]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_may_wait_for_more() {
    let (loader, batches) = loader(100, Duration::from_millis(5));
    let later = async {
        tokio::time::sleep(Duration::from_millis(4)).await;
        loader.load(4).await
    };
    let (first, second) = tokio::join!(loader.load(2), later);
    assert_eq!((first.unwrap(), second.unwrap()), (Some(4), Some(16)));
    assert_eq!(taken(&batches), [[2, 4]]);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_takes_nothing_from_the_others() {
    let (loader, batches) = loader(100, Duration::ZERO);
    let spawn = |key| {
        let loader = loader.clone();
        tokio::spawn(async move { loader.load(key).await })
    };
    // Before it was sent: the key is left out. After: the others go on.
    let (gone, stays) = (loader.load(4), spawn(2));
    let mut gone = Box::pin(gone);
    assert!((&mut gone).now_or_never().is_none());
    drop(gone);
    assert_eq!(stays.await.unwrap().unwrap(), Some(4));
    assert_eq!(taken(&batches), [[2]]);
    let (goes, stays) = (spawn(6), spawn(8));
    while batches.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    goes.abort();
    assert_eq!(stays.await.unwrap().unwrap(), Some(64));
}

#[tokio::test(start_paused = true)]
async fn errors_and_panics_go_to_everybody() {
    let (loader, _) = loader(100, Duration::ZERO);
    let (two, seven) = tokio::join!(loader.load(2), loader.load(7));
    assert_eq!(two.unwrap_err().message(), "seven");
    assert_eq!(seven.unwrap_err().message(), "seven");
    let (two, nine) = tokio::join!(loader.load(2), loader.load(9));
    assert!(two.unwrap_err().is_load_failed() && nine.unwrap_err().is_load_failed());
    assert_eq!(loader.load(2).await.unwrap(), Some(4), "it goes on");
}
