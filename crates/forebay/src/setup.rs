//! Preparing a PostgreSQL database for the cache: what would be made, making it, whether it is
//! there, and removing it. It keeps nothing between calls, and opens no `Db`.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::backend::postgres::setup::{
    Exactness, Facts, Finding, Full, Plan, Planned, Reading, Step, changed, obstacles, of_other,
    remains, run, steps, undo, verify,
};
use crate::backend::postgres::{Config, Connection};
use crate::error::{Error, Result};

/// What prepares a PostgreSQL database, so that the cache can follow its commits: a schema, event
/// triggers and a publication, all called `forebay`, and where asked for the replica identity FULL
/// of tables.
///
/// Without it nothing of the database is cached. Each call opens one connection and closes it; it
/// must be made within a tokio runtime.
///
/// ```no_run
/// # async fn prepare() -> forebay::Result<()> {
/// let setup = forebay::Setup::new("postgres://owner@localhost/shop")?.full("public.events");
/// let plan = setup.plan().await?;
/// for step in &plan.steps {
///     println!("-- {}\n{};\n", step.about, step.sql);
/// }
/// let status = setup.apply(&plan, |step| println!("done: {}", step.about)).await?;
/// assert!(status.findings.iter().all(|finding| !finding.is_fault));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Setup {
    config: Config,
    full: Full,
    left_out: Vec<Box<str>>,
}

/// What would be done, and to which tables. Nothing was done yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SetupPlan {
    /// What stands in the way, and what somebody should know.
    pub findings: Vec<SetupFinding>,
    /// Every table, partitions included, by schema and name. How it is followed is how it will be
    /// once the steps are done.
    pub tables: Vec<SetupTable>,
    /// What would be done, in this order.
    pub steps: Vec<SetupStep>,
    aim: Aim,
}

/// Whether a database is prepared.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SetupStatus {
    /// What is not as it should be. While a fault is among them, nothing is cached.
    pub findings: Vec<SetupFinding>,
    /// Every table, partitions included, by schema and name. How it is followed is how it can be
    /// with the replica identity that it has.
    pub tables: Vec<SetupTable>,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetupFinding {
    /// Setup is refused because of it, and the cache stays off. Other findings are notices.
    pub is_fault: bool,
    /// What it is and what to do.
    pub text: String,
}

/// A table, a materialized view or a foreign table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetupTable {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The role that it belongs to.
    pub owner: String,
    /// Bytes on the server's disk, indexes included.
    pub bytes: u64,
    /// The topmost table of which it is a partition, as `schema.table`.
    pub partition_of: Option<String>,
    /// How exactly its changes are told.
    pub followed: Followed,
    /// Why they are not told row by row.
    pub why: Option<&'static str>,
    /// It is given REPLICA IDENTITY FULL by the steps: an UPDATE or DELETE writes the whole old
    /// row to the server's log from then on.
    pub sets_full: bool,
    /// Whether the publication names it, or the table of which it is a partition, now.
    pub is_published: bool,
}

/// How exactly the changes of a table are told by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Followed {
    /// Each row as it was and as it is.
    Rows,
    /// Each row as it is, and of the one before its key.
    Keys,
    /// That something in it has changed.
    Whole,
    /// Not at all: answers that rest on it are not cached.
    Never,
}

/// As one word: `rows`, `keys`, `whole`, `never`.
impl fmt::Display for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Followed::Rows => "rows",
            Followed::Keys => "keys",
            Followed::Whole => "whole",
            Followed::Never => "never",
        })
    }
}

/// One transaction. It does nothing that it has done before, so it may be run again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetupStep {
    /// What it does, in a few words.
    pub about: String,
    /// Statements, separated by `;`.
    pub sql: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    Make,
    Undo,
}

