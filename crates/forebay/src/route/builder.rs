//! Opening one logical table over several databases: every setting, its default and its check.

use std::ops::{Bound, RangeBounds};
use std::time::Duration;

use super::boundary::Boundary;
use super::member::{Layout, Member, Part};
use super::plan::{Names, probe};
use super::reach::{half_open, is_empty};
use super::routed::Routed;
use crate::backend::Limits;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::invalidate::{Comparand, Constant};
use crate::sql::{Affinity, Collation, Relation, Schema};
use crate::value::Value;

/// Members at most.
const MEMBERS_MAX: usize = 256;

/// Begins to open a logical table `table` whose rows are split by ranges of `column` over a live
/// database and archives.
///
/// The members are all SQLite databases, or all PostgreSQL ones, on one server or several. In
/// SQLite the column holds integers, reals or texts that compare as BINARY, such as dates as texts;
/// in PostgreSQL it is an int2, int4, int8, date, timestamp, timestamptz or uuid, or a text with
/// the collation "C". Its ranges are half-open and do not overlap. Rows without a value belong to
/// the live member.
pub fn open_routed(table: &str, column: &str) -> RoutedBuilder {
    RoutedBuilder {
        tables: vec![table.to_ascii_lowercase().into()],
        column: column.into(),
        live: None,
        archives: Vec::new(),
        moving: None,
        member_timeout: Duration::from_secs(5),
        parallel: 8,
        merge_limits: Limits { rows_max: 1_000_000, bytes_max: 256 << 20 },
        fault: None,
    }
}

/// Settings for a logical table, and the way to open it.
#[must_use = "nothing is opened until `open` is called"]
pub struct RoutedBuilder {
    tables: Vec<Box<str>>,
    column: Box<str>,
    live: Option<(Db, Option<Value>)>,
    archives: Vec<Given>,
    moving: Option<(Box<str>, Db)>,
    member_timeout: Duration,
    parallel: usize,
    merge_limits: Limits,
    fault: Option<Error>,
}

/// A member as it is given.
struct Given {
    name: Box<str>,
    db: Db,
    low: Option<Value>,
    high: Option<Value>,
}

/// What of it is needed later.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) is_moving: bool,
    /// Where the archive begins that rows are moved into.
    pub(super) moving_from: Option<Value>,
    pub(super) member_timeout: Duration,
    pub(super) parallel: usize,
    pub(super) merge_limits: Limits,
}

impl RoutedBuilder {
    /// Another table that is split by the same ranges of a column of the same name.
    pub fn also(mut self, table: &str) -> RoutedBuilder {
        self.tables.push(table.to_ascii_lowercase().into());
        self
    }

