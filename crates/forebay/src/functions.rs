//! The attributes that have functions ask a cache, and delete from one, and the macro that takes
//! migrations into the program. What they mean is said
//! here, how they are written is in the crate `forebay-macros`.

/// Keeps what a function gives in a [`Cache`](crate::Cache), under a key made of its arguments.
///
/// ```
/// # use std::sync::Arc;
/// use forebay::{Cache, Error, cached, invalidates};
///
/// #[derive(Clone)]
/// struct Search { cache: Cache }
///
/// impl Search {
///     #[cached("search:{user}:{text}", ttl = "1h", if = |hits| !hits.is_empty())]
///     async fn hits(&self, user: u64, text: &str) -> Result<Arc<Vec<String>>, Error> {
///         Ok(Arc::new(vec![format!("what {user} finds by {text}")]))
///     }
///
///     #[invalidates("search:{user}:*")]
///     async fn index(&self, user: u64, page: &str) -> Result<(), Error> {
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let search = Search { cache: Cache::builder("app").build()? };
/// let hits = search.hits(7, "a:*").await?;
/// assert!(Arc::ptr_eq(&hits, &search.hits(7, "a:*").await?));
/// search.index(7, "page").await?;
/// assert!(!search.cache.contains("search:7:a%3A%2A").await);
/// # Ok(())
/// # }
/// ```
///
/// It is [`get_or_load`](crate::Cache::get_or_load) around the body, with all that is said there:
/// of all who call with one key at a time one runs the body, what it reads through a
/// [`Db`](crate::Db) makes the value go when a write changes it, and what was deleted meanwhile is
/// not kept. It stands at functions and methods, `async` or not, generic or not, in traits'
/// implementations too.
///
/// # The cache
///
/// `cache = app.cache` is an expression over the arguments that gives a `Cache`, or derefs to one.
/// Without it the cache is the argument called `cache`, else `self.cache`.
///
/// # The key
///
/// A text with values in it: `{id}`, `{user.id}`, `{self.tenant}`, `{user.name()}`, written by
/// `Display`, or by `Debug` with `{ids:?}`. [`key_part`](crate::key_part) writes them, so that two
/// lists of arguments never give one key; two values need a separator between them. Arguments that
/// are not in the text do not tell calls apart. `key = my_key` calls a function of yours with all
/// arguments but `self` and the `cache`, as references; `key = ...` is any other expression. It
/// gives bytes, which are the key, or, with a text as well, follow it after a `:`.
///
/// Functions that share a cache share its keys: begin each text with a word of its own.
///
/// # Words
///
/// `ttl`, `no_ttl`, `ttl_only`, `jitter`, `time_to_idle`, `stale_while_revalidate`,
/// `stale_if_error`, `refresh_ahead`, `early_refresh`, `negative_ttl`, `load_timeout`,
/// `guarded_by`, `bulkhead` and `limited_by(limiter, key)` are those of
/// [`CacheEntry`](crate::CacheEntry), written as `ttl = "1h30m"` (`ms`, `s`, `m`, `h`, `d`) or with
/// a `Duration`.
///
/// - `keep_warm`: as soon as the value under a key has gone, or a write has made it untrue, the
///   body is run again in the background, at most once a second for a key
///   ([`keep_warm`](crate::CacheEntry::keep_warm)). It is run with the arguments of the first call,
///   which are kept, so they are owned by then: what is used is `Clone`, `Send`, `Sync` and
///   `'static`, and what is lent is cloned as below. Arguments that are not in the key stay those
///   of that call. For functions with few keys, such as reports: 1,000 entries of a cache may be
///   kept warm. With the cache in `self` the cache holds itself:
///   [`Cache::cool`](crate::Cache::cool) and [`Cache::cool_all`](crate::Cache::cool_all) end it.
///   Only at an `async fn`.
/// - `tags("user:{user.id}", "author:{result.author}")`: names to delete by, of the arguments and
///   of the value, which is called `result` unless an argument is.
/// - `tags_by = |page| page.authors()`: any number of tags out of the value.
/// - `if = |page| page.is_complete() && depth < 3`: a closure, or the name of a function, says
///   whether a value is kept. Anything else, as `if = depth < 3`, is asked before, and `false`
///   passes the cache by for this call ([`no_cache`](crate::CacheEntry::no_cache)).
///
/// # What it gives
///
/// A value is [`Cacheable`](crate::Cacheable). Each caller gets a clone, or with `Arc<T>` the same
/// one. `None` of an `Option` is kept as well, for the `negative_ttl`.
///
/// The `Err` of a `Result` is never kept. Its type is `From<forebay::Error>`, which is how it says
/// that the body took too long, panicked or was refused by a guard. What the body itself fails with
/// is given to all who waited: as it was if the type is `Clone` and a `std::error::Error`, else as
/// the source of a `forebay::Error`. A type counts as a `Result` if its name ends so; another alias
/// of it is refused.
///
/// Without a `Result` nothing can be said. The body is then run once more, past the cache, for a
/// caller whom the cache has no value for; and arguments by value are `Clone`.
///
/// # Async functions
///
/// The body runs in a task of its own and goes on when its callers are dropped. So it owns what it
/// uses: `&self`, `&T` and `Option<&T>` are cloned (`ToOwned`), and what is used is `Send` and
/// `'static`. That is done for loads only: a hit clones no argument. `&mut` is refused.
///
/// One that calls itself would have to know of itself that it is `Send`, which the compiler
/// refuses: let it call one that is not cached and gives a boxed future.
///
/// At a method of `#[async_trait]` it is refused; let that method call a cached one.
///
/// # Other functions
///
/// The body runs on the calling thread, as in
/// [`Blocking::get_or_load`](crate::Blocking::get_or_load), and may borrow. In async code it
/// blocks.
///
/// ```compile_fail,E0277
/// // The load outlives the call, so that `&self` has to be cloned.
/// struct App { cache: forebay::Cache }
/// impl App {
///     #[forebay::cached("n:{n}")]
///     async fn twice(&self, n: u32) -> forebay::Result<u32> { Ok(self.add(n, n)) }
///     fn add(&self, a: u32, b: u32) -> u32 { a + b }
/// }
/// ```
///
/// ```compile_fail,E0277
/// // The error has to be able to say what the cache says.
/// #[derive(Debug)] struct Broken;
/// impl std::fmt::Display for Broken {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("broken") }
/// }
/// impl std::error::Error for Broken {}
/// #[forebay::cached("n:{n}")]
/// fn twice(cache: &forebay::Cache, n: u32) -> Result<u32, Broken> { Ok(n * 2) }
/// ```
///
/// ```compile_fail,E0277
/// // What is kept warm is loaded again, so that arguments by value have to be cloned.
/// struct Ticket;
/// #[forebay::cached("n:{n}", keep_warm)]
/// async fn twice(cache: &forebay::Cache, n: u32, ticket: Ticket) -> forebay::Result<u32> {
///     drop(ticket);
///     Ok(n * 2)
/// }
/// ```
///
/// ```compile_fail
/// // An alias that does not say that it is a `Result`: its errors would be kept.
/// type Answer = Result<u32, String>;
/// #[forebay::cached("n:{n}")]
/// fn twice(cache: &forebay::Cache, n: u32) -> Answer { Ok(n * 2) }
/// ```
pub use forebay_macros::cached;

