//! What a handle over PostgreSQL servers keeps: the tables that are split, the plans of texts, and
//! which members were found to have the same tables. It is kept for as long as the streams of the
//! members say that no schema has changed; of a member without a stream nothing is kept.

use std::collections::HashMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

use super::super::member::Member;
use super::super::routed::Inner;
use super::agree;
use super::boundary::BoundaryRow;
use super::plan::{Plan, Writing};
use super::seen::Seen;
use super::table::{Scale, Shape};
use crate::error::{Error, Kind, Result};

/// Texts whose plans are kept at most; when there are more, all are made again.
const PLANS_MAX: usize = 1_000;

/// How often something is found out again because the schema changed meanwhile.
const TRIES_MAX: usize = 3;

pub(in crate::route) struct Server {
    pub(super) scale: Scale,
    /// The tables as the live member has them, under this number of its schema.
    shapes: Mutex<Option<(u64, Shapes)>>,
    plans: Mutex<HashMap<Box<str>, Arc<Plan>, RandomState>>,
    writings: Mutex<HashMap<Box<str>, Arc<Writing>, RandomState>>,
    /// Per member the number of its schema under which its tables were last found to be these.
    same: Mutex<HashMap<usize, (u64, Shapes), RandomState>>,
    /// Where the boundary is kept, if it moves.
    pub(super) boundary: Option<BoundaryRow>,
    /// The last generation that the cache of the archive is known to have caught up with.
    pub(super) settled: AtomicI64,
    /// When it did not catch up in time.
    pub(super) late: Mutex<Option<Instant>>,
    pub(super) seen: Seen,
}

/// The tables that are split, in the order in which they were named.
pub(super) type Shapes = Arc<Vec<Shape>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    pub(in crate::route) fn new(scale: Scale, boundary: Option<BoundaryRow>) -> Server {
        Server {
            scale,
            shapes: Mutex::default(),
            plans: Mutex::default(),
            writings: Mutex::default(),
            same: Mutex::default(),
            boundary,
            settled: AtomicI64::new(0),
            late: Mutex::default(),
            seen: Seen::default(),
        }
    }

    /// An error unless every member means the same by texts and values, and has the same tables.
    pub(in crate::route) async fn check_all(&self, inner: &Inner) -> Result<()> {
        agree::check(&inner.members).await?;
        let shapes = self.shapes(inner).await?;
        let all: Vec<usize> = (0..inner.members.len()).collect();
        self.check_same(inner, &all, &shapes).await
    }

    /// The tables as the live member has them now.
    pub(super) async fn shapes(&self, inner: &Inner) -> Result<Shapes> {
        let live = inner.live();
        let schema = live.db.engine().schema_number();
        if let Some((known, shapes)) = &*lock(&self.shapes)
            && schema == Some(*known)
        {
            return Ok(shapes.clone());
        }
        let found = Arc::new(shapes_of(inner, live).await?);
        let scale = found.iter().map(Scale::of).collect::<Result<Vec<Scale>>>()?;
        if scale.iter().any(|scale| scale.type_oid != self.scale.type_oid) {
            return Err(Error::usage(
                "the column that rows are split by has another type than when the handle was \
                 opened; open it again",
            ));
        }
        if let Some(schema) = schema {
            *lock(&self.shapes) = Some((schema, found.clone()));
        }
        Ok(found)
    }

    /// An error unless these members have the tables that the live one has. Cost after the first
    /// time: a look at a number each, or a question to a member that has no stream.
    pub(super) async fn check_same(
        &self,
        inner: &Inner,
        members: &[usize],
        shapes: &Shapes,
    ) -> Result<()> {
        for index in members.iter().filter(|index| **index + 1 < inner.members.len()) {
            let member = &inner.members[*index];
            let schema = member.db.engine().schema_number();
            let is_known = lock(&self.same).get(index).is_some_and(|(known, wanted)| {
                schema == Some(*known) && (Arc::ptr_eq(wanted, shapes) || *wanted == *shapes)
            });
            if is_known {
                continue;
            }
            let found = shapes_of(inner, member).await?;
            let differs = shapes.iter().zip(&found).find_map(|(a, b)| a.difference(b));
            if let Some(difference) = differs {
                return Err(Error::usage(format!(
                    "member {}: {difference}; make the schemas of all members the same",
                    member.name
                )));
            }
            if let Some(schema) = schema {
                lock(&self.same).insert(*index, (schema, shapes.clone()));
            }
        }
        Ok(())
    }

    /// The plan of a query under the schema of the live member as it is now. Cost where it is not
    /// known: some ten round trips to that member.
    pub(super) async fn plan(&self, inner: &Inner, sql: &str) -> Result<Arc<Plan>> {
        let live = inner.live();
        let known = lock(&self.plans).get(sql).cloned();
        if let Some(plan) = known.filter(|plan| is_current(plan.schema, live)) {
            return Ok(plan);
        }
        for _ in 0..TRIES_MAX {
            let schema = live.db.engine().schema_number();
            let shapes = self.shapes(inner).await?;
            let plan = Plan::make(live, sql, schema, shapes).await?;
            if live.db.engine().schema_number() != schema {
                continue;
            }
            let plan = Arc::new(plan);
            if plan.schema.is_some() {
                keep(&self.plans, sql, plan.clone());
            }
            return Ok(plan);
        }
        Err(changing())
    }

    /// The same of a statement that writes.
    pub(super) async fn writing(&self, inner: &Inner, sql: &str) -> Result<Arc<Writing>> {
        let live = inner.live();
        let known = lock(&self.writings).get(sql).cloned();
        if let Some(writing) = known.filter(|writing| is_current(writing.schema, live)) {
            return Ok(writing);
        }
        for _ in 0..TRIES_MAX {
            let schema = live.db.engine().schema_number();
            let shapes = self.shapes(inner).await?;
            let writing = Writing::make(live, sql, schema, shapes).await?;
            if live.db.engine().schema_number() != schema {
                continue;
            }
            let writing = Arc::new(writing);
            if writing.schema.is_some() {
                keep(&self.writings, sql, writing.clone());
            }
            return Ok(writing);
        }
        Err(changing())
    }
}

/// Waits for what is found out about a statement or a schema, but not for ever.
pub(super) async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(Error::new(
            Kind::Timeout,
            format!(
                "what a statement means, or whether the members are the same, was not found out \
                 within {limit:?}; raise `member_timeout`, or say `timeout`"
            ),
        )),
    }
}

/// Whether what was found out under a schema of the live member still holds; without a number
/// nobody knows.
fn is_current(schema: Option<u64>, live: &Member) -> bool {
    schema.is_some() && live.db.engine().schema_number() == schema
}

fn keep<T>(plans: &Mutex<HashMap<Box<str>, Arc<T>, RandomState>>, sql: &str, plan: Arc<T>) {
    let mut plans = lock(plans);
    if plans.len() >= PLANS_MAX {
        plans.clear();
    }
    plans.insert(sql.into(), plan);
}

fn changing() -> Error {
    Error::new(Kind::Busy, "the schema of the live database keeps changing; try again")
}

async fn shapes_of(inner: &Inner, member: &Member) -> Result<Vec<Shape>> {
    let mut shapes = Vec::new();
    for table in &inner.names.tables {
        let read = Shape::read(&member.db, table, &inner.names.column).await;
        shapes.push(read.map_err(|error| member.fault(&error))?);
    }
    Ok(shapes)
}
