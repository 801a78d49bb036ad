//! Time limits: what ends in time is not touched, and what does not is dropped.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::guard::TimeLimit;

#[tokio::test(start_paused = true)]
async fn work_is_dropped_when_its_time_is_over() {
    let limit = TimeLimit::new(Duration::from_secs(2)).named("prices");
    let held = Arc::new(());
    let work = |seconds: u64| {
        let held = held.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            drop(held);
            Ok::<_, Error>(seconds)
        }
    };
    assert_eq!(limit.run(work(1)).await.unwrap(), 1);
    let error = limit.run(work(3)).await.unwrap_err();
    assert!(error.is_timeout() && error.message().contains("`prices`"), "{error}");
    assert!(error.is_origin_failure(), "a breaker around it counts it");
    assert_eq!(Arc::strong_count(&held), 1, "the work is gone");
    let failed: Result<()> = limit.run(async { Err(Error::usage("wrong")) }).await;
    assert!(failed.unwrap_err().is_usage());
    let stats = limit.clone().stats();
    assert_eq!((stats.ended, stats.expired), (2, 1));
}
