//! What a schema has once all migrations have run, as far as their words say so: indexes by name,
//! and which columns refer to which tables. What is made within blocks of code is not seen. It asks
//! no database.

use super::source::{Migration, Migrations};
use crate::error::Result;
use crate::index::CreateIndex;
use crate::sql::{Dialect, words};

/// Words that begin what is no column in the list of a CREATE TABLE.
const NO_COLUMN: [&str; 7] =
    ["constraint", "primary", "unique", "check", "foreign", "exclude", "like"];

/// What is promised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Promise {
    /// Indexes, each with its table.
    pub(crate) indexes: Vec<(String, String)>,
    /// A table, a column of it, and the table that it refers to.
    pub(crate) relations: Vec<[String; 3]>,
}

impl Migrations {
    /// What they promise.
    pub(crate) fn promise(&self, dialect: Dialect) -> Result<Promise> {
        let files = self.load(dialect)?;
        Ok(Promise::of(&files, dialect))
    }
}

impl Promise {
    fn of(files: &[Migration], dialect: Dialect) -> Promise {
        let mut promise = Promise::default();
        for file in files {
            for place in 0..file.pieces.len() {
                promise.read(file.statement(place), dialect);
            }
        }
        promise
    }

    fn read(&mut self, statement: &str, dialect: Dialect) {
        if let Ok(index) = CreateIndex::parse(statement, dialect) {
            let table = words(&index.table_sql, dialect).last().unwrap_or_default();
            self.indexes.retain(|(name, _)| *name != index.name);
            self.indexes.push((index.name, table));
            return;
        }
        let all: Vec<String> = words(statement, dialect).collect();
        let mut reader = Reader { words: &all, at: 0 };
        match (reader.next(), reader.next()) {
            ("create", "table") => self.create_table(reader),
            ("alter", "table") => self.alter_table(reader),
            ("alter", "index") => self.rename_index(reader),
            ("drop", "index") => {
                let gone = reader.names();
                self.indexes.retain(|(name, _)| !gone.contains(name));
            }
            ("drop", "table") => reader.names().iter().for_each(|table| self.forget(table)),
            _ => {}
        }
    }

    fn create_table(&mut self, mut reader: Reader<'_>) {
        let table = reader.name();
        if reader.next() == "(" {
            for item in reader.items() {
                self.relate(&table, &item);
            }
        }
    }

    fn alter_table(&mut self, mut reader: Reader<'_>) {
        reader.takes("only");
        let table = reader.name();
        match (reader.next(), reader.peek()) {
            ("rename", "to") => {
                reader.next();
                self.rename(&table, &reader.name());
            }
            ("add", _) => {
                reader.takes("column");
                reader.skip_conditions();
                let item: Vec<String> = reader.words[reader.at..].to_vec();
                self.relate(&table, &item);
            }
            // Which column it is of is not known: nothing of the table is promised any more.
            ("drop", "constraint") => self.relations.retain(|it| it[0] != table),
            ("drop", _) => {
                reader.takes("column");
                let column = reader.name();
                self.relations.retain(|it| it[0] != table || it[1] != column);
                // PostgreSQL drops those with the column in them, whose columns are not kept here.
                self.indexes.retain(|(_, of)| *of != table);
            }
            _ => {}
        }
    }

    /// One column or constraint of a table.
    fn relate(&mut self, table: &str, item: &[String]) {
        let Some(at) = item.iter().position(|word| word == "references") else { return };
        let mut behind = Reader { words: item, at: at + 1 };
        let parent = behind.name();
        let first = item.first().map_or("", String::as_str);
        let is_column = !NO_COLUMN.contains(&first);
        let column = match is_column {
            true => first,
            false => {
                let open = item.iter().position(|word| word == "(").filter(|open| *open < at);
                open.and_then(|open| item.get(open + 1)).map_or("", String::as_str)
            }
        };
        if !column.is_empty() && !parent.is_empty() {
            self.relations.push([table.to_owned(), column.to_owned(), parent]);
        }
    }

    fn rename_index(&mut self, mut reader: Reader<'_>) {
        let name = reader.name();
        if (reader.next(), reader.next()) == ("rename", "to") {
            let to = reader.name();
            self.indexes.iter_mut().filter(|it| it.0 == name).for_each(|it| it.0.clone_from(&to));
        }
    }

