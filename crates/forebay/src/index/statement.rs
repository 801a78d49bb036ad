//! A CREATE INDEX, as far as it has to be understood to be run safely: its words up to the table,
//! and the rest as it stands. It runs nothing.

use crate::sql::{Dialect, tokens_of};

/// A statement that makes an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CreateIndex {
    pub(crate) is_unique: bool,
    /// The schema that SQLite's index lies in, as it stands in SQL.
    schema: Option<String>,
    /// The name without quotes, folded as the database folds it.
    pub(crate) name: String,
    /// The name as it stands in SQL.
    name_sql: String,
    /// The table as it stands in SQL, with its schema if it has one.
    pub(crate) table_sql: String,
    /// From ONLY or the table on, to the end.
    rest: String,
}

/// Why a statement is not run, as the end of a sentence that begins with "it".
pub(crate) type Refusal = &'static str;

impl CreateIndex {
    /// Reads one statement.
    pub(crate) fn parse(sql: &str, dialect: Dialect) -> Result<CreateIndex, Refusal> {
        let mut reader = Reader { sql, dialect, tokens: tokens_of(sql, dialect), at: 0 };
        if !reader.takes("CREATE") {
            return Err("is no CREATE INDEX");
        }
        let is_unique = reader.takes("UNIQUE");
        if !reader.takes("INDEX") {
            return Err("is no CREATE INDEX");
        }
        if dialect != Dialect::Sqlite {
            reader.takes("CONCURRENTLY");
        }
        if reader.takes("IF") && !(reader.takes("NOT") && reader.takes("EXISTS")) {
            return Err("has an IF that is no IF NOT EXISTS");
        }
        if reader.next_is("ON") {
            return Err("gives the index no name, by which it could be found again; give it one");
        }
        let mut schema = None;
        let mut name_sql = reader.name()?;
        if reader.takes(".") {
            schema = Some(std::mem::replace(&mut name_sql, reader.name()?));
        }
        if !reader.takes("ON") {
            return Err("has no ON where a table is expected");
        }
        let rest = sql[reader.start()..].trim_end().to_owned();
        reader.takes("ONLY");
        let mut table_sql = reader.name()?;
        while reader.takes(".") {
            table_sql = format!("{table_sql}.{}", reader.name()?);
        }
        let is_open = reader.next_is("(") || reader.next_is("USING");
        if !is_open {
            return Err("has no column list behind the table");
        }
        let name = bare(&name_sql, dialect);
        Ok(CreateIndex { is_unique, schema, name, name_sql, table_sql, rest })
    }

    /// The statement that makes it, or leaves it as it is where it is there.
    pub(crate) fn sql(&self, is_concurrent: bool) -> String {
        let unique = if self.is_unique { "UNIQUE " } else { "" };
        let concurrently = if is_concurrent { "CONCURRENTLY " } else { "" };
        let name = self.qualified();
        format!("CREATE {unique}INDEX {concurrently}IF NOT EXISTS {name} ON {}", self.rest)
    }

    /// The name under which it is dropped. PostgreSQL has an index in the schema of its table.
    pub(crate) fn qualified(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name_sql),
            None => self.name_sql.clone(),
        }
    }
}

/// Whether a statement makes an index while others write.
#[cfg(feature = "postgres")]
pub(crate) fn is_concurrent(sql: &str, dialect: Dialect) -> bool {
    let words: Vec<String> = crate::sql::words(sql, dialect).take(4).collect();
    dialect != Dialect::Sqlite
        && words.first().is_some_and(|word| word == "create")
        && words.iter().any(|word| word == "concurrently")
}

/// A name without its quotes; PostgreSQL folds one that has none.
pub(crate) fn bare(name: &str, dialect: Dialect) -> String {
    match name.chars().next() {
        Some('"' | '`' | '[') => crate::sql::words(name, dialect).next().unwrap_or_default(),
        _ if dialect == Dialect::Sqlite => name.to_owned(),
        _ => name.to_lowercase(),
    }
}

struct Reader<'a> {
    sql: &'a str,
    dialect: Dialect,
    tokens: Vec<std::ops::Range<usize>>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn word(&self) -> &'a str {
        self.tokens.get(self.at).map_or("", |range| &self.sql[range.clone()])
    }

    fn start(&self) -> usize {
        self.tokens.get(self.at).map_or(self.sql.len(), |range| range.start)
    }

    fn next_is(&self, word: &str) -> bool {
        self.word().eq_ignore_ascii_case(word)
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_there = self.next_is(word);
        self.at += usize::from(is_there);
        is_there
    }

    fn name(&mut self) -> Result<String, Refusal> {
        let word = self.word();
        let is_name = word.starts_with(|c: char| c.is_alphabetic() || c == '_')
            || word.starts_with('"')
            || (self.dialect == Dialect::Sqlite && word.starts_with(['`', '[']));
        if !is_name {
            return Err("has no name where one is expected");
        }
        self.at += 1;
        Ok(word.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_make_an_index() {
        let check = |sql: &str, dialect: Dialect, expect: Result<(&str, &str, &str), &str>| {
            let found = CreateIndex::parse(sql, dialect);
            let found = found.map(|it| (it.name.clone(), it.table_sql.clone(), it.sql(false)));
            match (&found, expect) {
                (Ok((name, table, made)), Ok(expect)) => {
                    assert_eq!((&**name, &**table, &**made), expect, "{sql}");
                }
                (Err(found), Err(says)) => assert!(found.contains(says), "{sql}: {found}"),
                _ => panic!("{sql}: {found:?}"),
            }
        };
        let sqlite = Dialect::Sqlite;
        check(
            "create index a on t (x)",
            sqlite,
            Ok(("a", "t", "CREATE INDEX IF NOT EXISTS a ON t (x)")),
        );
        check(
            "CREATE UNIQUE INDEX IF NOT EXISTS main.\"a \"\"b\" /* c */ ON [t u] \
             (lower(x), y DESC) WHERE z > 1 -- d",
            sqlite,
            Ok((
                "a \"b",
                "[t u]",
                "CREATE UNIQUE INDEX IF NOT EXISTS main.\"a \"\"b\" ON [t u] (lower(x), y DESC) \
                 WHERE z > 1 -- d",
            )),
        );
        check("CREATE TABLE a (x)", sqlite, Err("no CREATE INDEX"));
        check("DROP INDEX a", sqlite, Err("no CREATE INDEX"));
        check("CREATE INDEX CONCURRENTLY a ON t (x)", sqlite, Err("no ON"));
        check("CREATE INDEX a", sqlite, Err("no ON"));
        check("CREATE INDEX ON t (x)", sqlite, Err("no name"));
        check("CREATE INDEX a ON t", sqlite, Err("column list"));
        check("CREATE INDEX 'a' ON t (x)", sqlite, Err("no name where"));
        check("", sqlite, Err("no CREATE INDEX"));
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn statements_of_postgres() {
        let sql = "CREATE INDEX CONCURRENTLY Post_At ON ONLY s.\"Post\" USING gin (at) INCLUDE (x)";
        let found = CreateIndex::parse(sql, Dialect::Postgres).unwrap();
        assert_eq!((&*found.name, &*found.table_sql), ("post_at", "s.\"Post\""));
        assert_eq!(
            found.sql(true),
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS Post_At ON ONLY s.\"Post\" USING gin (at) \
             INCLUDE (x)"
        );
        assert!(is_concurrent(sql, Dialect::Postgres));
        assert!(!is_concurrent(&found.sql(false), Dialect::Postgres));
        assert!(CreateIndex::parse("CREATE INDEX ON t (x)", Dialect::Postgres).is_err());
    }
}
