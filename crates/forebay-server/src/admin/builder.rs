//! What the admin API is about, and who may use it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use forebay::{Advisor, Cache, Db, Maintenance, Monitor};
use tokio::sync::Semaphore;

use super::access::Access;
use super::advice::Desk;
use super::configuration::Configuration;
use super::live::Live;
use super::logging::LogLevel;
use super::{page, routes, setting};
use crate::error::{Error, Result};

/// How long a look at the health of a database may take, unless it is said.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(10);

/// Databases, caches and settings, each at most.
const PARTS_MAX: usize = 1_000;

/// The admin API of an application, to be nested in its router.
///
/// ```
/// use axum::Router;
/// use forebay_server::{Access, Admin, Token};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let db = forebay::open("sqlite::memory:").await?;
/// let cache = forebay::Cache::builder("app").build()?;
/// let mut access = Access::default();
/// access.admin_token = Some(Token::new("from a file, not from the source"));
/// let admin = Admin::builder().db("main", &db).cache("app", &cache).access(access).build()?;
/// let app: Router = Router::new().nest("/admin", admin.router());
/// # let _ = app;
/// # Ok(())
/// # }
/// ```
///
/// Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: without a secret it is open
/// for looking to this machine alone, and what does not say from where it comes is refused.
#[derive(Clone)]
pub struct Admin {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) dbs: Vec<(String, Db)>,
    pub(super) caches: Vec<(String, Cache)>,
    pub(super) monitor: Monitor,
    pub(super) access: Access,
    pub(super) settings: Vec<(String, String)>,
    pub(super) configuration: Configuration,
    pub(super) allow_origins: Vec<String>,
    pub(super) health_timeout: Duration,
    /// Who advises on a database that is not advised on through its handle.
    advisors: Vec<(String, Advisor)>,
    /// What is done for databases on a schedule.
    pub(super) maintenance: Vec<(String, Maintenance)>,
    pub(super) log: Option<LogLevel>,
    pub(super) live: Live,
    pub(super) advice: Desk,
    /// One index at a time.
    pub(super) applying: Semaphore,
    /// One look at the health of a database at a time: it reads the database.
    pub(super) looking: Semaphore,
}

impl Inner {
    /// Who advises on the database of this name, if that is not the library by itself.
    pub(super) fn advisor(&self, name: &str) -> Option<&Advisor> {
        self.advisors.iter().find(|(own, _)| own == name).map(|(_, advisor)| advisor)
    }
}

/// Settings of an [`Admin`].
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is built until `build` is called"]
pub struct AdminBuilder {
    dbs: Vec<(String, Db)>,
    caches: Vec<(String, Cache)>,
    monitor: Monitor,
    access: Access,
    settings: Vec<(String, String)>,
    configuration: Configuration,
    allow_origins: Vec<String>,
    health_timeout: Option<Duration>,
    advisors: Vec<(String, Advisor)>,
    maintenance: Vec<(String, Maintenance)>,
    log: Option<LogLevel>,
}

impl AdminBuilder {
    /// A database, under a name that requests use. The first one is meant where none is named.
    pub fn db(mut self, name: impl Into<String>, db: &Db) -> Self {
        self.dbs.push((name.into(), db.clone()));
        self
    }

    /// A cache, under a name that requests use.
    pub fn cache(mut self, name: impl Into<String>, cache: &Cache) -> Self {
        self.caches.push((name.into(), cache.clone()));
        self
    }

    /// Parts whose health is shown beside that of the databases.
    pub fn monitor(mut self, monitor: &Monitor) -> Self {
        self.monitor = monitor.clone();
        self
    }

