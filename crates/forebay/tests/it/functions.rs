//! Functions that ask a cache, and functions that delete from one.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use forebay::{Breaker, Cache, Error, Limiter, Quota, cached, invalidates};
use proptest::prelude::*;

fn cache() -> Cache {
    Cache::builder("functions").build().unwrap()
}

/// How often bodies were run.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicU32>);

impl Runs {
    fn note(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// An error that can be copied.
#[derive(Clone, Debug, PartialEq)]
enum Missing {
    Row(u32),
    Cache(String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Missing {}

impl From<Error> for Missing {
    fn from(error: Error) -> Missing {
        Missing::Cache(error.to_string())
    }
}

/// An error that cannot.
#[derive(Debug)]
struct Once(Option<Error>);

impl fmt::Display for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("once")
    }
}

impl std::error::Error for Once {}

impl From<Error> for Once {
    fn from(error: Error) -> Once {
        Once(Some(error))
    }
}

/// The application that owns a cache.
#[derive(Clone)]
struct App {
    cache: Cache,
    runs: Runs,
}

impl App {
    fn new() -> App {
        App { cache: cache(), runs: Runs::default() }
    }
}

/// Functions of all shapes. Each gives its argument back, and notes that it was run.
mod shapes {
    use super::*;

    impl App {
        #[cached("plain:{n}")]
        pub(super) async fn plain(&self, n: u32) -> u32 {
            self.runs.note();
            n
        }

        #[cached("shared:{n}")]
        pub(super) async fn shared(&self, n: u32) -> Arc<u32> {
            self.runs.note();
            Arc::new(n)
        }

        #[cached("result:{n}")]
        pub(super) async fn result(&self, n: u32) -> Result<u32, Error> {
            self.runs.note();
            Ok(n)
        }

        #[cached("shared-result:{n}")]
        pub(super) async fn shared_result(&self, n: u32) -> forebay::Result<Arc<u32>> {
            self.runs.note();
            Ok(Arc::new(n))
        }

        #[cached("option:{n}")]
        pub(super) async fn option(&self, n: u32) -> Option<u32> {
            self.runs.note();
            (n > 0).then_some(n)
        }

        #[cached("result-option:{n}")]
        pub(super) async fn result_option(&self, n: u32) -> Result<Option<Arc<u32>>, Error> {
            self.runs.note();
            Ok((n > 0).then(|| Arc::new(n)))
        }

        #[cached("here:{n}")]
        pub(super) fn here(&self, n: u32) -> u32 {
            self.runs.note();
            n
        }

        #[cached("here-result:{n}")]
        pub(super) fn here_result(&self, n: u32) -> Result<Arc<u32>, Error> {
            self.runs.note();
            Ok(Arc::new(n))
        }

        #[cached("here-option:{n}")]
        pub(super) fn here_option(&self, n: u32) -> Option<u32> {
            self.runs.note();
            (n > 0).then_some(n)
        }
    }
}

#[tokio::test]
async fn a_function_of_any_shape_is_run_once_for_its_arguments() {
    let app = App::new();
    // Called with 0 and 1, each twice: two runs.
    async fn check<T: fmt::Debug + PartialEq>(
        app: &App,
        call: impl AsyncFn(u32) -> T,
        expect: [T; 2],
    ) {
        let before = app.runs.count();
        for (n, expect) in [0, 1].into_iter().zip(&expect) {
            assert_eq!(call(n).await, *expect);
            assert_eq!(call(n).await, *expect);
        }
        assert_eq!(app.runs.count() - before, 2, "{expect:?}");
    }
    check(&app, async |n| app.plain(n).await, [0, 1]).await;
    check(&app, async |n| *app.shared(n).await, [0, 1]).await;
    check(&app, async |n| app.result(n).await.unwrap(), [0, 1]).await;
    check(&app, async |n| *app.shared_result(n).await.unwrap(), [0, 1]).await;
    check(&app, async |n| app.option(n).await, [None, Some(1)]).await;
    let option = async |n| app.result_option(n).await.unwrap().as_deref().copied();
    check(&app, option, [None, Some(1)]).await;
    check(&app, async |n| app.here(n), [0, 1]).await;
    check(&app, async |n| *app.here_result(n).unwrap(), [0, 1]).await;
    check(&app, async |n| app.here_option(n), [None, Some(1)]).await;
    let (a, b) = (app.shared(1).await, app.shared(1).await);
    assert!(Arc::ptr_eq(&a, &b), "what is shared is not copied");
}

/// Arguments and generics of all kinds.
mod arguments {
    use super::*;

    pub(super) struct Pair<A, B>(pub(super) A, pub(super) B);

    /// Is lent, and cannot be copied.
    pub(super) struct Ticket {
        pub(super) id: u32,
    }

    #[cached("own:{a}:{b}:{c:?}:{d.id}", cache = *cache)]
    pub(super) async fn all<'a, T>(
        cache: &Cache,
        mut a: String,
        b: &'a str,
        c: Option<&[u8]>,
        d: &Ticket,
        Pair(e, mut f): Pair<T, u8>,
        g: impl Fn(&str) -> usize + Send + 'static,
    ) -> Result<String, Error>
    where
        T: fmt::Display + Send + 'static,
    {
        a.push('!');
        f += 1;
        tokio::task::yield_now().await;
        Ok(format!("{a} {b} {c:?} {e} {f} {}", g(b)))
    }

    #[cached("here:{a}:{b.0}", cache = cache)]
    pub(super) fn here(
        cache: &Cache,
        mut a: String,
        b: Pair<u8, &str>,
        c: &mut Vec<u8>,
    ) -> Result<String, Error> {
        a.push('!');
        c.push(1);
        let Pair(number, text) = b;
        if number == 0 {
            return Ok("early".to_owned());
        }
        Ok(format!("{a} {number} {text}"))
    }

    #[cached("generic:{value}")]
    pub(super) fn generic<T>(cache: &Cache, value: T) -> T
    where
        T: forebay::Cacheable + Clone + fmt::Display,
    {
        value
    }

    #[cached("generic-async:{value:?}")]
    pub(super) async fn generic_async<T, E>(cache: &Cache, value: &T) -> Result<Option<T>, E>
    where
        T: forebay::Cacheable + Clone + fmt::Debug,
        E: std::error::Error + From<Error> + Send + Sync + 'static,
    {
        Ok(Some(value.clone()))
    }

    pub(super) trait Rates {
        fn rate(&self, of: &str) -> impl Future<Output = Result<f64, Error>> + Send;
        fn name(&self) -> String;
    }

    impl Rates for App {
        #[cached("rate:{of}")]
        async fn rate(&self, of: &str) -> Result<f64, Error> {
            let rate = f64::from(self.runs.note());
            assert_eq!(of, "EUR");
            Ok(rate)
        }

        #[cached(key = b"name")]
        fn name(&self) -> String {
            format!("{} runs", self.runs.note())
        }
    }

    #[derive(Clone)]
    pub(super) struct Of<T> {
        pub(super) cache: Cache,
        pub(super) inner: T,
    }

    impl<T: fmt::Display + Clone + Send + Sync + 'static> Of<T> {
        #[cached("inner:{self.inner}")]
        pub(super) async fn text(self: &Arc<Self>) -> Arc<String> {
            Arc::new(self.inner.to_string())
        }

        #[cached("owned:{self.inner}")]
        pub(super) async fn taken(self, n: u32) -> Result<String, Error> {
            let Of { inner, .. } = self;
            Ok(format!("{inner} {n}"))
        }
    }
}

