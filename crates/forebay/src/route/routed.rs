//! The handle on one logical table over several databases. What it does with a statement is
//! beside this file.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;

use super::ask::{Ask, Words};
use super::boundary::Boundary;
use super::builder::Settings;
use super::explain::RoutedExplanation;
use super::member::{Layout, Member, Part};
use super::plan::{Names, Plan, probe};
use super::query::RoutedQuery;
use super::reach::half_open;
use super::write::RoutedExecute;
use crate::backend::Limits;
use crate::db::Db;
use crate::engine::Template;
use crate::error::{Error, Result};
use crate::invalidate::{Comparand, Scalar};
use crate::params::Params;
use crate::sql::{Collation, Relation, Schema, Table};
use crate::value::Value;

/// Texts whose plans are kept at most; when there are more, all are made again.
const PLANS_MAX: usize = 1_000;

/// One logical table, or several, over a live database and archives. A clone is cheap and shares
/// everything. It is opened by [`crate::open_routed`].
///
/// A read over several members is exact in each of them, at an instant of its own between the call
/// and its return: there is no snapshot that they share. Statements that read nothing of what is
/// split are the live database's, and so are all other tables.
#[derive(Clone)]
pub struct Routed {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    /// In the order of their ranges; the live one last.
    pub(super) members: Vec<Member>,
    pub(super) names: Names,
    /// The archive that rows are moved into is the last but one.
    pub(super) is_moving: bool,
    /// Where the live range begins unless that moves.
    pub(super) settings: Settings,
    /// Whether the column that rows are split by can be NULL in no table.
    pub(super) is_not_null: bool,
    /// All members are PostgreSQL servers, and this is kept of them.
    #[cfg(feature = "postgres")]
    pub(super) server: Option<Box<super::server::Server>>,
    layout: Mutex<Arc<Layout>>,
    plans: Mutex<HashMap<Box<str>, Arc<Plan>, RandomState>>,
    /// Per member and table the template under which its columns were last found to be those of
    /// the live one.
    same: Mutex<HashMap<(usize, usize), Arc<Template>, RandomState>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Routed {
    pub(super) fn new(
        members: Vec<Member>,
        names: Names,
        settings: Settings,
        layout: Layout,
        is_not_null: bool,
        #[cfg(feature = "postgres")] server: Option<Box<super::server::Server>>,
    ) -> Routed {
        Routed {
            inner: Arc::new(Inner {
                members,
                names,
                is_moving: settings.is_moving,
                settings,
                is_not_null,
                #[cfg(feature = "postgres")]
                server,
                layout: Mutex::new(Arc::new(layout)),
                plans: Mutex::default(),
                same: Mutex::default(),
            }),
        }
    }

    /// A statement that answers rows.
    #[track_caller]
    pub fn query<'a>(&'a self, sql: &'a str) -> RoutedQuery<'a> {
        RoutedQuery::new(self, ask(sql, Location::caller()))
    }

    /// A statement that writes: INSERT, UPDATE or DELETE. It goes to the member that owns the
    /// rows; there is no transaction over several members.
    #[track_caller]
    pub fn execute<'a>(&'a self, sql: &'a str) -> RoutedExecute<'a> {
        RoutedExecute::new(self, ask(sql, Location::caller()))
    }

    /// Which members a query without parameters would ask, what, and how their answers would
    /// become one. Nothing is run. For one with parameters, see [`RoutedQuery::explain`].
    #[track_caller]
    pub fn explain<'a>(
        &'a self,
        sql: &'a str,
    ) -> impl Future<Output = Result<RoutedExplanation>> + 'a {
        let ask = ask(sql, Location::caller());
        async move { self.inner.explain(&ask).await }
    }

    /// The member of this name, to be asked past the routing.
    pub fn member(&self, name: &str) -> Option<&Db> {
        self.inner.members.iter().find(|member| *member.name == *name).map(|member| &member.db)
    }
}

fn ask<'a>(sql: &'a str, caller: &'static Location<'static>) -> Ask<'a> {
    Ask { sql, params: Params::default(), words: Words::default(), is_partial: false, caller }
}

impl fmt::Debug for Routed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.inner.members.iter().map(|member| &*member.name).collect();
        f.debug_struct("Routed").field("members", &names).finish_non_exhaustive()
    }
}

impl Inner {
    pub(super) fn live(&self) -> &Member {
        self.members.last().expect("there is always a live member")
    }

