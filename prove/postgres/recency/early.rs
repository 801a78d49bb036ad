//! Counting commits that the stream has told while nobody could see them.

use std::time::Duration;

use anyhow::Result;
use forebay::{Db, Freshness};

use super::board::QUIET;
use crate::bare::Bare;

/// Sessions that have committed and wait for the standby, which is frozen: what they have committed
/// is in the log, and no snapshot sees it. Only what clients here have written counts.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' \
     AND datname = current_database() AND (query ~ 'race_' OR query ~* '^commit')";

/// Between two looks at how many there are, and how often it is looked until no more come.
const GATHER: Duration = Duration::from_millis(4);
const LOOKS: u32 = 6;

/// How often it is looked whether answers are served, a millisecond apart.
const WARM_LOOKS: u32 = 150;

/// How many commits each of the handles has been told that nobody can see; `None` if it is not
/// sure that all of those in the log were told. To be called while the standby is frozen.
///
/// A strict reader waits until the stream has told everything that is in the log when it asks. One
/// that is answered from the cache has waited, and the commits that were counted before it asked
/// have been told by then; none of them can be seen before the standby goes on.
pub(super) async fn count_early(bare: &mut Bare, dbs: &[Db]) -> Result<Option<u64>> {
    let mut waiting = 0;
    for _ in 0..LOOKS {
        tokio::time::sleep(GATHER).await;
        let before = waiting;
        waiting = bare.number(WAITING)?;
        if waiting == before {
            break;
        }
    }
    let asked = dbs.iter().map(|db| {
        let db = db.clone();
        tokio::spawn(async move { db.query(QUIET).freshness(Freshness::Strict).fetch().await })
    });
    let mut are_told = true;
    for asked in asked.collect::<Vec<_>>() {
        are_told &= asked.await?.is_ok_and(|outcome| outcome.cached);
    }
    Ok(u64::try_from(waiting).ok().filter(|_| are_told))
}

/// Has the row in the cache that is asked for then, and waits until answers are served: whatever
/// made all of them doubtful has ended.
pub(super) async fn warm(dbs: &[Db]) {
    for db in dbs {
        for _ in 0..WARM_LOOKS {
            // What goes wrong shows when it is asked strictly.
            if db.query(QUIET).fetch().await.is_ok_and(|outcome| outcome.cached) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