#[tokio::test]
async fn arguments_may_be_lent_moved_taken_apart_and_generic() {
    use arguments::{Of, Pair, Rates, Ticket, all, generic, generic_async, here};
    let cache = cache();
    let call = |e: &'static str| {
        let length = |text: &str| text.len();
        let ticket = Box::leak(Box::new(Ticket { id: 3 }));
        all(&cache, "a".to_owned(), "b", Some(b"c"), ticket, Pair(e, 5), length)
    };
    let expect = "a! b Some([99]) e 6 1";
    assert_eq!(call("e").await.unwrap(), expect);
    assert_eq!(call("not in the key").await.unwrap(), expect);
    assert!(cache.contains("own:a:b:Some%28%5B99%5D%29:3").await);

    let mut seen = Vec::new();
    assert_eq!(here(&cache, "a".to_owned(), Pair(1, "b"), &mut seen).unwrap(), "a! 1 b");
    assert_eq!(here(&cache, "a".to_owned(), Pair(1, "c"), &mut seen).unwrap(), "a! 1 b");
    assert_eq!(here(&cache, "a".to_owned(), Pair(0, "c"), &mut seen).unwrap(), "early");
    assert_eq!(seen, [1, 1]);

    assert_eq!(generic(&cache, 1_u8), 1);
    assert_eq!(generic(&cache, "1".to_owned()), "1", "of another type, so it is loaded");
    assert_eq!(generic_async::<_, Error>(&cache, &7).await.unwrap(), Some(7));

    let app = App::new();
    assert_eq!(Rates::rate(&app, "EUR").await.unwrap(), 1.0);
    assert_eq!(app.rate("EUR").await.unwrap(), 1.0);
    assert_eq!(app.name(), "2 runs");
    assert_eq!(app.name(), "2 runs");

    let of = Arc::new(Of { cache: cache.clone(), inner: 7 });
    assert_eq!(*of.text().await, "7");
    assert_eq!(Of::clone(&of).taken(1).await.unwrap(), "7 1");
    assert_eq!(Of::clone(&of).taken(2).await.unwrap(), "7 1");
}

