//! Whether a table can be moved from one PostgreSQL database to another at all: what would lose
//! something, or cannot be followed, is refused before anything is done.

use crate::db::Db;
use crate::error::{Error, Kind, Result};
use crate::value::Value;

use super::super::super::member::Member;
use super::super::super::server::{BoundaryRow, MARKS, Scale, Shape, check_agreement};
use super::place::Place;

/// What stands in the way of one table.
const OBSTACLES: &str = "\
SELECT (c.relkind = 'r')::int, (c.relpersistence = 'p')::int,
       (SELECT pg_catalog.min(t.tgname::text) FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
       (SELECT pg_catalog.min(r.rulename::text) FROM pg_catalog.pg_rewrite AS r
        WHERE r.ev_class = c.oid),
       (SELECT pg_catalog.min(k.conrelid::pg_catalog.regclass::text)
        FROM pg_catalog.pg_constraint AS k WHERE k.confrelid = c.oid AND k.contype = 'f'),
       (SELECT pg_catalog.min(k.conname::text) FROM pg_catalog.pg_constraint AS k
        WHERE k.conrelid = c.oid AND k.contype = 'f'),
       EXISTS (SELECT FROM pg_catalog.pg_inherits AS i
        WHERE c.oid IN (i.inhparent, i.inhrelid))::int
FROM pg_catalog.pg_class AS c WHERE c.oid = $1::int8::oid";

/// How columns are declared beside their types, and the key of the table.
const DECLARED: &str = "\
SELECT a.attname::text, a.attnotnull::int::text,
       CASE WHEN a.attgenerated <> '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END
FROM pg_catalog.pg_attribute AS a LEFT JOIN pg_catalog.pg_attrdef AS d
     ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT '', pg_catalog.pg_get_constraintdef(k.oid), NULL FROM pg_catalog.pg_constraint AS k
WHERE k.conrelid = $1::int8::oid AND k.contype = 'p'
ORDER BY 1";

/// Looks at both databases and changes nothing.
pub(super) async fn check(live: &Db, archive: &Db, table: &str, column: &str) -> Result<Place> {
    let name = table.to_lowercase();
    let shape = Shape::read(live, &name, column).await;
    let shape = shape.map_err(|error| error.prefixed("the live database"))?;
    let scale = Scale::of(&shape)?;
    let members = [("the archive", archive), ("the live database", live)]
        .map(|(name, db)| Member { name: name.into(), db: db.clone() });
    check_agreement(&members).await?;
    obstacles(live, "the live database", &shape).await?;
    let theirs = theirs(archive, &shape, column).await?;
    if let Some(theirs) = &theirs {
        if let Some(difference) = shape.difference(theirs) {
            return Err(Error::usage(format!(
                "the archive differs from the live database: {difference}; make them the same"
            )));
        }
        declared(live, archive, &shape, theirs).await?;
        obstacles(archive, "the archive", theirs).await?;
    }
    let there = theirs.as_ref().unwrap_or(&shape);
    Ok(Place {
        boundary: BoundaryRow::of(&shape, &scale),
        archive_sql: there.qualified.to_string(),
        archive_schema: there.schema.clone(),
        marks: there.beside(MARKS),
        has_table: theirs.is_some(),
        live: live.clone(),
        archive: archive.clone(),
        shape,
        scale,
    })
}

/// The table as the archive has it, if it has.
async fn theirs(archive: &Db, shape: &Shape, column: &str) -> Result<Option<Shape>> {
    let there = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_class AS c \
         WHERE pg_catalog.lower(c.relname) = $1 AND pg_catalog.pg_table_is_visible(c.oid)";
    let name = shape.name.to_lowercase();
    let there = archive.query(there).exact().no_cache().bind(&*name);
    if there.scalar::<i64>().await? == 0 {
        return Ok(None);
    }
    let theirs = Shape::read(archive, &name, column).await;
    theirs.map(Some).map_err(|error| error.prefixed("the archive"))
}

/// An error for what a copy or a deletion would not be just that.
async fn obstacles(db: &Db, whose: &str, shape: &Shape) -> Result<()> {
    let rows = db.query(OBSTACLES).exact().no_cache().bind(i64::from(shape.oid)).fetch().await?;
    if rows.rows.is_empty() {
        return Err(Error::new(Kind::Busy, "the schema changed meanwhile; try again"));
    }
    let values = rows.rows.values(0);
    let is = |at: usize| values[at] == Value::Integer(1);
    let name = |at: usize| match &values[at] {
        Value::Text(name) => Some(name.as_str()),
        _ => None,
    };
    let table = &shape.name;
    let why = if !is(0) {
        format!(
            "{table} is partitioned in {whose}: detach old partitions and attach them elsewhere, \
             or move rows of an ordinary table"
        )
    } else if !is(1) {
        format!("{table} is unlogged or temporary in {whose}: a crash would lose its rows")
    } else if let Some(trigger) = name(2) {
        format!(
            "{table} has the trigger {trigger} in {whose}, which would run for every row that is \
             moved; drop it for the time of the move"
        )
    } else if let Some(rule) = name(3) {
        format!("{table} has the rule {rule} in {whose}, which would change what is moved")
    } else if let Some(referring) = name(4) {
        format!(
            "{referring} refers to {table} by a foreign key in {whose}: moving its rows would \
             delete or orphan those of {referring}; move {referring} without the key, or drop the \
             key"
        )
    } else if let Some(key) = name(5).filter(|_| whose == "the archive") {
        format!(
            "{table} has the foreign key {key} in the archive, where the rows that it refers to \
             need not be; drop it there"
        )
    } else if is(6) {
        format!(
            "{table} inherits, or is inherited from, in {whose}: its rows are of several tables"
        )
    } else {
        return Ok(());
    };
    Err(Error::usage(why))
}

/// An error where columns are NOT NULL or generated otherwise, or the primary key is another.
async fn declared(live: &Db, archive: &Db, ours: &Shape, theirs: &Shape) -> Result<()> {
    if declaration(live, ours).await? == declaration(archive, theirs).await? {
        return Ok(());
    }
    Err(Error::usage(format!(
        "the archive differs from the live database: {} has another primary key there, or a \
         column that is NOT NULL or generated otherwise; make them the same",
        ours.name
    )))
}

type Declared = (String, Option<String>, Option<String>);

async fn declaration(db: &Db, shape: &Shape) -> Result<Vec<Declared>> {
    db.query(DECLARED).exact().no_cache().bind(i64::from(shape.oid)).all().await
}
