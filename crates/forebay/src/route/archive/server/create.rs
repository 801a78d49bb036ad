//! Making the table in an archive that has none, like the one of the live database: columns, keys,
//! checks and indexes, but no foreign keys, no triggers, and no defaults that count.

use crate::error::{Error, Kind, Result};
use crate::session::Transaction;
use crate::value::Value;

use super::place::Place;
use crate::route::server::PREPARING;

/// The columns, as they stand in a CREATE TABLE.
const COLUMNS: &str = "\
SELECT pg_catalog.string_agg(pg_catalog.concat(
           pg_catalog.quote_ident(a.attname), ' ',
           pg_catalog.format_type(a.atttypid, a.atttypmod),
           CASE WHEN a.attcollation <> t.typcollation THEN
               ' COLLATE ' || pg_catalog.quote_ident(n.nspname) || '.'
               || pg_catalog.quote_ident(l.collname) END,
           CASE WHEN a.attgenerated <> '' THEN
               ' GENERATED ALWAYS AS (' || pg_catalog.pg_get_expr(d.adbin, d.adrelid) || ')'
               || CASE a.attgenerated WHEN 's' THEN ' STORED' ELSE ' VIRTUAL' END
           WHEN pg_catalog.strpos(pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'nextval(') = 0 THEN
               ' DEFAULT ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
           CASE WHEN a.attnotnull THEN ' NOT NULL' END), ', ' ORDER BY a.attnum)
FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = l.collnamespace
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped";

/// What else makes it what it is: keys and checks, then the indexes that no key has made.
const MORE: &str = "\
SELECT * FROM (
    SELECT 'ALTER TABLE ' || $2::text || ' ADD CONSTRAINT ' || pg_catalog.quote_ident(k.conname)
           || ' ' || pg_catalog.pg_get_constraintdef(k.oid) AS sql
    FROM pg_catalog.pg_constraint AS k
    WHERE k.conrelid = $1::int8::oid AND k.contype IN ('p', 'u', 'c', 'x')
    ORDER BY k.contype = 'p' DESC, k.conname) AS forebay_keys
UNION ALL
SELECT * FROM (
    SELECT pg_catalog.pg_get_indexdef(i.indexrelid) FROM pg_catalog.pg_index AS i
    WHERE i.indrelid = $1::int8::oid AND i.indisvalid AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS k
        WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid)
    ORDER BY i.indexrelid) AS forebay_indexes";

impl Place {
    /// The statements that make the table, from the catalogue of the live database.
    pub(super) async fn create(&self) -> Result<Vec<String>> {
        let oid = i64::from(self.shape.oid);
        let table = &*self.shape.qualified;
        let columns = self.live.query(COLUMNS).exact().no_cache().bind(oid);
        let Some(columns) = columns.scalar::<Option<String>>().await? else {
            return Err(Error::new(Kind::Busy, "the schema changed meanwhile; try again"));
        };
        let mut script = vec![
            format!("CREATE SCHEMA IF NOT EXISTS {}", self.shape.schema),
            format!("CREATE TABLE {table} ({columns})"),
        ];
        let more = self.live.query(MORE).exact().no_cache().bind(oid).bind(table);
        script.extend(more.all::<String>().await?);
        Ok(script)
    }

    /// Makes the table in the archive if it is missing, and gives the archive a name if it has
    /// none; its name.
    pub(super) async fn name_archive(&self, tx: &Transaction, new: String) -> Result<String> {
        // Two first runs at once would make it twice.
        let lock = format!("SELECT pg_catalog.pg_advisory_xact_lock({PREPARING})::text");
        tx.query(&lock).fetch().await?;
        let there = tx.query("SELECT pg_catalog.to_regclass($1::text) IS NOT NULL");
        if !there.bind(&*self.archive_sql).scalar::<bool>().await? {
            for sql in self.create().await? {
                tx.execute(&sql).await.map_err(|error| {
                    error.prefixed(&format!(
                        "the archive has no table {}, and it could not be made like the live one; \
                         make it there",
                        self.shape.name
                    ))
                })?;
            }
        }
        let marks = &self.marks;
        tx.execute(&format!(
            "CREATE TABLE IF NOT EXISTS {marks} (split_table text COLLATE \"C\" PRIMARY KEY, \
             archive text NOT NULL)"
        ))
        .await?;
        let named = format!("SELECT archive FROM {marks} WHERE split_table = $1");
        let named = tx.query(&named).bind(&*self.shape.name);
        if let Some(name) = named.optional::<String>().await? {
            return Ok(name);
        }
        let count = format!("SELECT pg_catalog.count(*) FROM {}", self.archive_sql);
        super::super::face::check_count(tx.query(&count).scalar().await?, &self.shape.name)?;
        let insert = format!("INSERT INTO {marks} VALUES ($1, $2)");
        tx.execute(&insert).bind(&*self.shape.name).bind(Value::from(new.as_str())).await?;
        Ok(new)
    }
}
