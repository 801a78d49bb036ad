//! What stands for the dictionary that one pays for: it is slow, fails now and then, takes only so
//! many calls a second, and can be switched off to see what happens then.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use forebay::Limiter;

/// Of so many calls one fails.
const FAILS_EACH: u64 = 9;

pub(super) struct Api {
    pub(super) quota: Limiter,
    pub(super) calls: AtomicU64,
    pub(super) is_down: AtomicBool,
}

impl Api {
    /// What `stage` makes of a word: a translation, or an example.
    pub(super) async fn call(&self, stage: &str, word: &str) -> Result<String, &'static str> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        self.quota.try_acquire("").map_err(|_| "the dictionary takes no more calls")?;
        tokio::time::sleep(Duration::from_millis(10)).await;
        if self.is_down.load(Ordering::Relaxed) || calls.is_multiple_of(FAILS_EACH) {
            return Err("the dictionary has failed");
        }
        let translation: String = word.chars().rev().collect();
        Ok(match stage {
            "translate" => translation,
            _ => format!("Somebody said {word}, and meant {translation}."),
        })
    }
}
