//! Whoever gives advice on one database. It is found by its place, and not through a handle, so
//! that nothing that an application has set for its connections has any part in it.

use std::path::PathBuf;
use std::sync::Arc;

use super::advice::Advice;
use super::options::AdviseOptions;
use super::sqlite::study;
use super::workload::Workload;
use crate::backend::sqlite::Location;
use crate::error::{Error, Kind, Result};
use crate::guard::Stop;

/// Gives advice on indexes for one database.
///
/// ```no_run
/// # async fn f() -> forebay::Result<()> {
/// use forebay::{Advisor, Workload, WorkloadQuery};
///
/// let query = WorkloadQuery::new("SELECT * FROM users WHERE email = 'ada@example.com'");
/// let workload = Workload::new().with(query.calls(1_000));
/// let advice = Advisor::sqlite("sqlite:app.db")?.advise(&workload).await?;
/// for sql in advice.script() {
///     println!("{sql}");
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Advisor {
    place: Place,
    options: AdviseOptions,
}

/// Ends the work when nobody waits for it.
struct StopOnDrop(Arc<Stop>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[derive(Clone, Debug)]
enum Place {
    Sqlite(PathBuf),
    #[cfg(feature = "postgres")]
    Postgres(String),
}

impl Advisor {
    /// For the SQLite database at `url`: `sqlite:PATH`, or a path. It is opened when advice is
    /// asked for, and only read: nothing is left in it or beside it.
    pub fn sqlite(url: &str) -> Result<Advisor> {
        match Location::parse(url)? {
            Location::File(path) => Ok(Advisor::at(path)),
            Location::Memory => Err(Error::usage(
                "a database in memory cannot be copied from outside; give advice on a file",
            )),
        }
    }

    /// For the PostgreSQL database at `url`, which is asked on one connection of its own. Without
    /// [`AdviseOptions::build`] it is only read. It needs the extension `hypopg` there, or that
    /// option.
    #[cfg(feature = "postgres")]
    pub fn postgres(url: &str) -> Result<Advisor> {
        crate::backend::postgres::Config::parse(url)?;
        let place = Place::Postgres(url.to_owned());
        Ok(Advisor { place, options: AdviseOptions::default() })
    }

    /// For a database file.
    pub(crate) fn at(path: PathBuf) -> Advisor {
        Advisor { place: Place::Sqlite(path), options: AdviseOptions::default() }
    }

    /// What may be spent, and how sure advice has to be.
    #[must_use]
    pub fn options(mut self, options: AdviseOptions) -> Advisor {
        self.options = options;
        self
    }

    /// The workload that the database has counted itself: that of the extension
    /// `pg_stat_statements`, with the time since it began. SQLite counts none, which is an error of
    /// usage. Values are not in it; they are drawn from the tables when advice is asked for.
    pub async fn counted(&self) -> Result<Workload> {
        match &self.place {
            Place::Sqlite(_) => Err(Error::usage(
                "SQLite does not count its statements: give them in a file, or a slow log",
            )),
            #[cfg(feature = "postgres")]
            Place::Postgres(url) => super::postgres::statements(url).await,
        }
    }

    /// Looks at a workload. It copies the database, builds what might help on the copy, and runs
    /// the statements there: it may take minutes, on a thread that may block. When the future is
    /// dropped, that ends with the statement that runs.
    pub async fn advise(&self, workload: &Workload) -> Result<Advice> {
        let (place, options, workload) =
            (self.place.clone(), self.options.clone(), workload.clone());
        match place {
            Place::Sqlite(path) => study_behind(path, workload, options).await,
            #[cfg(feature = "postgres")]
            Place::Postgres(url) => super::postgres::advise(&url, &workload, &options).await,
        }
    }
}

/// Studies on a thread that may block.
async fn study_behind(path: PathBuf, workload: Workload, options: AdviseOptions) -> Result<Advice> {
    let stop = StopOnDrop(Stop::at(None));
    let flag = stop.0.clone();
    let work = move || study(&path, &workload, &options, flag);
    let joined = tokio::task::spawn_blocking(work).await;
    drop(stop);
    joined.unwrap_or_else(|error| {
        Err(Error::new(Kind::Cancelled, "giving advice was stopped").with_cause(error))
    })
}
