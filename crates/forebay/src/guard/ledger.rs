//! What the keys of a limiter have used: single-threaded, given the time. A key whose places have
//! all been given back is forgotten, which changes no answer; others are never forgotten, or who
//! makes up keys could have a quota begin anew.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::sync::Semaphore;

use super::quota::{Nanos, Quota, Used, Verdict};

/// Below so many keys, forgetting some would cost more than they take.
const SWEEP_MIN: usize = 64;

/// How long no new key is taken in after a look at all keys that has found none to forget, so that
/// made-up keys cannot have them looked at all the time.
const SWEEP_PAUSE: Duration = Duration::from_millis(100);

/// Whose turn it is among those who wait for one key: one permit, given in order.
pub(super) type Line = Arc<Semaphore>;

/// The keys in use, whole, so that no two can be taken for one.
#[derive(Debug)]
pub(super) struct Ledger {
    quota: Quota,
    keys: HashMap<Box<[u8]>, Account, RandomState>,
    keys_max: usize,
    /// As many keys as this are looked through for some to forget.
    sweep_at: usize,
    /// No new key is taken in before.
    full_until: Nanos,
    pub(super) admitted: u64,
    pub(super) refused: u64,
    /// Of those admitted, who had to wait.
    pub(super) waited: u64,
    /// Callers in line, for all keys.
    pub(super) waiting: usize,
}

/// What one key has used, and who waits for it.
#[derive(Debug)]
struct Account {
    used: Used,
    line: Option<Line>,
    /// Callers in line, and the places that they want.
    waiting: usize,
    wanted: u64,
}

/// How a caller may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) wait_max: Nanos,
    /// Callers that may wait for one key.
    pub(super) waiting_max: usize,
}

/// Why places were not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// They are free in so many nanoseconds.
    Wait(Nanos),
    /// There are never so many.
    Never,
    /// No other key can be kept for so many nanoseconds.
    Full(Nanos),
}

/// What became of a caller who would wait.
#[derive(Debug)]
pub(super) enum Joined {
    Admitted,
    InLine(Line),
}

impl Ledger {
    pub(super) fn new(quota: Quota, keys_max: usize) -> Ledger {
        Ledger {
            quota,
            keys: HashMap::default(),
            keys_max,
            sweep_at: SWEEP_MIN.min(keys_max),
            full_until: 0,
            admitted: 0,
            refused: 0,
            waited: 0,
            waiting: 0,
        }
    }

    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Takes `cost` places for `key`, after those who wait in line.
    pub(super) fn take(&mut self, key: &[u8], cost: u32, now: Nanos) -> Result<(), Refusal> {
        let taken = self.judge(key, cost, now).and_then(|()| self.book(key, cost, now));
        self.count(taken.is_ok());
        taken
    }

    /// Whether they could be taken.
    pub(super) fn judge(&self, key: &[u8], cost: u32, now: Nanos) -> Result<(), Refusal> {
        let verdict = match self.keys.get(key) {
            Some(account) => self.quota.judge(&account.used, now, cost, account.wanted),
            None => self.quota.judge(&self.quota.unused(), now, cost, 0),
        };
        match verdict {
            Verdict::Admitted => Ok(()),
            Verdict::Wait(wait) => Err(Refusal::Wait(wait)),
            Verdict::Never => Err(Refusal::Never),
        }
    }

    /// Places that `key` could take now.
    pub(super) fn available(&self, key: &[u8], now: Nanos) -> u32 {
        match self.keys.get(key) {
            Some(account) => self.quota.available(&account.used, now, account.wanted),
            None => self.quota.available(&self.quota.unused(), now, 0),
        }
    }

    /// What is left of each window for `key`.
    #[cfg(feature = "http")]
    pub(super) fn left(&self, key: &[u8], now: Nanos) -> smallvec::SmallVec<[super::Left; 2]> {
        match self.keys.get(key) {
            Some(account) => self.quota.left(&account.used, now, account.wanted),
            None => self.quota.left(&self.quota.unused(), now, 0),
        }
    }

