//! The times of an entry: until when it is fresh, for how long it may be given when it is not, and
//! when it should be loaded again. Plain arithmetic over a time that is passed in.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::policy::Policy;

/// Nanoseconds since the cache was built.
pub(crate) type Moment = u64;

const NEVER: Moment = u64::MAX;

/// How long a load behind a hit is not tried again after it has been begun: one that fails would
/// otherwise be begun by every hit.
const RETRY: Duration = Duration::from_secs(1);

/// A use is noted again after this part of the idle time, so that hits seldom write.
const USE_NOTED: u64 = 64;

/// The times of one entry.
#[derive(Debug)]
pub(crate) struct Life {
    ttl: u64,
    /// How long its load took.
    took: u64,
    idle: u64,
    stale_while_revalidate: u64,
    stale_if_error: u64,
    ahead: u64,
    /// How long the load took, times beta: 0 for no early refresh.
    early: f64,
    expires: AtomicU64,
    used: AtomicU64,
    /// No load behind a hit is begun before.
    retry: AtomicU64,
    /// How often it was asked for, about: what meets at the same time may count as one.
    asked: AtomicU32,
    /// Since when it is known that what it rests on has changed; 0 if it is not.
    untrue: AtomicU64,
}

/// What is kept: a value, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Value,
    Nothing,
}

/// When a load began, and how long it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaded {
    pub(crate) began: Moment,
    pub(crate) took: Duration,
}

impl Life {
    /// `chance` is a random number from 0 to below 1.
    pub(crate) fn new(policy: &Policy, holds: Holds, loaded: Loaded, chance: f64) -> Life {
        let ttl = match holds {
            Holds::Value => policy.ttl.map_or(NEVER, nanos),
            Holds::Nothing => nanos(policy.negative_ttl),
        };
        let ttl = shortened(ttl, policy.jitter * chance);
        Life {
            ttl,
            took: nanos(loaded.took),
            idle: policy.idle.map_or(NEVER, nanos),
            stale_while_revalidate: nanos(policy.stale_while_revalidate),
            stale_if_error: nanos(policy.stale_if_error),
            ahead: nanos(policy.refresh_ahead).min(ttl / 2),
            early: nanos(loaded.took) as f64 * policy.early_refresh,
            expires: AtomicU64::new(loaded.began.saturating_add(ttl)),
            used: AtomicU64::new(loaded.began.saturating_add(nanos(loaded.took))),
            retry: AtomicU64::new(0),
            asked: AtomicU32::new(0),
            untrue: AtomicU64::new(0),
        }
    }

    /// The life of what was kept elsewhere: it was to be fresh for `ttl`, of which `left` is left.
    pub(crate) fn restored(
        policy: &Policy,
        ttl: Duration,
        left: Duration,
        took: Duration,
        now: Moment,
    ) -> Life {
        let policy = Policy { ttl: Some(ttl), jitter: 0.0, ..*policy };
        let life = Life::new(&policy, Holds::Value, Loaded { began: now, took }, 0.0);
        life.expires.store(now.saturating_add(nanos(left)), Ordering::Relaxed);
        life.used.store(now, Ordering::Relaxed);
        life
    }

    /// How long it was to be fresh; `Duration::MAX` if nothing was to end it.
    pub(crate) fn ttl(&self) -> Duration {
        duration(self.ttl)
    }

    /// How long its load took.
    pub(crate) fn took(&self) -> Duration {
        duration(self.took)
    }

    /// When it expires, unless it is used or touched before.
    pub(crate) fn expires(&self) -> Moment {
        let idle = match self.idle {
            NEVER => NEVER,
            idle => self.used.load(Ordering::Relaxed).saturating_add(idle),
        };
        self.expires.load(Ordering::Relaxed).min(idle)
    }

    #[inline]
    pub(crate) fn is_expired(&self, now: Moment) -> bool {
        now >= self.expires()
    }

    /// How long it is still fresh; `Duration::MAX` if nothing ends it.
    pub(crate) fn left(&self, now: Moment) -> Duration {
        match self.expires() {
            NEVER => Duration::MAX,
            expires => Duration::from_nanos(expires.saturating_sub(now)),
        }
    }

    /// Whether it may be given while it is loaded again, after its expiry.
    pub(crate) fn is_stale(&self, now: Moment) -> bool {
        now < self.expires().saturating_add(self.stale_while_revalidate)
    }

    /// Whether it may be given because its load has failed.
    pub(crate) fn is_fallback(&self, now: Moment) -> bool {
        let end = match self.untrue.load(Ordering::Relaxed) {
            0 => self.expires(),
            untrue => untrue.min(self.expires()),
        };
        self.stale_if_error > 0 && now < end.saturating_add(self.stale_if_error)
    }

    /// Whether nobody can be given it any more.
    pub(crate) fn is_over(&self, now: Moment) -> bool {
        self.is_expired(now) && !self.is_stale(now) && !self.is_fallback(now)
    }

