//! Warming many keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::built;
use crate::WarmProgress;

#[tokio::test]
async fn keys_are_loaded_some_at_a_time() {
    let (cache, _) = built(|builder| builder);
    cache.set("0", 100_usize).await;
    let (running, most, runs) = <(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let (now, peak, count) = (running.clone(), most.clone(), runs.clone());
    let load = move |key: String| {
        let (now, peak, count) = (now.clone(), peak.clone(), count.clone());
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            now.fetch_sub(1, Ordering::SeqCst);
            assert_ne!(key, "66", "on purpose");
            if key == "77" { Err("no") } else { Ok(key.len()) }
        }
    };
    let mut seen = Vec::new();
    let warming = cache.warming().concurrency(3).on_progress(|progress| seen.push(progress));
    let done = warming.load((0..100).map(|n| n.to_string()), load).await;
    assert_eq!(done, WarmProgress { warm: 98, failed: 2 });
    assert_eq!((most.load(Ordering::SeqCst), runs.load(Ordering::SeqCst)), (3, 99));
    assert_eq!(seen.len(), 100);
    assert_eq!(seen.last(), Some(&done));
    assert_eq!(cache.get::<usize>("99").await.as_deref(), Some(&2));
    assert_eq!(cache.get::<usize>("0").await.as_deref(), Some(&100), "it was there");
}