impl Setup {
    /// Setup of the database at `url`, `postgres://user:password@host:port/database`; an error
    /// ([`Error::is_usage`]) for any other URL. It opens nothing yet.
    ///
    /// The role has to be a superuser, or one that may make event triggers, and own the tables.
    pub fn new(url: impl AsRef<str>) -> Result<Setup> {
        let url = url.as_ref();
        if !matches!(url.split_once("://"), Some(("postgres" | "postgresql", _))) {
            return Err(Error::usage(
                "setup is for PostgreSQL: the URL has to begin with postgres://; a SQLite database \
                 needs none",
            ));
        }
        Ok(Setup { config: Config::parse(url)?, full: Full::AsIs, left_out: Vec::new() })
    }

    /// Gives this table, `schema.table` or a name in `public`, REPLICA IDENTITY FULL, and its
    /// partitions if it has any. May be called again for others.
    #[must_use]
    pub fn full(mut self, table: impl AsRef<str>) -> Setup {
        match &mut self.full {
            Full::All => {}
            Full::Named(names) => names.push(table.as_ref().into()),
            Full::AsIs => self.full = Full::Named(vec![table.as_ref().into()]),
        }
        self
    }

    /// Gives every table that can be followed REPLICA IDENTITY FULL.
    #[must_use]
    pub fn full_all(mut self) -> Setup {
        self.full = Full::All;
        self
    }

    /// Does not publish this table, `schema.table` or a name in `public`, so that answers that rest
    /// on it are not cached. May be called again for others. It is not remembered: a later setup
    /// publishes what it does not leave out.
    #[must_use]
    pub fn leave_out(mut self, table: impl AsRef<str>) -> Setup {
        self.left_out.push(table.as_ref().into());
        self
    }

    /// What [`Setup::apply`] would do. It reads the catalogue in one read-only transaction and
    /// changes nothing. Tables that were named and are not there are an error
    /// ([`Error::is_usage`]).
    pub async fn plan(&self) -> Result<SetupPlan> {
        self.plan_on(&self.connect().await?).await
    }

    /// What would remove everything that setup has made and give tables back the replica identity
    /// that they had, unless somebody has changed it since. It changes nothing.
    pub async fn plan_undo(&self) -> Result<SetupPlan> {
        self.plan_undo_on(&self.connect().await?).await
    }

    /// Whether the database is prepared. It reads the catalogue in one read-only transaction and
    /// changes nothing.
    pub async fn status(&self) -> Result<SetupStatus> {
        self.status_on(&self.connect().await?).await
    }

    /// Runs the steps of a plan, each in a transaction of its own, and says how the database is
    /// then. `done` is called after each step.
    ///
    /// It is refused, and nothing is changed, where the plan has a fault, and where the database
    /// has changed since, so that what is done is what was shown. A step that fails is the last:
    /// the error names it, with what to do; what came before stays. No step waits longer than 5 s
    /// for a lock, since whoever comes behind it waits, too. Dropped, the step that runs is given
    /// up.
    pub async fn apply(
        &self,
        plan: &SetupPlan,
        mut done: impl FnMut(&SetupStep),
    ) -> Result<SetupStatus> {
        let connection = self.connect().await?;
        let now = match plan.aim {
            Aim::Make => self.plan_on(&connection).await?,
            Aim::Undo => self.plan_undo_on(&connection).await?,
        };
        let faults = now.findings.iter().filter(|finding| finding.is_fault);
        let faults: Vec<&str> = faults.map(|finding| finding.text.as_str()).collect();
        if !faults.is_empty() {
            let text = format!("setup cannot begin, nothing was changed: {}", faults.join("; "));
            return Err(Error::usage(text));
        }
        if now.steps != plan.steps {
            return Err(Error::usage(
                "the tables have changed since the plan was made, so nothing was done: look at a \
                 new plan",
            ));
        }
        let steps: Vec<Step> = plan.steps.iter().map(SetupStep::inner).collect();
        run(&connection, &steps, |at| done(&plan.steps[at])).await?;
        match plan.aim {
            Aim::Make => self.status_on(&connection).await,
            Aim::Undo => self.rest_on(&connection).await,
        }
    }

    async fn connect(&self) -> Result<Connection> {
        Connection::open(&self.config).await
    }