    /// The live database, which owns the rows from `from` on and those without a value. It is
    /// called `live`. What statements read beside the split tables is read there.
    pub fn live<V>(mut self, db: &Db, from: V) -> RoutedBuilder
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        let from = self.value(from);
        self.live = Some((db.clone(), from));
        self
    }

    /// An archive and the rows that it owns, as in `..10` or `"2023-01-01".."2024-01-01"`.
    pub fn archive<V>(mut self, name: &str, db: &Db, range: impl RangeBounds<V>) -> RoutedBuilder
    where
        V: Clone + TryInto<Value>,
        V::Error: Into<Error>,
    {
        let low = match range.start_bound() {
            Bound::Included(low) => self.value(low.clone()),
            Bound::Unbounded => None,
            Bound::Excluded(_) => self.note(HALF_OPEN),
        };
        let high = match range.end_bound() {
            Bound::Excluded(high) => self.value(high.clone()),
            Bound::Unbounded => None,
            Bound::Included(_) => self.note(HALF_OPEN),
        };
        self.archives.push(Given { name: name.into(), db: db.clone(), low, high });
        self
    }

    /// The live database and the archive that [`crate::Archive`] moves rows
    /// into, whatever the boundary between them is at a time; the live database knows it. The
    /// archive begins where the newest of the others ends. One table only can be split so.
    pub fn moving(mut self, live: &Db, name: &str, archive: &Db) -> RoutedBuilder {
        self.live = Some((live.clone(), None));
        self.moving = Some((name.into(), archive.clone()));
        self
    }

    /// The longest that one member is waited for; 5 s by default. A query may say otherwise.
    pub fn member_timeout(mut self, limit: Duration) -> RoutedBuilder {
        self.member_timeout = limit;
        self
    }

    /// Members that are asked at once, for one statement; 8 by default.
    pub fn parallel(mut self, members: usize) -> RoutedBuilder {
        self.parallel = members;
        self
    }

    /// Rows that are brought together for one statement at most; 1,000,000 by default. More is an
    /// error ([`Error::is_too_large`]).
    pub fn merge_rows(mut self, rows: usize) -> RoutedBuilder {
        self.merge_limits.rows_max = rows;
        self
    }

    /// Bytes that are brought together for one statement at most; 256 MiB by default. More is an
    /// error ([`Error::is_too_large`]).
    pub fn merge_bytes(mut self, bytes: usize) -> RoutedBuilder {
        self.merge_limits.bytes_max = bytes;
        self
    }

    fn value<V>(&mut self, value: V) -> Option<Value>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        match value.try_into() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault.get_or_insert(error.into());
                None
            }
        }
    }

    fn note(&mut self, fault: &str) -> Option<Value> {
        self.fault.get_or_insert(Error::usage(fault));
        None
    }

    /// Opens it: checks that the ranges do not overlap and that every member has the same tables.
    ///
    /// Rows in a member that lie outside its range are not part of the table. Values in no range
    /// are no error: no member has such rows, and none takes them.
    pub async fn open(mut self) -> Result<Routed> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let Some((live, from)) = self.live.take() else {
            return Err(Error::usage("there is no live member: call `live` or `moving`"));
        };
        self.check(&live)?;
        let is_moving = self.moving.is_some();
        let (scale, is_not_null) = self.scale_of(&live).await?;
        if is_moving {
            scale.prepare(&live).await?;
        }
        let mut parts = self.parts(&scale, is_not_null)?;
        let moving_from = parts.last().and_then(|(_, part)| part.high.clone());
        let mut members: Vec<Member> = Vec::new();
        let mut ranges: Vec<Part> = Vec::new();
        for (given, part) in parts.drain(..) {
            ranges.push(Part { member: members.len(), ..part });
            members.push(Member { name: given.name.clone(), db: given.db.clone() });
        }
        if let Some((name, db)) = &self.moving {
            members.push(Member { name: name.clone(), db: db.clone() });
        }
        let from = if is_moving { moving_from.clone() } else { from };
        let span = half_open(from.as_ref().map(|it| scale.compared(it)).transpose()?, None);
        if ranges.iter().any(|part| !is_empty(&part.span.clone().intersect(span.clone()))) {
            return Err(Error::usage("the range of the live member overlaps that of an archive"));
        }
        let member = members.len();
        ranges.push(Part { member, low: from, high: None, span, has_null: true, is_not_null });
        members.push(Member { name: "live".into(), db: live });
        let settings = Settings {
            is_moving,
            moving_from,
            member_timeout: self.member_timeout,
            parallel: self.parallel,
            merge_limits: self.merge_limits,
        };
        let layout = Layout { generation: 0, parts: ranges };
        let names = Names { tables: self.tables, column: self.column };
        let routed = Routed::new(
            members,
            names,
            settings,
            layout,
            is_not_null,
            #[cfg(feature = "postgres")]
            scale.server(),
        );
        let all: Vec<usize> = (0..routed.inner.members.len()).collect();
        routed.inner.check_same(&all).await?;
        routed.inner.layout().await?;
        Ok(routed)
    }

    fn check(&self, live: &Db) -> Result<()> {
        let archives = self.archives.iter().map(|it| (&it.name, &it.db));
        let all = archives.chain(self.moving.iter().map(|(name, db)| (name, db)));
        let mut names = vec!["live"];
        for (name, db) in all {
            if names.contains(&&**name) {
                return Err(Error::usage(format!(
                    "two members are called {name}; name them apart"
                )));
            }
            names.push(name);
            if db.engine().is_sqlite() != live.engine().is_sqlite() {
                return Err(Error::usage(
                    "members are all SQLite databases, or all PostgreSQL ones: the same text means \
                     other things to the two",
                ));
            }
        }
        if names.len() > MEMBERS_MAX {
            return Err(Error::usage(format!("there are more than {MEMBERS_MAX} members")));
        }
        #[cfg(feature = "postgres")]
        if let Some((_, archive)) = &self.moving
            && [live, archive].iter().any(|db| db.engine().has_sole_writer())
        {
            return Err(Error::usage(
                "a database of which rows are moved has another writer, the run of `forebay \
                 archive`: open it without `sole_writer`",
            ));
        }
        if self.moving.is_some() && self.tables.len() > 1 {
            return Err(Error::usage(
                "rows of several tables cannot be moved at one instant, so that only one can be \
                 split by a boundary that moves",
            ));
        }
        Ok(())
    }

    /// How values of the column compare in every table, and whether it is NULL in none.
    async fn scale_of(&self, live: &Db) -> Result<(Scale, bool)> {
        #[cfg(feature = "postgres")]
        if !live.engine().is_sqlite() {
            let scale = super::server::scale(live, &self.tables, &self.column).await?;
            let is_not_null = scale.is_not_null;
            let boundary = match &self.moving {
                None => None,
                Some(_) => {
                    let shape = super::server::Shape::read(live, &self.tables[0], &self.column);
                    Some(super::server::BoundaryRow::of(&shape.await?, &scale))
                }
            };
            return Ok((Scale::Server(scale, boundary), is_not_null));
        }
        let (affinity, is_not_null) = self.column_of(live).await?;
        Ok((Scale::Sqlite(affinity), is_not_null))
    }

    /// The affinity of the column in every table, and whether it is NULL in none.
    async fn column_of(&self, live: &Db) -> Result<(Affinity, bool)> {
        let mut affinity = None;
        let mut is_not_null = true;
        for name in &self.tables {
            let probe = probe(name);
            let (_, relations) = live.engine().relate(&live.query(&probe).into_call()).await?;
            let Some(Relation::Table(table)) = relations.relation(name) else {
                return Err(Error::usage(format!("{name} is not an ordinary table")));
            };
            let is_it = |column: &str| column.eq_ignore_ascii_case(&self.column);
            let Some(place) = table.columns.iter().position(|column| is_it(&column.name)) else {
                return Err(Error::usage(format!("{name} has no column {}", self.column)));
            };
            let column = &table.columns[place];
            if column.collation != Some(Collation::Binary) {
                return Err(Error::usage(format!(
                    "{name}.{} does not compare as BINARY; only such a column has ranges",
                    self.column
                )));
            }
            if *affinity.get_or_insert(column.affinity) != column.affinity {
                return Err(Error::usage("the column has another type in another table"));
            }
            let asked = live.query(
                "SELECT count(*) FROM pragma_table_info(?) WHERE name = ? COLLATE NOCASE \
                 AND \"notnull\"",
            );
            let declared: i64 = asked.bind(&**name).bind(&*self.column).scalar().await?;
            let is_rowid = table.rowid.is_some_and(|rowid| usize::from(rowid) == place);
            is_not_null &= declared > 0 || is_rowid;
        }
        Ok((affinity.unwrap_or(Affinity::Blob), is_not_null))
    }

    /// The archives with their ranges, in order.
    fn parts(&self, scale: &Scale, is_not_null: bool) -> Result<Vec<(&Given, Part)>> {
        let mut parts = Vec::new();
        for given in &self.archives {
            let bound = |value: &Option<Value>| {
                value.as_ref().map(|value| scale.compared(value)).transpose()
            };
            let (low, high) = (bound(&given.low)?, bound(&given.high)?);
            let span = half_open(low, high);
            if is_empty(&span) {
                return Err(Error::usage(format!("the range of member {} is empty", given.name)));
            }
            let (low, high) = (given.low.clone(), given.high.clone());
            let part = Part { member: 0, low, high, span, has_null: false, is_not_null };
            parts.push((given, part));
        }
        parts.sort_by_key(|(_, part)| begin(part));
        for pair in parts.windows(2) {
            let [(first, a), (second, b)] = pair else { continue };
            if !is_empty(&a.span.clone().intersect(b.span.clone())) {
                return Err(Error::usage(format!(
                    "the ranges of members {} and {} overlap",
                    first.name, second.name
                )));
            }
        }
        Ok(parts)
    }
}

