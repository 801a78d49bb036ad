//! What stands for the dictionary that one pays for: it is slow, fails now and then, takes only so
//! many calls a second, and can be switched off to see what happens then.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use forebay::Limiter;

/// How long a call takes.
const SLOWNESS: Duration = Duration::from_millis(10);

/// Of so many calls one fails.
const FAILS_EACH: u64 = 9;

pub(crate) struct Api {
    pub(crate) quota: Limiter,
    pub(crate) calls: AtomicU64,
    pub(crate) is_down: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct ApiError(pub(crate) &'static str);

impl Api {
    /// What `stage` makes of a word: a translation, or an example.
    pub(crate) async fn call(&self, stage: &str, word: &str) -> Result<String, ApiError> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        self.quota.try_acquire("").map_err(|_| ApiError("too many calls"))?;
        tokio::time::sleep(SLOWNESS).await;
        if self.is_down.load(Ordering::Relaxed) || calls.is_multiple_of(FAILS_EACH) {
            return Err(ApiError("it failed"));
        }
        let translation: String = word.chars().rev().collect();
        Ok(match stage {
            "translate" => translation,
            _ => format!("Somebody said {word}, and meant {translation}."),
        })
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the dictionary has not answered: {}", self.0)
    }
}

impl std::error::Error for ApiError {}
