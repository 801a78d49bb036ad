//! Migrations as an application asks for them: what to run, and how. What is done about it is not
//! here.

use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::plan::Wanted;
use super::report::{MigrationReport, MigrationRun, MigrationStatus};
use super::run::{dry_run, run, status};
use super::source::Migrations;
use super::version::Version;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// The longest wait for another runner, unless something else is said.
const WAIT: Duration = Duration::from_secs(60);

/// Brings the schema of a database up to date, see [`crate::Db::migrate`]. Await it.
///
/// Files are run by version, those only that the database has not had. Each is run in a transaction
/// of its own, together with the row that says so in the table `forebay_migrations`: when a
/// statement fails, nothing of its file stays, and the error names file, line and statement. A file
/// whose first comment is `-- no-transaction` is run statement by statement outside one, as
/// `VACUUM`, `CREATE INDEX CONCURRENTLY` and `PRAGMA foreign_keys` need it; how far it has come is
/// noted, and one that has stopped half-way is an error until [`Migrate::resume`] goes on with it.
///
/// A file that was changed after it was run, a version that two files have, and a file that is
/// older than one that was run are errors, before anything is run. Of several who begin at once one
/// runs, and the others wait for it. Dropping the future stops the statement that is running: files
/// that were done stay.
#[must_use = "nothing is run until it is awaited"]
pub struct Migrate<'a> {
    order: Order<'a>,
    heard: Option<Heard<'a>>,
    /// The first word that could not be understood.
    fault: Option<Error>,
}

/// Who is told of each migration.
pub(super) type Heard<'a> = Box<dyn FnMut(&MigrationRun) + Send + 'a>;

/// What is to be run, where and how.
pub(super) struct Order<'a> {
    pub(super) engine: &'a Arc<Engine>,
    pub(super) caller: &'static Location<'static>,
    pub(super) migrations: Migrations,
    pub(super) wanted: Wanted,
    pub(super) wait: Duration,
}

impl<'a> Migrate<'a> {
    pub(crate) fn new(
        engine: &'a Arc<Engine>,
        migrations: Migrations,
        caller: &'static Location<'static>,
    ) -> Migrate<'a> {
        let (wanted, wait) = (Wanted::default(), WAIT);
        let order = Order { engine, caller, migrations, wanted, wait };
        Migrate { order, heard: None, fault: None }
    }

    /// Stops after this version, such as `12` or `1.2`. There is no way back: if the database is
    /// past it, nothing is run.
    #[expect(clippy::needless_pass_by_value, reason = "a number is written as it is")]
    pub fn to(mut self, version: impl ToString) -> Migrate<'a> {
        self.order.wanted.to = self.version(&version.to_string());
        self
    }

    /// Runs the migration of this version and no other. Older ones that are left out are out of
    /// order afterwards.
    #[expect(clippy::needless_pass_by_value, reason = "a number is written as it is")]
    pub fn only(mut self, version: impl ToString) -> Migrate<'a> {
        self.order.wanted.only = self.version(&version.to_string());
        self
    }

    /// Whether files that are older than one that was run are run, too; false by default.
    pub fn out_of_order(mut self, is_allowed: bool) -> Migrate<'a> {
        self.order.wanted.out_of_order = is_allowed;
        self
    }

    /// Whether a file that has stopped half-way is gone on with, from the statement after the last
    /// that is known to have run; false by default. The one that failed may have taken effect, if
    /// the process was killed just then. What comes after those that have run may have been mended.
    /// Nobody else may be at work on it.
    pub fn resume(mut self, is_wanted: bool) -> Migrate<'a> {
        self.order.wanted.resume = is_wanted;
        self
    }

    /// Whether the database may have had migrations of which there is no file, as when a former
    /// version of the application is started again; false by default.
    pub fn allow_missing(mut self, is_allowed: bool) -> Migrate<'a> {
        self.order.wanted.allow_missing = is_allowed;
        self
    }

    /// The longest wait for another runner; 60 s by default.
    pub fn wait(mut self, longest: Duration) -> Migrate<'a> {
        self.order.wait = longest;
        self
    }

    /// Calls `heard` after each migration, once it is committed.
    pub fn on_each(mut self, heard: impl FnMut(&MigrationRun) + Send + 'a) -> Migrate<'a> {
        self.heard = Some(Box::new(heard));
        self
    }

    /// Says what would be run, with all checks, and changes nothing.
    pub async fn dry_run(self) -> Result<MigrationReport> {
        match self.fault {
            Some(error) => Err(error),
            None => dry_run(&self.order).await,
        }
    }

    /// How each migration stands, by version. It changes nothing, and nothing that is wrong with
    /// the history is an error here.
    pub async fn status(self) -> Result<Vec<MigrationStatus>> {
        status(&self.order).await
    }

    fn version(&mut self, text: &str) -> Option<Version> {
        let version = Version::parse(text);
        if version.is_none() {
            let text = format!("{text:?} is no version; write a number, as in 12 or 1.2");
            self.fault.get_or_insert(Error::usage(text));
        }
        version
    }
}

impl<'a> IntoFuture for Migrate<'a> {
    type Output = Result<MigrationReport>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<MigrationReport>> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            match self.fault {
                Some(error) => Err(error),
                None => run(&self.order, self.heard).await,
            }
        })
    }
}