    pub(super) fn member_timeout(&self) -> Duration {
        self.settings.member_timeout
    }

    pub(super) fn merge_limits(&self) -> Limits {
        self.settings.merge_limits
    }

    /// The plan of a text under the schema of the live database as it is now.
    pub(super) async fn plan(&self, ask: &Ask<'_>) -> Result<Arc<Plan>> {
        let live = self.live().db.engine();
        let call = ask.query(live).into_call();
        if let Some(template) = live.template_known(&call)
            && let Some(plan) = lock(&self.plans).get(ask.sql)
            && Arc::ptr_eq(&plan.template, &template)
        {
            return Ok(plan.clone());
        }
        // The relations are read between two looks at the schema.
        for _ in 0..3 {
            let template = live.template_of(&call).await?;
            let (known, relations) = live.relate(&call).await?;
            if !live.template_known(&call).is_some_and(|it| Arc::ptr_eq(&it, &template)) {
                continue;
            }
            let plan = Arc::new(Plan::of(ask.sql, template, known, &relations, &self.names));
            let mut plans = lock(&self.plans);
            if plans.len() >= PLANS_MAX {
                plans.clear();
            }
            plans.insert(ask.sql.into(), plan.clone());
            return Ok(plan);
        }
        Err(Error::new(
            crate::error::Kind::Busy,
            "the schema of the live database keeps changing; try again",
        ))
    }

    /// Which rows are whose, now.
    pub(super) async fn layout(&self) -> Result<Arc<Layout>> {
        #[cfg(feature = "postgres")]
        if let Some(server) = &self.server {
            return Box::pin(server.layout(self, super::server::Look::Cached)).await;
        }
        let known = lock(&self.layout).clone();
        if !self.is_moving {
            return Ok(known);
        }
        let boundary = self.boundary().await?;
        let generation = boundary.as_ref().map_or(0, |boundary| boundary.generation);
        if generation == known.generation {
            return Ok(known);
        }
        let moved = Arc::new(self.moved(&known, boundary).await?);
        *lock(&self.layout) = moved.clone();
        Ok(moved)
    }

    /// Which rows were whose when that was last known.
    pub(super) fn last_layout(&self) -> Arc<Layout> {
        lock(&self.layout).clone()
    }

    /// The layout under a boundary that is newer than what was known. It is known from now on.
    #[cfg(feature = "postgres")]
    pub(super) async fn adopt(&self, boundary: Option<Boundary>) -> Result<Arc<Layout>> {
        let moved = Arc::new(self.moved(&self.last_layout(), boundary).await?);
        let mut known = lock(&self.layout);
        if moved.generation > known.generation {
            *known = moved.clone();
        }
        Ok(moved)
    }

    /// The number of the boundary, which goes up whenever it moves.
    pub(super) async fn generation(&self) -> Result<i64> {
        Ok(self.boundary().await?.map_or(0, |boundary| boundary.generation))
    }

    async fn boundary(&self) -> Result<Option<Boundary>> {
        let live = self.live();
        let asked = Boundary::read(&live.db, &self.names.tables[0], &self.names.column).await;
        asked.map_err(|error| live.fault(&error))
    }

    /// The layout after the boundary has moved.
    async fn moved(&self, known: &Layout, boundary: Option<Boundary>) -> Result<Layout> {
        let Some(boundary) = boundary else { return Ok(known.clone()) };
        let live = self.members.len() - 1;
        let archive = live - 1;
        let Some(value) = boundary.value else {
            return Ok(Layout { generation: boundary.generation, parts: known.parts.clone() });
        };
        if lock(&self.layout).generation == 0 {
            self.check_archive(archive, &boundary.archive).await?;
        }
        let begins = self.settings.moving_from.clone();
        let (low, high) = (begins.as_ref().and_then(|it| self.compared(it)), self.compared(&value));
        let mut parts: Vec<Part> =
            known.parts.iter().filter(|part| part.member < archive).cloned().collect();
        parts.push(Part {
            member: archive,
            low: begins,
            high: Some(value.clone()),
            span: half_open(low, high.clone()),
            has_null: false,
            is_not_null: self.is_not_null,
        });
        let span = half_open(high, None);
        let is_not_null = self.is_not_null;
        let (low, has_null) = (Some(value), true);
        parts.push(Part { member: live, low, high: None, span, has_null, is_not_null });
        Ok(Layout { generation: boundary.generation, parts })
    }