    /// Notes that it is asked for.
    #[inline]
    pub(crate) fn note_use(&self, now: Moment) {
        let asked = self.asked.load(Ordering::Relaxed).saturating_add(1);
        // No locked instruction: a hit has to be cheap, and the number only compares.
        self.asked.store(asked, Ordering::Relaxed);
        if self.idle == NEVER {
            return;
        }
        let used = self.used.load(Ordering::Relaxed);
        if now.saturating_sub(used) > self.idle / USE_NOTED {
            self.used.fetch_max(now, Ordering::Relaxed);
        }
    }

    /// How often it was asked for, about.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Carries half of the askings over of what stood in its place.
    pub(crate) fn asked_before(&self, before: u32) {
        let asked = self.asked().saturating_add(before / 2);
        self.asked.store(asked, Ordering::Relaxed);
    }

    /// Begins its time anew.
    pub(crate) fn touch(&self, now: Moment) {
        self.expires.fetch_max(now.saturating_add(self.ttl), Ordering::Relaxed);
        self.used.fetch_max(now, Ordering::Relaxed);
    }

    /// Takes over the expiry of what stood in its place.
    pub(crate) fn expire_with(&self, before: &Life) {
        self.expires.store(before.expires.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Whether a hit should begin a load behind it. `chance` is asked for a random number from 0
    /// to below 1.
    pub(crate) fn is_due(&self, now: Moment, chance: impl FnOnce() -> f64) -> bool {
        let expires = self.expires.load(Ordering::Relaxed);
        if expires == NEVER {
            return false;
        }
        if now.saturating_add(self.ahead) >= expires && self.ahead > 0 {
            return true;
        }
        if self.early == 0.0 {
            return false;
        }
        // 1 - chance lies above 0, so that its logarithm is finite.
        let gap = -self.early * (1.0 - chance()).ln();
        now as f64 + gap >= expires as f64
    }

    /// Takes the right to begin a load behind a hit; one has it for some time.
    pub(crate) fn take_turn(&self, now: Moment) -> bool {
        let retry = self.retry.load(Ordering::Relaxed);
        now >= retry
            && self
                .retry
                .compare_exchange(
                    retry,
                    now.saturating_add(nanos(RETRY)),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    /// Notes whether what it rests on is as it was.
    pub(crate) fn note_true(&self, is_true: bool, now: Moment) {
        match (is_true, self.untrue.load(Ordering::Relaxed)) {
            (true, 0) | (false, 1..) => {}
            (true, _) => self.untrue.store(0, Ordering::Relaxed),
            (false, 0) => self.untrue.store(now.max(1), Ordering::Relaxed),
        }
    }
}

fn duration(nanos: u64) -> Duration {
    if nanos == NEVER { Duration::MAX } else { Duration::from_nanos(nanos) }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(NEVER)
}

/// `ttl` less a part of it.
fn shortened(ttl: u64, part: f64) -> u64 {
    match ttl {
        NEVER => NEVER,
        ttl => ttl - ((ttl as f64 * part.clamp(0.0, 1.0)) as u64).min(ttl),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The life of what was loaded at 100 s within 2 s.
    fn life(change: impl FnOnce(&mut Policy), holds: Holds, chance: f64) -> Life {
        let mut policy = Policy { refresh_ahead: Duration::ZERO, ..Policy::default() };
        change(&mut policy);
        let loaded = Loaded { began: 100 * SECOND, took: secs(2) };
        Life::new(&policy, holds, loaded, chance)
    }

    #[test]
    fn the_ttl_counts_from_when_the_load_began_less_the_jitter() {
        let check = |policy: Policy, holds, chance, expect: u64| {
            let life = life(|own| *own = policy, holds, chance);
            assert_eq!(life.expires(), expect);
            assert!(!life.is_expired(expect - 1));
            assert!(expect == NEVER || life.is_expired(expect));
        };
        let policy = Policy { ttl: Some(secs(10)), ..Policy::default() };
        check(policy, Holds::Value, 0.0, 110 * SECOND);
        check(Policy { jitter: 0.5, ..policy }, Holds::Value, 0.5, 107 * SECOND + SECOND / 2);
        check(policy, Holds::Nothing, 0.0, 160 * SECOND);
        check(Policy { ttl: None, jitter: 0.5, ..policy }, Holds::Value, 0.9, NEVER);
        check(Policy { ttl: Some(Duration::MAX), ..policy }, Holds::Value, 0.0, NEVER);
        check(Policy { idle: Some(secs(3)), ..policy }, Holds::Value, 0.0, 105 * SECOND);
    }

    #[test]
    fn what_comes_from_elsewhere_has_the_time_that_is_left() {
        let policy = Policy { idle: None, ..Policy::default() };
        let check = |ttl: Duration, left: Duration, expires: u64| {
            let life = Life::restored(&policy, ttl, left, secs(2), 100 * SECOND);
            assert_eq!((life.expires(), life.ttl(), life.took()), (expires, ttl, secs(2)));
        };
        check(secs(10), secs(3), 103 * SECOND);
        check(secs(10), Duration::ZERO, 100 * SECOND);
        check(Duration::MAX, Duration::MAX, NEVER);
        let life = Life::restored(&policy, secs(10), secs(3), secs(2), 100 * SECOND);
        life.touch(102 * SECOND);
        assert_eq!(life.expires(), 112 * SECOND);
    }

    #[test]
    fn uses_and_touches_put_the_expiry_off() {
        let both =
            |policy: &mut Policy| (policy.ttl, policy.idle) = (Some(secs(10)), Some(secs(4)));
        let life = life(both, Holds::Value, 0.0);
        life.note_use(105 * SECOND);
        assert_eq!(life.expires(), 109 * SECOND);
        life.note_use(108 * SECOND);
        assert_eq!(life.expires(), 110 * SECOND, "the ttl holds as well");
        life.touch(109 * SECOND);
        assert_eq!(life.expires(), 113 * SECOND);
        life.note_use(112 * SECOND);
        life.note_use(115 * SECOND);
        assert_eq!(life.left(115 * SECOND), secs(4));
    }

    #[test]
    fn what_has_expired_is_given_as_long_as_the_words_say() {
        let words = |policy: &mut Policy| {
            policy.ttl = Some(secs(10));
            policy.stale_while_revalidate = secs(5);
            policy.stale_if_error = secs(20);
        };
        let kept = life(words, Holds::Value, 0.0);
        for (second, stale, fallback, over) in [
            (109, true, true, false),
            (114, true, true, false),
            (115, false, true, false),
            (129, false, true, false),
            (130, false, false, true),
        ] {
            let now = second * SECOND;
            assert_eq!(kept.is_stale(now), stale, "stale at {second}");
            assert_eq!(kept.is_fallback(now), fallback, "fallback at {second}");
            assert_eq!(kept.is_over(now), over, "over at {second}");
        }
        kept.note_true(false, 102 * SECOND);
        kept.note_true(false, 108 * SECOND);
        assert!(kept.is_fallback(121 * SECOND));
        assert!(!kept.is_fallback(122 * SECOND), "20 s after it had become untrue");
        kept.note_true(true, 122 * SECOND);
        assert!(kept.is_fallback(122 * SECOND));
    }

    #[test]
    fn a_refresh_is_due_shortly_before_the_expiry() {
        let check = |ahead: u64, ttl: Option<u64>, due_from: Option<u64>| {
            let words = |policy: &mut Policy| {
                policy.ttl = ttl.map(secs);
                policy.refresh_ahead = secs(ahead);
            };
            let life = life(words, Holds::Value, 0.0);
            for second in 100..200 {
                let expect = due_from.is_some_and(|from| second >= from);
                let due = life.is_due(second * SECOND, || unreachable!("no early refresh"));
                assert_eq!(due, expect, "{ahead} s ahead of {ttl:?} at {second}");
            }
        };
        check(0, Some(10), None);
        check(3, Some(10), Some(107));
        check(60, Some(10), Some(105));
        check(60, None, None);
    }

    #[test]
    fn an_early_refresh_is_the_likelier_the_nearer_the_expiry() {
        let words = |policy: &mut Policy| {
            policy.ttl = Some(secs(10));
            policy.early_refresh = 1.0;
        };
        let life = life(words, Holds::Value, 0.0);
        // delta is 2 s: 2 * -ln(1 - chance) has to reach what is left.
        for (second, chance, expect) in [
            (100, 0.99, false),
            (100, 0.994, true),
            (108, 0.6, false),
            (108, 0.64, true),
            (110, 0.0, true),
        ] {
            let due = life.is_due(second * SECOND, || chance);
            assert_eq!(due, expect, "at {second} with {chance}");
        }
    }

    #[test]
    fn askings_are_counted_and_half_of_them_carry_over() {
        let (before, after) = (life(|_| (), Holds::Value, 0.0), life(|_| (), Holds::Value, 0.0));
        (0..5).for_each(|_| before.note_use(0));
        after.note_use(0);
        after.asked_before(before.asked());
        assert_eq!((before.asked(), after.asked()), (5, 3));
        before.asked.store(u32::MAX, Ordering::Relaxed);
        before.note_use(0);
        after.asked_before(before.asked());
        assert_eq!((before.asked(), after.asked()), (u32::MAX, u32::MAX / 2 + 3));
    }

    #[test]
    fn a_turn_is_given_once_in_a_while() {
        let life = life(|_| (), Holds::Value, 0.0);
        assert!(life.take_turn(100 * SECOND));
        assert!(!life.take_turn(100 * SECOND));
        assert!(!life.take_turn(101 * SECOND - 1));
        assert!(life.take_turn(101 * SECOND));
    }
}
