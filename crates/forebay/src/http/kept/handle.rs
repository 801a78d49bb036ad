//! The cache of answers as an application holds it, and its settings.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::asking::By;
use super::entry::Entry;
use super::judge::Words;
use super::why::Why;
use crate::clock::{Calendar, Clock, millis};
use crate::error::Result;
use crate::http::Asked;
use crate::keyed::{Cache, CacheEntry};

/// Bytes of all answers, unless the builder says otherwise.
const BYTES_MAX: u64 = 64 << 20;

/// Bytes of the body of one answer, unless the builder says otherwise.
const BODY_BYTES_MAX: u64 = 1 << 20;

/// The longest that an answer is kept, unless the builder says otherwise.
const TTL_MAX: Duration = Duration::from_secs(86_400);

/// How long requests go to the handler at once after an answer that was not to be kept. Without it
/// each would wait for the one before, in vain.
pub(super) const PAST_FOR: Duration = Duration::from_secs(5);

/// The same after an answer that a database could not vouch for just now, as in shadow, or before
/// the stream of a PostgreSQL server has told a write.
const LEFT_FOR: Duration = Duration::from_millis(250);

/// A handler may take as long as it does without a cache; this only ends what never ends.
const LOAD_MAX: Duration = Duration::from_secs(3_600);

/// Keeps answers of handlers in memory: a layer for tower and axum, and what it has counted. A
/// clone is cheap and is the same cache.
///
/// Put it around the routes whose answers it may keep (`route_layer`). It keeps answers to `GET`
/// that say so in `Cache-Control` (`max-age`, `s-maxage`), as RFC 9111 says of a cache that all
/// clients share, and gives them again, to `GET` and `HEAD`, as long as they are fresh **and what
/// the handler has read from databases is true**: a write that changes it ends them at once,
/// whoever made it. Of all who want the same answer at a time, one has the handler make it.
/// An answer gets an `ETag`, and who has it already is told so with 304.
///
/// An answer is not kept, and the handler asked, wherever there is a doubt:
///
/// - of the request: another method, a body, `Range`, a condition but `If-None-Match`,
///   `no-cache` or `no-store`;
/// - of the answer: another status than 200, 203, 204, 301, 308, 404 and 410; `no-store`,
///   `no-cache`, `private`; `Set-Cookie`; `Vary: *`; no freshness; a body of unknown length, such
///   as a stream, or above the bound. With `Authorization` or `Cookie` in the request it has to say
///   `public` or `s-maxage`, unless [`ResponseCacheBuilder::by`] says whose it is;
/// - of the queries: one was in a transaction or past the cache, failed, or was given up (it is
///   then not known what the answer rests on), or there was none at all.
///
/// `Forebay-Cache-Control` counts in place of `Cache-Control` and is taken out, so that a handler
/// can say `Cache-Control: no-cache` to browsers, which ask again then, and
/// `Forebay-Cache-Control: max-age=3600` to this cache, which knows when it changes. What lies in
/// between is not told of writes. `Cache-Status` (RFC 9211) says what was done.
///
/// A handler that is asked for many runs in a task of its own, and goes on when its client has
/// gone. Its task-local values are not those of the connection. What it reads in tasks that it
/// spawns is not seen unless these are wrapped in [`crate::inherit`]; what it reads elsewhere, such
/// as the time, a file or another service, is never seen. Nor is what it reads of the request
/// beside the address (host, path and query) and the headers that its answers name in `Vary`.
///
/// ```
/// use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};
/// use forebay::Db;
/// use forebay::http::ResponseCache;
///
/// async fn count(State(db): State<Db>) -> impl IntoResponse {
///     let count: i64 = db.query("SELECT count(*) FROM post").scalar().await.unwrap_or(0);
///     ([(header::CACHE_CONTROL, "public, max-age=60")], count.to_string())
/// }
///
/// # fn main() -> forebay::Result<()> {
/// let responses = ResponseCache::builder().build()?;
/// let app: Router<Db> = Router::new().route("/count", get(count)).route_layer(responses);
/// # let _ = app;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ResponseCache {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    answers: Cache,
    /// By what is asked for: the headers in which its answers differ.
    names: Cache,
    /// By key: until when requests go to the handler because a database could not vouch for what
    /// it had said. This rests on no query.
    left: Cache,
    calendar: Calendar,
    pub(super) settings: Settings,
    counts: Counts,
}