/// A hit needs the arguments for the key only.
#[tokio::test]
async fn a_hit_copies_no_argument() {
    #[derive(Default)]
    struct Counted(Runs);
    impl Clone for Counted {
        fn clone(&self) -> Counted {
            self.0.note();
            Counted(self.0.clone())
        }
    }
    #[cached("n:{n}")]
    async fn of(cache: &Cache, n: u32, counted: &Counted) -> Result<u32, Error> {
        Ok(n + counted.0.count())
    }
    let (cache, counted) = (cache(), Counted::default());
    for _ in 0..3 {
        assert_eq!(of(&cache, 1, &counted).await.unwrap(), 2);
    }
    assert_eq!(counted.0.count(), 1);
}

mod errors {
    use super::*;

    impl App {
        #[cached("copied:{n}")]
        pub(super) async fn copied(&self, n: u32) -> Result<u32, Missing> {
            self.runs.note();
            tokio::task::yield_now().await;
            Err(Missing::Row(n))
        }

        #[cached("once:{n}")]
        pub(super) async fn once(&self, n: u32) -> Result<u32, Once> {
            assert!(n < 9, "nine is too many");
            Err(Once(None))
        }

        #[cached("own:{n}")]
        pub(super) fn own(&self, n: u32) -> Result<u32, Error> {
            let text = Cache::builder("").build().map(|_| n)?;
            Ok(text)
        }

        #[cached("late", load_timeout = "5ms")]
        pub(super) async fn late(&self) -> Result<u32, Missing> {
            std::future::pending().await
        }

        #[cached("guarded:{n}", guarded_by = breaker, limited_by(limiter, "ada"))]
        pub(super) async fn guarded(
            &self,
            breaker: &Breaker,
            limiter: &Limiter,
            n: u32,
        ) -> Result<u32, Error> {
            Ok(n)
        }
    }
}

