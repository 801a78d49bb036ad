//! What is known of the table that rows are written to: its name as it is written in statements,
//! and its columns. It is asked of the database for each operation, since it may have changed.

use std::panic::Location;

use super::chunk::Chunk;
use crate::engine::Seat;
use crate::error::{Constraint, Error, Kind, Result};
use crate::params::Params;
use crate::row::Rows;
use crate::sql::Dialect;
use crate::value::Value;

/// Columns of SQLite's tables that no list of them shows.
const ROWIDS: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// Per column its name, its type, its place in the primary key, and whether it is computed.
const SQLITE: &str = "SELECT name, type, pk, hidden > 1 FROM pragma_table_xinfo(?1) ORDER BY cid";
const SQLITE_OF: &str =
    "SELECT name, type, pk, hidden > 1 FROM pragma_table_xinfo(?1, ?2) ORDER BY cid";

/// The same, the number of the type, whether texts are equal only if their bytes are, whether the
/// column refuses NULL whatever triggers do, whether rows may not be alike in it, whether COPY does
/// with it what INSERT does, and the name of the table. A type is that below a domain, and without
/// its modifier (-1), since a cast to `varchar(3)` cuts what is longer; assigning it does not.
#[cfg(feature = "postgres")]
const POSTGRES: &str = "
    SELECT a.attname::text, pg_catalog.format_type(b.id, -1),
        COALESCE((SELECT p.n FROM pg_catalog.pg_index i,
            unnest(i.indkey::int2[]) WITH ORDINALITY AS p(attnum, n)
            WHERE i.indrelid = a.attrelid AND i.indisprimary AND p.attnum = a.attnum), 0),
        (COALESCE(pg_catalog.to_jsonb(a)->>'attgenerated', '') <> '')::int, b.id::int8,
        (a.attcollation = 100)::int,
        (a.attnotnull AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g
            WHERE g.tgrelid = a.attrelid AND NOT g.tgisinternal AND g.tgtype & 2 = 2))::int,
        EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid
            AND (i.indisunique OR i.indisexclusion) AND (a.attnum = ANY (i.indkey::int2[])
                OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))::int,
        (c.relkind IN ('r', 'p') AND NOT c.relhasrules AND a.attidentity <> 'a'
            AND NOT pg_catalog.row_security_active(c.oid))::int, c.relname::text
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    CROSS JOIN LATERAL (
        WITH RECURSIVE base(id, of) AS (
            SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
            UNION ALL SELECT t.oid, t.typbasetype FROM base
                JOIN pg_catalog.pg_type t ON t.oid = base.of)
        SELECT id FROM base WHERE of = 0) AS b
    WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum";

/// Types whose arrays a statement takes as they are. Of others the elements come as texts.
#[cfg(feature = "postgres")]
const PLAIN: [u32; 19] = [
    16, 17, 20, 21, 23, 25, 26, 700, 701, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266, 1700,
    2950,
];

/// A table that rows are written to.
pub(super) struct Table {
    /// As it is written in statements.
    pub(super) quoted: String,
    /// As its caller has written it.
    name: String,
    pub(super) dialect: Dialect,
    pub(super) columns: Vec<TableColumn>,
    /// As the server names it.
    #[cfg(feature = "postgres")]
    pub(super) relation: std::sync::Arc<str>,
}

/// A column of a table.
pub(super) struct TableColumn {
    pub(super) name: Box<str>,
    /// Its type, as statements write it.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code))]
    pub(super) declared: Box<str>,
    /// Its place in the primary key, from 1 on.
    key: i64,
    /// It is computed from others.
    is_generated: bool,
    /// It refuses NULL, and no trigger can put something in its place.
    #[cfg(feature = "postgres")]
    is_required: bool,
    /// The number of its type.
    #[cfg(feature = "postgres")]
    pub(super) oid: u32,
    /// Its texts are equal only if their bytes are.
    #[cfg(feature = "postgres")]
    is_exact: bool,
    /// Rows may not be alike in it, or in something that is made of it.
    #[cfg(feature = "postgres")]
    pub(super) is_unique: bool,
    /// COPY does with it what INSERT does.
    #[cfg(feature = "postgres")]
    pub(super) is_copied: bool,
}

#[cfg(feature = "postgres")]
impl TableColumn {
    pub(super) fn is_plain(&self) -> bool {
        PLAIN.contains(&self.oid)
    }

    pub(super) fn is_integer(&self) -> bool {
        matches!(self.oid, 20 | 21 | 23)
    }

    pub(super) fn is_bytewise(&self) -> bool {
        matches!(self.oid, 25 | 1043) && self.is_exact
    }

