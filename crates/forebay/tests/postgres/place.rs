//! A database of one's own on a server that the tests share, with a bare session beside the library
//! that sees what the server is at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::{Cluster, Database, Settings, Version};
use forebay::{Builder, Db};

/// A test that takes longer hangs.
const TEST_MAX: Duration = Duration::from_secs(300);

/// How long the server may take to notice something.
const NOTICE_MAX: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(20);

pub(crate) struct Place {
    database: Database,
}

impl Place {
    pub(crate) fn url(&self) -> String {
        self.database.url()
    }

    /// The address for another user.
    pub(crate) fn url_for(&self, user: &str) -> String {
        self.cluster().url_for(user, self.database.name())
    }

    /// The name of the database, which no other test of this process uses.
    pub(crate) fn name(&self) -> &str {
        self.database.name()
    }

    pub(crate) fn cluster(&self) -> &Arc<Cluster> {
        self.database.cluster()
    }

    pub(crate) fn builder(&self) -> Builder {
        Builder::new(self.url())
    }

    /// One connection for everybody, so that whoever comes next gets the one before.
    pub(crate) fn single(&self) -> Builder {
        // The plan of what was slow would be asked for on another one.
        self.builder().max_size(1).max_overflow(0).min_idle(1).slow_after(None)
    }

    pub(crate) async fn open(&self, script: &str) -> Db {
        let db = self.builder().open().await.unwrap();
        db.execute_batch(script).await.unwrap();
        db
    }

    /// Runs statements past the library; what comes back looks as with `psql -At`.
    pub(crate) fn psql(&self, sql: &str) -> String {
        self.database.psql(sql).unwrap()
    }

    /// The same for statements that may fail.
    pub(crate) fn attempt(&self, sql: &str) -> Result<String, String> {
        self.database.psql(sql).map_err(|error| error.to_string())
    }

    /// Sessions of the library in this database for which `holds` is true.
    pub(crate) fn sessions(&self, holds: &str) -> String {
        self.psql(&format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND application_name = 'forebay' AND {holds}"
        ))
    }

    /// Waits until no session of the library is as `holds` says.
    pub(crate) async fn until_no_session(&self, holds: &str) {
        until(holds, || self.sessions(holds) == "0").await;
    }

    pub(crate) async fn until_some_session(&self, holds: &str) {
        until(holds, || self.sessions(holds) != "0").await;
    }
}

/// Waits for `holds`, with a limit.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < NOTICE_MAX, "not within {NOTICE_MAX:?}: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// Runs `check` with a database of its own on every version.
pub(crate) fn on_each(test: &str, check: impl AsyncFn(&Place) + Copy) {
    on_each_within(test, TEST_MAX, check);
}

/// The same for a test that may be told to take longer.
pub(crate) fn on_each_within(test: &str, limit: Duration, check: impl AsyncFn(&Place) + Copy) {
    cluster::for_each_version(test, |version| {
        let place = Place { database: Database::create(version).unwrap() };
        in_time(limit, check(&place));
    });
}

/// The same on a server of its own with more lines in its configuration: one that may be stopped,
/// configured, and given roles.
pub(crate) fn on_each_alone(test: &str, lines: &[&str], check: impl AsyncFn(&Place) + Copy) {
    cluster::for_each_version(test, |version| {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let settings = Settings { lines, ..Settings::on(version) };
        let cluster = Arc::new(Cluster::start(settings).unwrap());
        let place = Place { database: Database::on(&cluster).unwrap() };
        in_time(TEST_MAX, check(&place));
    });
}

/// Runs `check` on every version, which starts servers of its own.
pub(crate) fn on_each_version(test: &str, check: impl AsyncFn(&Version) + Copy) {
    cluster::for_each_version(test, |version| in_time(TEST_MAX, check(version)));
}

fn in_time(limit: Duration, check: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let checked = runtime.unwrap().block_on(async { tokio::time::timeout(limit, check).await });
    assert!(checked.is_ok(), "the test did not end within {limit:?}");
}

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}