#[tokio::test]
async fn errors_are_not_kept_and_come_back_useful() {
    let app = App::new();
    let joined = futures_util::future::join_all((0..8).map(|_| app.copied(4))).await;
    assert!(joined.iter().all(|given| *given == Err(Missing::Row(4))), "{joined:?}");
    assert_eq!(app.runs.count(), 1, "one body was run for all of them");
    assert_eq!(app.copied(4).await, Err(Missing::Row(4)));
    assert_eq!(app.runs.count(), 2, "the error was not kept");

    let error = app.once(1).await.unwrap_err().0.unwrap();
    assert!(error.is_load_failed());
    assert!(error.source().unwrap().is::<Once>(), "{error:?}");
    let error = app.once(9).await.unwrap_err().0.unwrap();
    assert!(error.is_load_failed() && error.source().is_none(), "it has panicked: {error:?}");

    assert!(app.own(1).unwrap_err().is_usage(), "an error of the library stays what it is");

    let Err(Missing::Cache(text)) = app.late().await else { panic!("it took too long") };
    assert!(text.contains("load_timeout"), "{text}");

    let (breaker, limiter) = (Breaker::builder().build(), Limiter::new(Quota::per_hour(1)));
    assert_eq!(app.guarded(&breaker, &limiter, 1).await.unwrap(), 1);
    assert_eq!(app.guarded(&breaker, &limiter, 1).await.unwrap(), 1);
    assert!(app.guarded(&breaker, &limiter, 2).await.unwrap_err().is_rate_limited());
}

mod past {
    use super::*;

    impl App {
        #[cached("slow", load_timeout = "5ms")]
        pub(super) async fn slow(&self) -> u32 {
            if self.runs.note() == 1 {
                std::future::pending::<()>().await;
            }
            self.runs.count()
        }

        #[cached("panics")]
        pub(super) fn panics(&self) -> u32 {
            assert!(self.runs.note() > 1, "the first time");
            self.runs.count()
        }

        #[cached("fib:{n}")]
        pub(super) fn fib(&self, n: u64) -> u64 {
            self.runs.note();
            if n < 2 { n } else { self.fib(n - 1) + self.fib(n - 2) }
        }

        #[cached("own")]
        pub(super) fn asks_itself(&self, depth: u32) -> u32 {
            self.runs.note();
            if depth == 0 { 0 } else { self.asks_itself(depth - 1) + 1 }
        }
    }
}

#[test]
fn a_function_without_a_result_is_run_past_the_cache_where_that_cannot_answer() {
    let app = App::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(app.slow()), 2);

    let app = App::new();
    assert_eq!(app.panics(), 2);

    let app = App::new();
    assert_eq!(app.fib(40), 102_334_155);
    assert_eq!(app.runs.count(), 41);

    // A load that asks for its own key is refused, and runs the body instead.
    assert_eq!(app.asks_itself(3), 3);

    // Outside of a runtime there is no task for a load.
    let app = App::new();
    let mut calls = std::pin::pin!(app.plain(7));
    let polled = calls.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    assert_eq!(polled, std::task::Poll::Ready(7));
}

mod words {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    pub(super) fn key_of(n: &u32, text: &str) -> Vec<u8> {
        [&n.to_be_bytes(), text.as_bytes()].concat()
    }

    fn is_even(n: &u32) -> bool {
        n.is_multiple_of(2)
    }

    impl App {
        #[cached(
            "ttl:{n}",
            ttl = "1h30m",
            jitter = 0.0,
            stale_if_error = "1d",
            early_refresh = 0.0
        )]
        pub(super) async fn ttl(&self, n: u32) -> u32 {
            n
        }

        #[cached("minute:{n}", ttl = MINUTE, refresh_ahead = Duration::ZERO)]
        pub(super) async fn minute(&self, n: u32) -> u32 {
            n
        }

        #[cached("none", negative_ttl = "10s", stale_while_revalidate = "1s")]
        pub(super) async fn none(&self) -> Option<u32> {
            None
        }

        #[cached("idle", no_ttl, ttl_only, time_to_idle = "7s")]
        pub(super) fn idle(&self) -> u32 {
            1
        }

        #[cached(key = key_of)]
        pub(super) async fn keyed(&self, n: u32, text: &str) -> u32 {
            n + text.len() as u32
        }

        #[cached("both:{n}", key = text.to_uppercase(), cache = self.cache.namespace("both"))]
        pub(super) async fn both(&self, n: u32, text: &str) -> u32 {
            n + text.len() as u32
        }

        #[cached("before:{n}", if = *n > limit)]
        pub(super) async fn before(&self, n: &u32, limit: u32) -> u32 {
            self.runs.note() + n + limit
        }

        #[cached("after:{n}", if = |sum| *sum > limit.len() as u32 && self.runs.count() < 100)]
        pub(super) async fn after(&self, n: u32, limit: String) -> u32 {
            self.runs.note();
            n + limit.len() as u32 + String::len(&{ limit }) as u32
        }

        #[cached("even:{n}", if = is_even)]
        pub(super) fn even(&self, n: u32) -> Option<u32> {
            self.runs.note();
            (n < 10).then_some(n)
        }

        #[cached(
            "tagged:{id}",
            tags("id:{id}", "half:{result.half}"),
            tags_by = |number| number.names.iter().map(|name| format!("{prefix}:{name}"))
        )]
        pub(super) async fn tagged(&self, id: u32, prefix: &str) -> Result<Number, Error> {
            self.runs.note();
            let half = id / 2;
            Ok(Number { half, names: vec![format!("n{id}"), prefix.to_owned()] })
        }
    }

    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    pub(super) struct Number {
        pub(super) half: u32,
        names: Vec<String>,
    }
}