const HALF_OPEN: &str = "a range of a member is half-open: `low..high`, `..high` or `low..`";

/// How values of the column compare that rows are split by.
enum Scale {
    Sqlite(Affinity),
    #[cfg(feature = "postgres")]
    Server(super::server::Scale, Option<super::server::BoundaryRow>),
}

impl Scale {
    /// A bound as values of the column compare with it.
    fn compared(&self, value: &Value) -> Result<Comparand> {
        match self {
            Scale::Sqlite(affinity) => compared(value, *affinity),
            #[cfg(feature = "postgres")]
            Scale::Server(scale, _) => scale.compared(value),
        }
    }

    /// Makes the table that holds the boundaries of a live database.
    async fn prepare(&self, live: &Db) -> Result<()> {
        match self {
            Scale::Sqlite(_) => live.execute_batch(Boundary::CREATE).await,
            #[cfg(feature = "postgres")]
            Scale::Server(_, boundary) => match boundary {
                Some(boundary) => boundary.prepare(live).await,
                None => Ok(()),
            },
        }
    }

    #[cfg(feature = "postgres")]
    fn server(self) -> Option<Box<super::server::Server>> {
        match self {
            Scale::Sqlite(_) => None,
            Scale::Server(scale, boundary) => {
                Some(Box::new(super::server::Server::new(scale, boundary)))
            }
        }
    }
}

fn begin(part: &Part) -> Option<Comparand> {
    match &part.span.low {
        Bound::Included(low) => Some(low.clone()),
        _ => None,
    }
}

/// A bound as values of the column compare with it.
fn compared(value: &Value, affinity: Affinity) -> Result<Comparand> {
    match Constant::of(value, affinity, Collation::Binary) {
        Constant::Is(value) => Ok(value),
        Constant::Never | Constant::Unclear => Err(Error::usage(format!(
            "a bound of a range is {}, which the column does not hold; give it as the column has \
             its values",
            value.type_name()
        ))),
    }
}