pub(super) struct Settings {
    pub(super) words: Words,
    pub(super) body_bytes_max: u64,
    pub(super) keeps_without_queries: bool,
    pub(super) by: Option<Box<By>>,
}

#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    unchanged: AtomicU64,
    made: AtomicU64,
    joined: AtomicU64,
    past: [AtomicU64; Why::ALL.len()],
}

/// Settings of a [`ResponseCache`].
#[must_use = "nothing is built until `build` is called"]
pub struct ResponseCacheBuilder {
    bytes_max: u64,
    settings: Settings,
    clock: Clock,
}

/// What a [`ResponseCache`] has done since it was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseCacheStats {
    /// Requests answered from memory.
    pub hits: u64,
    /// Requests answered with 304, from memory or not.
    pub unchanged: u64,
    /// Answers that handlers have made and that were kept.
    pub made: u64,
    /// Requests answered with what was being made for another.
    pub joined: u64,
    /// Requests that went to the handler for themselves, by reason.
    pub past: Vec<(&'static str, u64)>,
    /// Answers in memory now, and what is known of addresses.
    pub entries: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// The bound on bytes.
    pub bytes_max: u64,
    /// Answers that a write has made untrue, as far as somebody has asked for them since.
    pub invalidations: u64,
}

/// What is there for a request.
pub(super) enum Found {
    Answer(Arc<Entry>),
    Past,
    Nothing,
}

impl ResponseCacheBuilder {
    /// Bytes of all answers. Default: 64 MiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// Bytes of the body of one answer. Default: 1 MiB.
    pub fn body_bytes_max(mut self, bytes: u64) -> Self {
        self.settings.body_bytes_max = bytes;
        self
    }

    /// How long answers are fresh that say nothing of it: no `Cache-Control`, `Expires` or `Pragma`
    /// at all. Default: they are not kept.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.settings.words.ttl = Some(ttl);
        self
    }

    /// The longest that an answer is kept, whatever it says. Default: a day.
    pub fn ttl_max(mut self, ttl: Duration) -> Self {
        self.settings.words.ttl_max = ttl;
        self
    }

    /// Whose answers these are: what it says is part of the key, so that nobody else is given
    /// them, and `private` answers may be kept. `None` for nobody in particular. It has to be what
    /// a layer further out has authenticated.
    pub fn by(
        mut self,
        who: impl Fn(&Asked<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.settings.by = Some(Box::new(who));
        self
    }

    /// Keeps answers of handlers that were not seen to ask a database, too: they rest on their
    /// freshness alone, and end with a `POST`, `PUT`, `PATCH` or `DELETE` to the same address that
    /// succeeds. Default: they are not kept, since a handler may ask in a task that is not seen.
    pub fn keep_without_queries(mut self) -> Self {
        self.settings.keeps_without_queries = true;
        self
    }

    #[cfg(test)]
    pub(crate) fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// [`is_usage`](crate::Error::is_usage) when there is no room for anything.
    pub fn build(self) -> Result<ResponseCache> {
        let builder = Cache::builder("responses")
            .max_bytes(self.bytes_max)
            .ttl(self.settings.words.ttl_max)
            .refresh_ahead(Duration::ZERO)
            .load_timeout(LOAD_MAX);
        #[cfg(test)]
        let builder = builder.clock(self.clock.clone());
        let cache = builder.build()?;
        Ok(ResponseCache {
            inner: Arc::new(Inner {
                answers: cache.namespace("answers"),
                names: cache.namespace("names"),
                left: cache.namespace("left"),
                calendar: Calendar::new(self.clock),
                settings: self.settings,
                counts: Counts::default(),
            }),
        })
    }
}