#[tokio::test]
async fn words_are_those_of_an_entry() {
    let app = App::new();
    let check_ttl = async |key: &str, most: Option<u64>| {
        let ttl = app.cache.ttl(key).await.unwrap();
        let expect = most.map_or(Duration::MAX, Duration::from_secs);
        assert!(ttl <= expect && ttl + Duration::from_secs(5) >= expect, "{key}: {ttl:?}");
    };
    app.ttl(1).await;
    check_ttl("ttl:1", Some(5_400)).await;
    app.minute(1).await;
    check_ttl("minute:1", Some(60)).await;
    app.none().await;
    check_ttl("none", Some(10)).await;
    app.idle();
    check_ttl("idle", Some(7)).await;

    assert_eq!(app.keyed(1, "a").await, 2);
    assert!(app.cache.contains([0, 0, 0, 1, b'a']).await);
    assert_eq!(app.both(1, "a:*").await, 4);
    assert!(app.cache.namespace("both").contains("both:1:A:*").await);
}

#[tokio::test]
async fn conditions_look_at_the_arguments_or_at_the_result() {
    let app = App::new();
    assert_eq!(app.before(&1, 5).await, 7);
    assert_eq!(app.before(&1, 5).await, 8, "not above the limit: never kept");
    assert_eq!(app.before(&1, 0).await, 4);
    assert_eq!(app.before(&1, 0).await, 4, "kept");
    assert_eq!(app.before(&1, 5).await, 10, "nor looked up");

    let app = App::new();
    for (n, runs) in [(0, 2), (1, 3)] {
        app.after(n, String::new()).await;
        app.after(n, String::new()).await;
        assert_eq!(app.runs.count(), runs, "{n}");
    }
    assert_eq!(app.after(0, "abc".to_owned()).await, 6);

    let app = App::new();
    for (n, runs) in [(1, 2), (2, 3), (10, 4)] {
        assert_eq!(app.even(n), app.even(n));
        assert_eq!(app.runs.count(), runs, "{n}");
    }
}

#[tokio::test]
async fn tags_come_from_the_arguments_and_from_the_value() {
    let app = App::new();
    for (tag, runs) in [("other", 1), ("id:7", 2), ("half:3", 3), ("p:n7", 4), ("p:p", 5)] {
        app.tagged(7, "p").await.unwrap();
        app.cache.delete_by_tag(tag).await.unwrap();
        assert_eq!(app.tagged(7, "p").await.unwrap().half, 3);
        assert_eq!(app.runs.count(), runs, "after {tag}");
    }
}