    /// Takes `cost` places, or a place in line, if the wait is likely to be short enough.
    pub(super) fn join(
        &mut self,
        key: &[u8],
        cost: u32,
        now: Nanos,
        patience: Patience,
    ) -> Result<Joined, Refusal> {
        let refusal = match self.judge(key, cost, now).and_then(|()| self.book(key, cost, now)) {
            Ok(()) => {
                self.count(true);
                return Ok(Joined::Admitted);
            }
            Err(refusal) => refusal,
        };
        if let (Refusal::Wait(wait), Some(account)) = (refusal, self.keys.get_mut(key))
            && wait <= patience.wait_max
            && account.waiting < patience.waiting_max
        {
            account.waiting += 1;
            account.wanted += u64::from(cost);
            self.waiting += 1;
            let line = account.line.get_or_insert_with(|| Arc::new(Semaphore::new(1)));
            return Ok(Joined::InLine(line.clone()));
        }
        self.count(false);
        Err(refusal)
    }

    /// Takes the places of the first in line, who has left it then; or how long it has to wait yet.
    pub(super) fn take_first(&mut self, key: &[u8], cost: u32, now: Nanos) -> Result<(), Nanos> {
        let Some(account) = self.keys.get_mut(key) else { return Ok(()) };
        match self.quota.judge(&account.used, now, cost, 0) {
            Verdict::Wait(wait) => return Err(wait),
            // Never: only what may be at once gets in line.
            Verdict::Admitted | Verdict::Never => self.quota.take(&mut account.used, now, cost),
        }
        self.count(true);
        self.waited += 1;
        self.leave(key, cost);
        Ok(())
    }

    /// A caller waits no more.
    pub(super) fn give_up(&mut self, key: &[u8], cost: u32) {
        self.count(false);
        self.leave(key, cost);
    }

    fn leave(&mut self, key: &[u8], cost: u32) {
        let Some(account) = self.keys.get_mut(key) else { return };
        account.waiting -= 1;
        account.wanted -= u64::from(cost);
        if account.waiting == 0 {
            account.line = None;
        }
        self.waiting -= 1;
    }

    fn count(&mut self, is_admitted: bool) {
        match is_admitted {
            true => self.admitted += 1,
            false => self.refused += 1,
        }
    }

    /// Writes down that `key` has taken `cost` places, which it may.
    fn book(&mut self, key: &[u8], cost: u32, now: Nanos) -> Result<(), Refusal> {
        if let Some(account) = self.keys.get_mut(key) {
            self.quota.take(&mut account.used, now, cost);
            return Ok(());
        }
        self.make_room(now)?;
        let mut used = self.quota.unused();
        self.quota.take(&mut used, now, cost);
        let account = Account { used, line: None, waiting: 0, wanted: 0 };
        self.keys.insert(key.into(), account);
        Ok(())
    }

    /// Sees to it that another key fits in. Over many keys it looks at each a bounded number of
    /// times, since it looks again only when twice as many are there as were left.
    fn make_room(&mut self, now: Nanos) -> Result<(), Refusal> {
        if self.keys.len() < self.sweep_at {
            return Ok(());
        }
        if now < self.full_until {
            return Err(Refusal::Full(self.full_until - now));
        }
        self.keys.retain(|_, account| account.waiting > 0 || !Quota::is_unused(&account.used, now));
        let kept = self.keys.len();
        self.sweep_at = (2 * kept).max(SWEEP_MIN).min(self.keys_max);
        self.keys.shrink_to(self.sweep_at);
        if kept < self.keys_max {
            return Ok(());
        }
        let pause = u64::try_from(SWEEP_PAUSE.as_nanos()).unwrap_or(u64::MAX);
        let first = self.keys.values().map(|account| Quota::unused_at(&account.used)).min();
        self.full_until = first.unwrap_or(0).max(now.saturating_add(pause));
        Err(Refusal::Full(self.full_until - now))
    }
}