/// Deletes from a [`Cache`](crate::Cache) when a function has succeeded, before it returns.
///
/// ```
/// use forebay::{Cache, Error, invalidates};
///
/// struct User { id: u64 }
///
/// #[invalidates("user:{result.id}", "search:*:{user.id}", tags("user:{user.id}"))]
/// async fn rename(cache: &Cache, user: User, name: &str) -> Result<User, Error> {
///     Ok(user)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let cache = Cache::builder("app").build()?;
/// cache.set("search:a:7", 1_u8).await;
/// rename(&cache, User { id: 7 }, "Ada").await?;
/// assert!(!cache.contains("search:a:7").await);
/// # Ok(())
/// # }
/// ```
///
/// Each text is a key, or a pattern if it has a `*` or `?` in it, which
/// [`delete_pattern`](crate::Cache::delete_pattern) is given (cost: all entries); `\` takes the
/// next character literally. `tags(...)` is [`delete_by_tag`](crate::Cache::delete_by_tag). Values
/// are written as by [`cached`](macro@crate::cached), and whatever is in them, they stand for
/// themselves: a `*` in an argument is no wildcard. `result` is what the function gives, of a
/// `Result` what is in its `Ok`, unless an argument is called so. `cache = ...` is that of
/// `cached`; `if = ...` is a condition over the arguments, or a closure or a function that is
/// called with the result.
///
/// A `Result` has succeeded if it is `Ok`, everything else always. The deletions are acknowledged
/// when the function returns: whoever asks after that gets nothing whose load began before. If one
/// cannot be acknowledged, a `Result` says so by its error, which is `From<forebay::Error>`,
/// although the function has had its effect; other functions log it.
///
/// If the future is dropped while it runs, or the body panics, nobody knows what it has done: then
/// it deletes as well, in a task of its own, but for what needs the `result`. Arguments may be of
/// any kind, `&mut self` too.
pub use forebay_macros::invalidates;

/// The [`Migrations`](crate::Migrations) of a directory, taken into the program when it is
/// compiled: nothing has to lie beside it when it runs. The directory is named from that of the
/// package on.
///
/// ```ignore
/// let db = forebay::open("sqlite:app.db").await?;
/// db.migrate(forebay::migrations!("migrations")).await?;
/// ```
///
/// Every file whose name ends in `.sql` is taken in, and which of them are migrations is decided as
/// in a directory. A file that is changed has the program compiled again; for one that is added, a
/// `build.rs` with `println!("cargo::rerun-if-changed=migrations")` does so.
pub use forebay_macros::migrations;