#[tokio::test]
async fn what_was_made_of_queries_goes_when_a_write_changes_them() {
    #[derive(Clone)]
    struct Posts {
        db: forebay::Db,
        cache: Cache,
        runs: Runs,
    }
    impl Posts {
        #[cached("posts:{author}", no_ttl)]
        async fn of(&self, author: u32) -> Result<Vec<String>, Error> {
            self.runs.note();
            let query = self.db.query("SELECT title FROM posts WHERE author = ? ORDER BY id");
            let rows: Vec<(String,)> = query.bind(author).all().await?;
            Ok(rows.into_iter().map(|(title,)| title).collect())
        }
    }
    let db = forebay::open("sqlite::memory:").await.unwrap();
    db.execute_batch(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, author INT, title TEXT);
         INSERT INTO posts VALUES (1, 7, 'Weirs'), (2, 8, 'Gates')",
    )
    .await
    .unwrap();
    let posts = Posts { db: db.clone(), cache: cache(), runs: Runs::default() };
    for _ in 0..2 {
        assert_eq!(posts.of(7).await.unwrap(), ["Weirs"]);
        assert_eq!(posts.of(8).await.unwrap(), ["Gates"]);
    }
    assert_eq!(posts.runs.count(), 2);
    db.execute("UPDATE posts SET title = 'Dams' WHERE id = 1").await.unwrap();
    assert_eq!(posts.of(7).await.unwrap(), ["Dams"]);
    assert_eq!(posts.of(8).await.unwrap(), ["Gates"]);
    assert_eq!(posts.runs.count(), 3, "the write did not touch the other author's");
}

mod deletions {
    use super::*;

    #[derive(Clone, Copy)]
    pub(super) enum Ends {
        Well,
        Badly,
        Never,
    }

    #[invalidates("user:{id}", "search:*:{id}", tags("user:{id}"))]
    pub(super) async fn change(cache: &Cache, id: &str, ends: Ends) -> Result<(), Missing> {
        match ends {
            Ends::Well => Ok(()),
            Ends::Badly => Err(Missing::Row(1))?,
            Ends::Never => std::future::pending().await,
        }
    }

    #[invalidates("user:{id}", cache = cache)]
    pub(super) fn change_here(cache: &Cache, id: &str, ends: Ends) -> Result<u32, Missing> {
        if let Ends::Badly = ends {
            return Err(Missing::Row(1));
        }
        Ok(1)
    }

    #[invalidates("user:{id}")]
    #[invalidates("search:*:{id}", if = is_deleted)]
    pub(super) fn always(cache: &Cache, id: String, is_deleted: bool) {
        drop(id);
    }

    #[invalidates("user:{result.0}", "search:{what}:{result.0}", if = |pair| pair.1 == what.len())]
    pub(super) async fn told(cache: &Cache, mut what: String, n: usize) -> (usize, usize) {
        let length = what.len();
        what.push('!');
        (n, what.into_bytes().len() - 1 + n - length.min(n))
    }

    pub(super) struct Counter {
        pub(super) cache: Cache,
        pub(super) count: usize,
    }

    impl Counter {
        #[invalidates("count")]
        pub(super) async fn count_up(&mut self, mut by: usize) {
            by += 1;
            self.count += by;
        }

        #[invalidates("count", "count:{result}")]
        pub(super) async fn add(&mut self, by: usize) -> Result<usize, Error> {
            self.count += by;
            Ok(self.count)
        }
    }
}

/// Keeps what the functions of `deletions` may delete.
async fn fill(cache: &Cache) {
    for key in ["user:7", "user:8", "search:a:7", "search:b:7", "search:a:8", "search:a:1*7"] {
        cache.set(key, 1_u8).await;
    }
    cache.entry("tagged").tag("user:7").set(1_u8).await;
}

async fn left(cache: &Cache) -> Vec<&'static str> {
    let all =
        ["user:7", "user:8", "search:a:7", "search:b:7", "search:a:8", "search:a:1*7", "tagged"];
    let mut left = Vec::new();
    for key in all {
        if cache.contains(key).await {
            left.push(key);
        }
    }
    left
}

