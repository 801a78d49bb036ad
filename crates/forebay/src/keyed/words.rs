//! The words that a cache and a single entry have in common, written once.

/// Setters for the fields of a `policy`.
macro_rules! words {
    () => {
        /// From when its load began to its expiry. Default: an hour.
        pub fn ttl(mut self, ttl: Duration) -> Self {
            self.policy.ttl = Some(ttl);
            self
        }

        /// No expiry. What rests on queries of which something cannot be vouched for is then not
        /// kept at all.
        pub fn no_ttl(mut self) -> Self {
            self.policy.ttl = None;
            self
        }

        /// Shortens each ttl by a random part of at most `part` of it, from 0 to below 1, so that
        /// what was loaded together does not expire together. Default: 0.
        pub fn jitter(mut self, part: f64) -> Self {
            self.policy.jitter = part;
            self
        }

        /// Not asked for so long: expired. Uses are noted to 1/64 of it. Default: none.
        pub fn time_to_idle(mut self, idle: Duration) -> Self {
            self.policy.idle = Some(idle);
            self
        }

        /// For so long after its expiry a value is given at once by `get_or_load` and its like, and
        /// one load runs behind it. A value that a write has made untrue, or that was deleted, is
        /// not given. Default: 0.
        pub fn stale_while_revalidate(mut self, time: Duration) -> Self {
            self.policy.stale_while_revalidate = time;
            self
        }

        /// For so long after its expiry, or after it was noticed that a write has made it untrue,
        /// a value is given when its load fails. A value that was deleted is not. Default: 0.
        pub fn stale_if_error(mut self, time: Duration) -> Self {
            self.policy.stale_if_error = time;
            self
        }

        /// A `get_or_load` that finds a value so shortly before its expiry begins a load behind it,
        /// at most once a second; at most half of the ttl. So what is in use never expires, and
        /// what is not in use is not loaded again. Default: 60 s; zero for none.
        pub fn refresh_ahead(mut self, time: Duration) -> Self {
            self.policy.refresh_ahead = time;
            self
        }

        /// The same by chance, the likelier the nearer the expiry and the longer the load took, so
        /// that many processes do not begin at one time (XFetch). A `beta` of 1 is right for most;
        /// more means earlier. Default: 0, off.
        pub fn early_refresh(mut self, beta: f64) -> Self {
            self.policy.early_refresh = beta;
            self
        }

        /// The ttl of "there is none"; zero keeps none. Default: 60 s.
        pub fn negative_ttl(mut self, ttl: Duration) -> Self {
            self.policy.negative_ttl = ttl;
            self
        }

        /// What is loaded does not rest on the queries that were run to make it: it only expires.
        pub fn ttl_only(mut self) -> Self {
            self.policy.ttl_only = true;
            self
        }

        /// A load that takes longer is stopped at its next await, and its callers get an error that
        /// [`is_timeout`](crate::Error::is_timeout). Default: 30 s.
        pub fn load_timeout(mut self, limit: Duration) -> Self {
            self.policy.load_timeout = limit;
            self
        }

        /// Asks `breaker` before each load, and tells it how the load ends: with an error, a panic,
        /// or past its time it has failed. What the cache answers does not ask it. While the
        /// circuit is open, callers are given a value that is still allowed by `stale_if_error`,
        /// or an error that [`is_circuit_open`](crate::Error::is_circuit_open).
        pub fn guarded_by(mut self, breaker: &Breaker) -> Self {
            self.guards.breaker = Some(breaker.clone());
            self
        }

        /// Asks `limiter` before each load whether `key` may have another; else as `guarded_by`,
        /// with [`is_rate_limited`](crate::Error::is_rate_limited).
        pub fn limited_by(mut self, limiter: &Limiter, key: impl AsRef<[u8]>) -> Self {
            self.guards.limit = Some((limiter.clone(), key.as_ref().into()));
            self
        }

        /// Lets only so many loads be at work at once as `bulkhead` does; else as `guarded_by`,
        /// with [`is_overloaded`](crate::Error::is_overloaded). Waiting in line is part of the time
        /// that a load may take.
        pub fn bulkhead(mut self, bulkhead: &Bulkhead) -> Self {
            self.guards.bulkhead = Some(bulkhead.clone());
            self
        }
    };
}

pub(super) use words;