    /// A bound as values of the column compare with it.
    fn compared(&self, bound: &Value) -> Option<Comparand> {
        #[cfg(feature = "postgres")]
        if let Some(server) = &self.server {
            return server.compared(bound);
        }
        Comparand::of(Scalar::from(bound), Collation::Binary)
    }

    /// An error if the archive is not the one that the live database's rows were moved into.
    async fn check_archive(&self, archive: usize, known_by: &str) -> Result<()> {
        let member = &self.members[archive];
        match self.mark(archive).await? {
            Some(mark) if mark == known_by => Ok(()),
            _ => Err(Error::usage(format!(
                "member {} is not the archive that rows of the live database were moved into; open \
                 that one",
                member.name
            ))),
        }
    }

    async fn mark(&self, archive: usize) -> Result<Option<String>> {
        #[cfg(feature = "postgres")]
        if let Some(server) = &self.server {
            return server.mark_of(self, archive).await;
        }
        let member = &self.members[archive];
        let mark = super::boundary::mark(&member.db, &self.names.tables[0]).await;
        mark.map_err(|error| member.fault(&error))
    }

    /// An error unless the members have the columns of the live one in everything that is split,
    /// and the same affinities and collations. Cost after the first time: two look-ups for each
    /// member and table.
    pub(super) async fn check_same(&self, members: &[usize]) -> Result<()> {
        #[cfg(feature = "postgres")]
        if let Some(server) = &self.server {
            return server.check_all(self).await;
        }
        for index in 0..self.names.tables.len() {
            let probe = probe(&self.names.tables[index]);
            let live = self.members.len() - 1;
            let is_known = |member: &usize| {
                let db = &self.members[*member].db;
                let known = db.engine().template_known(&db.query(&probe).into_call());
                let same = lock(&self.same);
                let kept = same.get(&(*member, index));
                known.zip(kept).is_some_and(|(known, kept)| Arc::ptr_eq(&known, kept))
            };
            if members.iter().chain([&live]).all(is_known) {
                continue;
            }
            let wanted = self.table_of(live, index, &probe).await?;
            for member in members.iter().filter(|member| **member != live) {
                let found = self.table_of(*member, index, &probe).await?;
                if let Some(difference) = difference(&wanted, &found) {
                    return Err(Error::usage(format!(
                        "member {}: {difference}; make the schemas of all members the same",
                        self.members[*member].name
                    )));
                }
            }
        }
        Ok(())
    }

    /// A table as a member has it.
    async fn table_of(&self, member: usize, table: usize, probe: &str) -> Result<Table> {
        let Member { name: of, db } = &self.members[member];
        let call = db.query(probe).into_call();
        let engine = db.engine();
        let fault = |error: Error| self.members[member].fault(&error);
        let template = engine.template_of(&call).await.map_err(fault)?;
        let (_, relations) = engine.relate(&call).await.map_err(fault)?;
        let name = &self.names.tables[table];
        let Some(Relation::Table(found)) = relations.relation(name) else {
            return Err(Error::usage(format!(
                "member {of}: {name} is not an ordinary table there; make it one"
            )));
        };
        if !relations.is_utf8 {
            return Err(Error::usage(format!(
                "member {of} is not in UTF-8; only that can be split"
            )));
        }
        lock(&self.same).insert((member, table), template);
        Ok(found.clone())
    }
}

/// In what two tables differ, in words.
pub(super) fn difference(live: &Table, other: &Table) -> Option<String> {
    let name = &live.name;
    if live.columns.len() != other.columns.len() {
        return Some(format!(
            "its table {name} has {} columns instead of {}",
            other.columns.len(),
            live.columns.len()
        ));
    }
    for (column, found) in live.columns.iter().zip(&other.columns) {
        if !column.name.eq_ignore_ascii_case(&found.name) {
            return Some(format!(
                "its table {name} has a column {} where the live one has {}",
                found.name, column.name
            ));
        }
        let is_same = column.affinity == found.affinity
            && column.collation == found.collation
            && column.is_generated == found.is_generated;
        if !is_same {
            return Some(format!(
                "in its table {name} the column {} has another type or collation, or is generated \
                 otherwise, than in the live one",
                column.name
            ));
        }
    }
    (live.rowid != other.rowid)
        .then(|| format!("its table {name} has another primary key than the live one"))
}