#[tokio::test]
async fn a_function_deletes_when_it_has_succeeded() {
    use deletions::{Ends, always, change, change_here};
    let cache = cache();
    let all =
        ["user:7", "user:8", "search:a:7", "search:b:7", "search:a:8", "search:a:1*7", "tagged"];
    let others = ["user:8", "search:a:8", "search:a:1*7"];
    fill(&cache).await;
    assert_eq!(left(&cache).await, all);
    assert_eq!(change(&cache, "7", Ends::Badly).await, Err(Missing::Row(1)));
    assert_eq!(change_here(&cache, "7", Ends::Badly), Err(Missing::Row(1)));
    assert_eq!(left(&cache).await, all, "it has failed");
    change(&cache, "*", Ends::Well).await.unwrap();
    change(&cache, "?", Ends::Well).await.unwrap();
    change(&cache, "\\7", Ends::Well).await.unwrap();
    assert_eq!(left(&cache).await, all, "what a caller gives is no wildcard");
    change(&cache, "7", Ends::Well).await.unwrap();
    assert_eq!(left(&cache).await, others);

    fill(&cache).await;
    assert_eq!(change_here(&cache, "7", Ends::Well), Ok(1));
    assert_eq!(left(&cache).await, all[1..]);
    always(&cache, "8".to_owned(), false);
    assert_eq!(
        left(&cache).await,
        ["search:a:7", "search:b:7", "search:a:8", "search:a:1*7", "tagged"]
    );
    always(&cache, "7".to_owned(), true);
    assert_eq!(left(&cache).await, ["search:a:8", "search:a:1*7", "tagged"]);
}