    pub(super) fn is_bytes(&self) -> bool {
        self.oid == 17
    }
}

impl Table {
    /// Asks for the table; an error if there is none.
    pub(super) async fn find(
        seat: Seat<'_>,
        name: String,
        caller: &'static Location<'static>,
    ) -> Result<Table> {
        let parts = parts(&name)?;
        let quoted: Vec<String> = parts.iter().map(|part| quote(part)).collect();
        let quoted = quoted.join(".");
        let dialect = seat.engine().dialect();
        let mut params = Params::default();
        let sql = match dialect {
            Dialect::Sqlite => {
                parts.iter().rev().for_each(|part| params.push(part.as_str().into()));
                if parts.len() > 1 { SQLITE_OF } else { SQLITE }
            }
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                params.push(quoted.as_str().into());
                POSTGRES
            }
        };
        let rows = seat.look(sql, params, caller).await?;
        if rows.is_empty() {
            return Err(Error::usage(format!(
                "there is no table {quoted}; names are taken as they are written, so check its \
                 spelling, put its schema before it with a dot if it has another one, or create it"
            )));
        }
        let columns = columns(&rows)?;
        #[cfg(feature = "postgres")]
        let relation = match rows.values(0).get(9) {
            Some(Value::Text(relation)) => relation.as_str().into(),
            _ => "".into(),
        };
        Ok(Table {
            quoted,
            name,
            dialect,
            columns,
            #[cfg(feature = "postgres")]
            relation,
        })
    }

    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|column| self.is_same(&column.name, name))
    }

    /// An error unless all of these are columns that can be written.
    pub(super) fn check_writable(&self, names: &[Box<str>], row: u64) -> Result<()> {
        for (index, name) in names.iter().enumerate() {
            if names[..index].iter().any(|other| self.is_same(other, name)) {
                return Err(Error::usage("the column is named twice").at_row(row, Some(name)));
            }
            match self.column(name) {
                Some(column) if column.is_generated => {
                    return Err(Error::usage(
                        "the column is computed by the database; leave it out",
                    )
                    .at_row(row, Some(name)));
                }
                Some(_) => {}
                None if self.has_rowid(name) => {}
                None => return Err(self.no_column(name).at_row(row, Some(name))),
            }
        }
        Ok(())
    }

    /// An error unless all of these are columns.
    pub(super) fn check_there(&self, names: &[Box<str>]) -> Result<()> {
        match names.iter().find(|name| self.column(name).is_none() && !self.has_rowid(name)) {
            Some(name) => Err(self.no_column(name)),
            None if names.is_empty() => Err(Error::usage("no column is named")),
            None => Ok(()),
        }
    }

    /// An error if a value is NULL for which an INSERT is certain to be refused, with its row and
    /// column. SQLite names both by itself.
    pub(super) fn check_nulls(&self, names: &[Box<str>], chunk: &Chunk) -> Result<()> {
        match self.nulls(names, chunk).first() {
            Some((row, column)) => Err(Error::new(
                Kind::Constraint(Constraint::NotNull),
                "the value is NULL, and the column is NOT NULL: give it a value, or leave the \
                 column out of all rows for its default",
            )
            .at_row(*row, Some(column))),
            None => Ok(()),
        }
    }

    /// Up to two values that are NULL in columns that refuse it, by row and column, as far as the
    /// database does not name them.
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables))]
    pub(super) fn nulls(&self, names: &[Box<str>], chunk: &Chunk) -> Vec<(u64, Box<str>)> {
        let is_required = |name: &str| match self.dialect {
            Dialect::Sqlite => false,
            #[cfg(feature = "postgres")]
            Dialect::Postgres => self.column(name).is_some_and(|column| column.is_required),
        };
        let required: Vec<usize> =
            (0..names.len()).filter(|index| is_required(&names[*index])).collect();
        let rows = chunk.rows().enumerate();
        let null = |(index, row): (usize, &[Value])| {
            let place = required.iter().find(|place| row[**place] == Value::Null)?;
            Some((chunk.number(index), names[*place].clone()))
        };
        if required.is_empty() { Vec::new() } else { rows.filter_map(null).take(2).collect() }
    }

    /// For each name its place among the columns of the rows.
    pub(super) fn places(&self, names: &[Box<str>], columns: &[Box<str>]) -> Vec<Option<usize>> {
        let place = |name: &str| columns.iter().position(|column| self.is_same(column, name));
        names.iter().map(|name| place(name)).collect()
    }

    /// Whether two names are those of one column.
    fn is_same(&self, one: &str, other: &str) -> bool {
        match self.dialect {
            Dialect::Sqlite => one.eq_ignore_ascii_case(other),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => one == other,
        }
    }

    /// The columns by which a row is told from others.
    pub(super) fn primary_key(&self) -> Result<Vec<Box<str>>> {
        let mut key: Vec<&TableColumn> =
            self.columns.iter().filter(|column| column.key > 0).collect();
        key.sort_by_key(|column| column.key);
        match self.dialect {
            Dialect::Sqlite if key.is_empty() => Ok(vec!["rowid".into()]),
            _ if key.is_empty() => Err(Error::usage(format!(
                "the table {} has no primary key; name the columns that are wanted with \
                 `returning`",
                self.quoted
            ))),
            _ => Ok(key.into_iter().map(|column| column.name.clone()).collect()),
        }
    }

    fn has_rowid(&self, name: &str) -> bool {
        self.dialect == Dialect::Sqlite
            && ROWIDS.iter().any(|rowid| rowid.eq_ignore_ascii_case(name))
    }

    fn no_column(&self, name: &str) -> Error {
        /// Names that an error lists.
        const LISTED_MAX: usize = 30;
        let listed = self.columns.iter().filter(|column| !column.is_generated).take(LISTED_MAX);
        let listed: Vec<&str> = listed.map(|column| &*column.name).collect();
        let more = if self.columns.len() > LISTED_MAX { ", …" } else { "" };
        Error::usage(format!(
            "the table {:?} has no column {name:?}; it has {}{more}",
            self.name,
            listed.join(", ")
        ))
    }
}