    fn rename(&mut self, table: &str, to: &str) {
        let of_table = self.indexes.iter_mut().map(|(_, of)| of);
        let names = self.relations.iter_mut().flat_map(|[of, _, parent]| [of, parent]);
        names.chain(of_table).filter(|it| **it == table).for_each(|it| to.clone_into(it));
    }

    fn forget(&mut self, table: &str) {
        self.indexes.retain(|(_, of)| of != table);
        self.relations.retain(|it| it[0] != table);
    }
}

struct Reader<'a> {
    words: &'a [String],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> &'a str {
        self.words.get(self.at).map_or("", String::as_str)
    }

    fn next(&mut self) -> &'a str {
        let word = self.peek();
        self.at += 1;
        word
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_there = self.peek() == word;
        self.at += usize::from(is_there);
        is_there
    }

    fn skip_conditions(&mut self) {
        self.takes("concurrently");
        if self.takes("if") {
            self.takes("not");
            self.takes("exists");
        }
    }

    /// A name without the schema before it.
    fn name(&mut self) -> String {
        self.skip_conditions();
        let mut name = self.next();
        while self.takes(".") {
            name = self.next();
        }
        name.to_owned()
    }

    /// Names with commas between them.
    fn names(&mut self) -> Vec<String> {
        let mut names = vec![self.name()];
        while self.takes(",") {
            names.push(self.name());
        }
        names
    }

    /// What stands between commas, up to the parenthesis that closes the list.
    fn items(&mut self) -> Vec<Vec<String>> {
        let (mut items, mut depth) = (vec![Vec::new()], 0_usize);
        while self.at < self.words.len() {
            let word = self.next();
            match word {
                ")" if depth == 0 => break,
                "," if depth == 0 => items.push(Vec::new()),
                _ => {
                    depth += usize::from(word == "(");
                    depth = depth.saturating_sub(usize::from(word == ")"));
                    items.last_mut().expect("it begins with one").push(word.to_owned());
                }
            }
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_in_the_end() {
        let check = |script: &str, indexes: &[&str], relations: &[&str]| {
            let files = Migrations::from([("1.sql", script.to_owned())]);
            let found = files.promise(Dialect::Sqlite).unwrap();
            let named: Vec<&str> = found.indexes.iter().map(|it| it.0.as_str()).collect();
            let related: Vec<String> = found.relations.iter().map(|it| it.join(" ")).collect();
            assert_eq!(
                (named.as_slice(), related),
                (indexes, relations.iter().map(|it| (*it).to_owned()).collect()),
                "{script}"
            );
        };
        check(
            "CREATE INDEX a ON t (x); CREATE UNIQUE INDEX IF NOT EXISTS \"B\" ON t (y)",
            &["a", "B"],
            &[],
        );
        check(
            "CREATE INDEX a ON t (x); CREATE INDEX b ON t (x); DROP INDEX IF EXISTS a",
            &["b"],
            &[],
        );
        check("CREATE INDEX a ON t (x); DROP TABLE t", &[], &[]);
        check("CREATE INDEX a ON u (x); ALTER TABLE u RENAME TO t; DROP TABLE u", &["a"], &[]);
        check("ALTER TABLE t RENAME COLUMN a TO b; ANALYZE; ", &[], &[]);
        check(
            "CREATE TABLE IF NOT EXISTS main.Post (id INTEGER PRIMARY KEY,
                n DECIMAL(5, 2) CHECK (n IN (1, 2)),
                author INT NOT NULL REFERENCES author (id) ON DELETE CASCADE,
                CONSTRAINT x FOREIGN KEY (topic, part) REFERENCES s.topic (a, b))",
            &[],
            &["post author author", "post topic topic"],
        );
        check("ALTER TABLE t ADD COLUMN p REFERENCES q; ALTER TABLE t ADD r INT", &[], &["t p q"]);
        check("ALTER TABLE t ADD p REFERENCES q; ALTER TABLE t DROP COLUMN p", &[], &[]);
        check(
            "CREATE TABLE new (p REFERENCES q); DROP TABLE t; ALTER TABLE new RENAME TO t",
            &[],
            &["t p q"],
        );
        check("CREATE TABLE t AS SELECT 1; CREATE TEMP TABLE u (a REFERENCES b); CREATE", &[], &[]);
    }
}