impl ResponseCache {
    /// Settings.
    pub fn builder() -> ResponseCacheBuilder {
        ResponseCacheBuilder {
            bytes_max: BYTES_MAX,
            settings: Settings {
                words: Words { ttl: None, ttl_max: TTL_MAX },
                body_bytes_max: BODY_BYTES_MAX,
                keeps_without_queries: false,
                by: None,
            },
            clock: Clock::real(),
        }
    }

    /// Drops all answers. What is being made is not kept.
    pub async fn clear(&self) {
        // There are no tiers that could fail to acknowledge it.
        let _ = self.inner.answers.clear().await;
    }

    /// What it has done.
    pub fn stats(&self) -> ResponseCacheStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.inner.counts;
        let past = Why::ALL.iter().map(|why| (why.word(), read(&counts.past[*why as usize])));
        let kept = self.inner.answers.stats();
        ResponseCacheStats {
            hits: read(&counts.hits),
            unchanged: read(&counts.unchanged),
            made: read(&counts.made),
            joined: read(&counts.joined),
            past: past.filter(|(_, count)| *count > 0).collect(),
            entries: kept.entries,
            bytes: kept.bytes,
            bytes_max: kept.bytes_max,
            invalidations: kept.drops.untrue,
        }
    }
}

impl Inner {
    pub(super) fn now_ms(&self) -> u64 {
        self.calendar.now_ms()
    }

    /// The headers in which answers of this address were seen to differ.
    pub(super) async fn names(&self, base: &[u8]) -> Arc<Vec<String>> {
        self.names.get(base).await.unwrap_or_default()
    }

    pub(super) async fn learn(&self, base: &[u8], names: Vec<String>) {
        self.names.set(base, names).await;
    }

    /// What lies under a key. What is not fresh any more is dropped.
    pub(super) async fn find(&self, key: &[u8]) -> Found {
        let now_ms = self.now_ms();
        let Some(entry) = self.answers.get::<Entry>(key).await else {
            let until_ms = self.left.get::<u64>(key).await;
            let is_left = until_ms.is_some_and(|until_ms| now_ms < *until_ms);
            return if is_left { Found::Past } else { Found::Nothing };
        };
        match &*entry {
            Entry::Answer(answer) if answer.is_fresh(now_ms) => return Found::Answer(entry),
            Entry::Past { until_ms } if now_ms < *until_ms => return Found::Past,
            Entry::Answer(_) | Entry::Past { .. } => {}
        }
        // Without tiers it is always acknowledged.
        let _ = self.answers.delete(key).await;
        Found::Nothing
    }

    /// Has requests go to the handler, each for itself, for a moment.
    pub(super) async fn leave(&self, key: &[u8]) {
        let until_ms = self.now_ms().saturating_add(millis(LEFT_FOR));
        self.left.set(key, until_ms).await;
    }

    pub(super) fn entry<'a>(&'a self, key: &[u8], tag: &str) -> CacheEntry<'a> {
        self.answers.entry(key).tag(tag)
    }

    /// Drops the answers of an address.
    pub(super) async fn spoil(&self, tag: &str) {
        let _ = self.answers.delete_by_tag(tag).await;
    }

    pub(super) fn count_hit(&self) {
        self.counts.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_unchanged(&self) {
        self.counts.unchanged.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_made(&self) {
        self.counts.made.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_joined(&self) {
        self.counts.joined.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_past(&self, why: Why) {
        self.counts.past[why as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCache").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl fmt::Debug for ResponseCacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes_max = self.bytes_max;
        f.debug_struct("ResponseCacheBuilder")
            .field("bytes_max", &bytes_max)
            .finish_non_exhaustive()
    }
}