    /// Who may look and change. Default: nobody may change anything, and only this machine may
    /// look.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// A setting of the application to be shown. The value of one that is called token, secret,
    /// password, key or credential is not, nor is a password in a URL.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        let value = setting::shown(&name, &value.into());
        self.settings.push((name, value));
        self
    }

    /// The configuration that is shown, with where each value comes from. What is replaced in it
    /// later is shown then.
    pub fn configuration(mut self, configuration: &Configuration) -> Self {
        self.configuration = configuration.clone();
        self
    }

    /// Web origins (`https://app.example.com`) whose pages may use it, with a token.
    pub fn allow_origins(mut self, origins: impl IntoIterator<Item: Into<String>>) -> Self {
        self.allow_origins.extend(origins.into_iter().map(Into::into));
        self
    }

    /// How long a look at the health of a database may take. Default: 10 s.
    pub fn health_timeout(mut self, limit: Duration) -> Self {
        self.health_timeout = Some(limit);
        self
    }

    /// Who advises on indexes for the database of this name: for a PostgreSQL database, which is
    /// not advised on otherwise.
    pub fn advisor(mut self, db: impl Into<String>, advisor: Advisor) -> Self {
        self.advisors.push((db.into(), advisor));
        self
    }

    /// What is done on a schedule for the database of this name: shown, and run when an admin asks
    /// for it.
    pub fn maintenance(mut self, db: impl Into<String>, maintenance: &Maintenance) -> Self {
        self.maintenance.push((db.into(), maintenance.clone()));
        self
    }

    /// How the level of the log is told and changed. Without it there is no path for that.
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.log = Some(level);
        self
    }

    /// The admin API.
    ///
    /// # Errors
    ///
    /// [`is_options`](Error::is_options) for an empty token, for a name that is there twice, and
    /// beyond 1,000 databases, caches or settings.
    pub fn build(self) -> Result<Admin> {
        let tokens = [&self.access.reader_token, &self.access.admin_token];
        if tokens.into_iter().flatten().any(|token| token.matches(b"")) {
            return Err(Error::options("a token of the admin API is empty; leave it out"));
        }
        check_names("databases", self.dbs.iter().map(|(name, _)| name))?;
        check_names("caches", self.caches.iter().map(|(name, _)| name))?;
        check_names("advisors", self.advisors.iter().map(|(name, _)| name))?;
        check_names("plans of maintenance", self.maintenance.iter().map(|(name, _)| name))?;
        check_names("settings", self.settings.iter().map(|(name, _)| name))?;
        Ok(Admin {
            inner: Arc::new(Inner {
                dbs: self.dbs,
                caches: self.caches,
                monitor: self.monitor,
                access: self.access,
                settings: self.settings,
                configuration: self.configuration,
                allow_origins: self.allow_origins,
                health_timeout: self.health_timeout.unwrap_or(HEALTH_TIMEOUT),
                advisors: self.advisors,
                maintenance: self.maintenance,
                log: self.log,
                live: Live::new(),
                advice: Desk::default(),
                applying: Semaphore::new(1),
                looking: Semaphore::new(1),
            }),
        })
    }
}

fn check_names<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut all: Vec<&String> = names.collect();
    if all.len() > PARTS_MAX {
        return Err(Error::options(format!("the admin API takes {PARTS_MAX} {what} at most")));
    }
    all.sort();
    match all.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::options(format!("two {what} are called {:?}", pair[0]))),
        None => Ok(()),
    }
}

impl Admin {
    /// Settings.
    pub fn builder() -> AdminBuilder {
        AdminBuilder::default()
    }

    /// Its routes, to be nested under a path of the application's. The dashboard is `/dashboard`
    /// among them.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        routes::router(self.inner.clone())
    }

    /// Ends the live figures and stops advice that is being worked out, for good. To be called when
    /// the process is about to stop: a server that waits for answers in work would wait for them.
    pub fn stop(&self) {
        self.inner.live.end();
        self.inner.advice.stop();
    }

    /// The page of the dashboard, whose files lie under the path `base`.
    pub(crate) fn page(base: &str) -> axum::response::Response {
        page::page(base)
    }

    /// `/health/detailed` alone, for the service, which has it beside its other checks.
    pub(crate) fn detailed<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        routes::detailed(self.inner.clone())
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("access", &self.inner.access).finish_non_exhaustive()
    }
}