#[tokio::test]
async fn whoever_gives_up_a_function_deletes_as_well() {
    use deletions::{Ends, change};
    let cache = cache();
    fill(&cache).await;
    let call = Box::pin(change(&cache, "7", Ends::Never));
    let limit = Duration::from_millis(1);
    assert!(tokio::time::timeout(limit, call).await.is_err());
    while left(&cache).await != ["user:8", "search:a:8", "search:a:1*7"] {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_deletion_may_need_the_result() {
    let cache = cache();
    let mut counter = deletions::Counter { cache: cache.clone(), count: 1 };
    for key in ["count", "count:4", "count:5"] {
        cache.set(key, 1_u8).await;
    }
    fill(&cache).await;
    assert_eq!(deletions::told(&cache, "a".to_owned(), 8).await, (8, 8));
    assert!(cache.contains("user:8").await, "the condition has said no");
    assert_eq!(deletions::told(&cache, "eight***".to_owned(), 8).await, (8, 8));
    let all = ["user:7", "search:a:7", "search:b:7", "search:a:8", "search:a:1*7", "tagged"];
    assert_eq!(left(&cache).await, all, "a star in an argument is no wildcard");
    assert_eq!(deletions::told(&cache, "a".to_owned(), 1).await, (1, 1));

    counter.count_up(1).await;
    assert!(!cache.contains("count").await);
    assert_eq!(counter.add(1).await.unwrap(), 4);
    assert!(!cache.contains("count:4").await);
    assert!(cache.contains("count:5").await);
}

/// Functions whose values are loaded again behind their callers.
#[derive(Clone)]
struct Reports {
    cache: Cache,
    runs: Runs,
    held: Arc<()>,
}

impl Reports {
    #[cached("report:{month}", keep_warm, tags("month:{month}"), if = !month.is_empty())]
    async fn report(
        &self,
        month: &str,
        by: Option<&str>,
        mut factor: u32,
    ) -> Result<String, Error> {
        factor *= 2;
        Ok(format!("{month} {} {factor} {}", by.unwrap_or("-"), self.runs.note()))
    }

    #[cached(key = &years, keep_warm, tags("month:{result}"))]
    async fn total(&self, years: Vec<u8>) -> Option<usize> {
        self.runs.note();
        Some(years.into_iter().map(usize::from).sum())
    }
}

async fn until_so(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = std::time::Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < Duration::from_secs(30), "{what} within 30 s");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_warm_is_loaded_behind_its_callers() {
    let held = Arc::new(());
    let app = Reports { cache: cache(), runs: Runs::default(), held: held.clone() };
    assert_eq!(app.report("may", Some("ada"), 3).await.unwrap(), "may ada 6 1");
    assert_eq!(app.report("may", None, 4).await.unwrap(), "may ada 6 1", "the key is the same");
    assert_eq!(app.total(vec![1, 2]).await, Some(3));
    assert_eq!(app.cache.stats().warm, 2);
    // Past the cache, nothing is kept warm.
    assert_eq!(app.report("", None, 1).await.unwrap(), " - 2 3");
    assert_eq!(app.cache.stats().warm, 2);

    let report = async || app.cache.get::<String>("report:may").await.map(|text| (*text).clone());
    app.cache.delete_by_tag("month:may").await.unwrap();
    until_so("the report is there again", async || report().await.is_some()).await;
    assert_eq!(report().await.unwrap(), "may ada 6 4", "as it was asked for first");
    app.cache.delete_by_tag("month:3").await.unwrap();
    until_so("the total is there again", async || app.runs.count() == 5).await;

    assert!(app.cache.cool("report:may") && !app.cache.cool("report:may"));
    assert_eq!(app.cache.namespace("other").cool_all(), 0);
    assert_eq!((app.cache.cool_all(), app.cache.stats().warm), (1, 0));
    let Reports { cache, held: own, .. } = app;
    drop((cache, own));
    until_so("what was kept warm holds nothing", async || Arc::strong_count(&held) == 1).await;
}

/// What is on a disk is found again by the same function, until one that invalidates it.
#[cfg(feature = "disk")]
#[tokio::test(flavor = "multi_thread")]
async fn functions_ask_the_tiers_of_their_cache() {
    #[invalidates("*result:{n}")]
    async fn forget(cache: &Cache, n: u32) -> Result<(), Error> {
        Ok(())
    }
    let folder = tempfile::tempdir().unwrap();
    for (run, runs) in [(1, 2), (2, 0), (3, 2)] {
        let disk = forebay::Disk::builder(folder.path().join("cache")).open().await.unwrap();
        let cache = Cache::builder("functions").disk(disk.clone()).build().unwrap();
        let app = App { cache, runs: Runs::default() };
        assert_eq!(app.result(1).await.unwrap(), 1);
        assert_eq!(*app.here_result(1).unwrap(), 1);
        assert_eq!(app.runs.count(), runs, "in run {run}");
        if run == 2 {
            forget(&app.cache, 1).await.unwrap();
        }
        disk.close().await;
    }
}

mod pairs {
    use super::*;

    #[cached("pair:{x}:{y}")]
    pub(super) fn pair(cache: &Cache, runs: &Runs, x: &str, y: &str) -> (String, String) {
        runs.note();
        (x.to_owned(), y.to_owned())
    }

    #[invalidates("pair:{x}:*")]
    pub(super) fn forget_first(cache: &Cache, x: &str) {}

    #[invalidates("pair:*:{y}")]
    pub(super) fn forget_second(cache: &Cache, y: &str) {}
}

#[derive(Clone, Debug)]
enum Step {
    Call(String, String),
    ForgetFirst(String),
    ForgetSecond(String),
}

fn text() -> impl Strategy<Value = String> {
    let letters = proptest::sample::select(vec!['a', ':', '*', '?', '\\', '%', '3', 'A']);
    proptest::collection::vec(letters, 0..3).prop_map(|letters| letters.into_iter().collect())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (text(), text()).prop_map(|(x, y)| Step::Call(x, y)),
        1 => text().prop_map(Step::ForgetFirst),
        1 => text().prop_map(Step::ForgetSecond),
    ]
}

proptest! {
    /// A set of pairs says which calls are kept.
    #[test]
    fn functions_do_as_a_set_of_their_arguments(steps in proptest::collection::vec(step(), 1..60)) {
        let (cache, runs) = (cache(), Runs::default());
        let mut kept: BTreeSet<(String, String)> = BTreeSet::new();
        for step in steps {
            match step {
                Step::Call(x, y) => {
                    let before = runs.count();
                    let given = pairs::pair(&cache, &runs, &x, &y);
                    let is_new = kept.insert((x.clone(), y.clone()));
                    prop_assert_eq!(&given, &(x, y));
                    prop_assert_eq!(runs.count() - before, u32::from(is_new));
                }
                Step::ForgetFirst(x) => {
                    pairs::forget_first(&cache, &x);
                    kept.retain(|(first, _)| *first != x);
                }
                Step::ForgetSecond(y) => {
                    pairs::forget_second(&cache, &y);
                    kept.retain(|(_, second)| *second != y);
                }
            }
        }
    }
}