fn columns(rows: &Rows) -> Result<Vec<TableColumn>> {
    let column = |values: &[Value]| {
        let text = |index: usize| match values.get(index) {
            Some(Value::Text(text)) => Some(Box::from(text.as_str())),
            _ => None,
        };
        let number = |index: usize| match values.get(index) {
            Some(Value::Integer(n)) => Some(*n),
            _ => None,
        };
        Some(TableColumn {
            name: text(0)?,
            declared: text(1)?,
            key: number(2)?,
            is_generated: number(3)? != 0,
            #[cfg(feature = "postgres")]
            oid: u32::try_from(number(4).unwrap_or(0)).ok()?,
            #[cfg(feature = "postgres")]
            is_exact: number(5).unwrap_or(0) != 0,
            #[cfg(feature = "postgres")]
            is_required: number(6).unwrap_or(0) != 0,
            #[cfg(feature = "postgres")]
            is_unique: number(7).unwrap_or(0) != 0,
            #[cfg(feature = "postgres")]
            is_copied: number(8).unwrap_or(0) != 0,
        })
    };
    let columns: Option<Vec<_>> = (0..rows.len()).map(|row| column(rows.values(row))).collect();
    columns.ok_or_else(|| Error::usage("the database has described the table in unknown words"))
}

/// An identifier that means exactly this name.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The schema, if there is one, and the table.
fn parts(name: &str) -> Result<Vec<String>> {
    let wrong = || {
        Error::usage(format!(
            "{name:?} is no name of a table: write the table, or schema.table, and put a part that \
             has a dot or a quote in double quotes"
        ))
    };
    let (mut parts, mut rest) = (Vec::new(), name);
    loop {
        let (part, after) = part(rest).filter(|(part, _)| !part.is_empty()).ok_or_else(wrong)?;
        if part.contains('\0') || parts.len() == 2 {
            return Err(wrong());
        }
        parts.push(part);
        match after.strip_prefix('.') {
            Some(after) => rest = after,
            None if after.is_empty() => return Ok(parts),
            None => return Err(wrong()),
        }
    }
}

/// The part before the next dot, and what comes after it.
fn part(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut part = String::new();
    loop {
        let end = rest.find('"')?;
        part.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                part.push('"');
                rest = after;
            }
            None => return Some((part, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables() {
        let check = |name: &str, expect: Option<&[&str]>| {
            let parts = parts(name).ok();
            let parts = parts.as_ref().map(|it| it.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(parts.as_deref(), expect, "{name}");
        };
        check("t", Some(&["t"]));
        check("main.t", Some(&["main", "t"]));
        check("odd name; --", Some(&["odd name; --"]));
        check(r#""a.b".c"#, Some(&["a.b", "c"]));
        check(r#"s."say ""hi""""#, Some(&["s", r#"say "hi""#]));
        for wrong in ["", ".", "a.", ".a", "a.b.c", r#""a"#, r#""a"b"#, r#""""#, "a\0b"] {
            check(wrong, None);
        }
        assert_eq!(quote(r#"say "hi""#), r#""say ""hi""""#);
    }
}