    async fn plan_on(&self, connection: &Connection) -> Result<SetupPlan> {
        let Reading { facts, tables } = Reading::take(connection).await?;
        let plan = self.planned(Plan::of(&tables, &self.full))?;
        let mut found = obstacles(&facts);
        found.extend(of_other(&facts));
        Ok(SetupPlan {
            findings: findings(found),
            tables: shown(&plan, &facts),
            steps: steps(&plan).into_iter().map(SetupStep::of).collect(),
            aim: Aim::Make,
        })
    }

    async fn plan_undo_on(&self, connection: &Connection) -> Result<SetupPlan> {
        let reading = Reading::take(connection).await?;
        let plan = Plan::of(&reading.tables, &Full::AsIs);
        let (found, steps) = match of_other(&reading.facts) {
            Some(fault) => (vec![fault], Vec::new()),
            None if reading.facts.is_made => (Vec::new(), undo(&changed(connection).await?)),
            None => (remains(&reading.facts), Vec::new()),
        };
        Ok(SetupPlan {
            findings: findings(found),
            tables: shown(&plan, &reading.facts),
            steps: steps.into_iter().map(SetupStep::of).collect(),
            aim: Aim::Undo,
        })
    }

    /// Judged by the identities that tables have, not by those that they should be given.
    async fn status_on(&self, connection: &Connection) -> Result<SetupStatus> {
        let Reading { facts, tables } = Reading::take(connection).await?;
        let plan = self.planned(Plan::of(&tables, &Full::AsIs))?;
        let findings = findings(verify(&facts, &plan));
        Ok(SetupStatus { findings, tables: shown(&plan, &facts) })
    }

    async fn rest_on(&self, connection: &Connection) -> Result<SetupStatus> {
        let Reading { facts, tables } = Reading::take(connection).await?;
        let plan = Plan::of(&tables, &Full::AsIs);
        Ok(SetupStatus { findings: findings(remains(&facts)), tables: shown(&plan, &facts) })
    }

    fn planned(&self, plan: Plan) -> Result<Plan> {
        let plan = plan.without(&self.left_out);
        if plan.unknown.is_empty() {
            return Ok(plan);
        }
        Err(Error::usage(format!(
            "there is no table called {}: write schema.table as the catalogue has it, without \
             quotes, and of a partition that is to be left out the table it belongs to",
            plan.unknown.join(", ")
        )))
    }
}

impl SetupStep {
    fn of(Step { about, sql }: Step) -> SetupStep {
        SetupStep { about, sql }
    }

    fn inner(&self) -> Step {
        Step { about: self.about.clone(), sql: self.sql.clone() }
    }
}

fn findings(findings: Vec<Finding>) -> Vec<SetupFinding> {
    let finding = |finding| match finding {
        Finding::Fault(text) => SetupFinding { is_fault: true, text },
        Finding::Notice(text) => SetupFinding { is_fault: false, text },
    };
    findings.into_iter().map(finding).collect()
}

fn shown(plan: &Plan, facts: &Facts) -> Vec<SetupTable> {
    let names: HashMap<u32, String> = plan
        .tables
        .iter()
        .map(|Planned { table, .. }| (table.oid, format!("{}.{}", table.schema, table.name)))
        .collect();
    let published: HashSet<u32> = facts.published.iter().map(|(oid, _)| *oid).collect();
    let shown = |Planned { table, exactness, sets_full, .. }: &Planned| {
        let (followed, why) = match *exactness {
            Exactness::Rows => (Followed::Rows, None),
            Exactness::Keys => (Followed::Keys, None),
            Exactness::Whole(why) => (Followed::Whole, Some(why)),
            Exactness::Never(why) => (Followed::Never, Some(why)),
        };
        SetupTable {
            schema: table.schema.to_string(),
            name: table.name.to_string(),
            owner: table.owner.to_string(),
            bytes: table.bytes,
            partition_of: names.get(&table.root).filter(|_| table.is_partition).cloned(),
            followed,
            why,
            sets_full: *sets_full,
            is_published: [table.oid, table.root].iter().any(|oid| published.contains(oid)),
        }
    };
    plan.tables.iter().map(shown).collect()
}
