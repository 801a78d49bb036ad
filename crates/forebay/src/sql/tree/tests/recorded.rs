//! Trees and rows of the catalogue as servers of version 15 and 18 have written them, so that
//! something is checked where there is no server. `record` writes the files anew.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::super::question::Question;
use super::super::{ByteOrder, Catalogue, Outcome, Row, Statement, Writes};
use super::effect;
use super::legality::text;
use super::server::on_servers;

const SCHEMA: &str = "
    CREATE TABLE t(id int PRIMARY KEY, a int, b text);
    CREATE TABLE u(id bigint PRIMARY KEY, t_id int, x text COLLATE \"C\");
    CREATE VIEW v AS SELECT id AS i, a FROM t WHERE a > 0;
    CREATE DOMAIN positive AS int CHECK (value > 0);
    CREATE TABLE w(t_id int REFERENCES t ON DELETE CASCADE, n positive, at date DEFAULT now());
    CREATE FUNCTION f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END'
";

/// A statement, the types of its parameters, and what it comes to. None of them writes.
const CASES: &[(&str, &str, &str)] = &[
    ("SELECT a FROM t WHERE id = $1", "int", "t[id=$1]"),
    ("SELECT i FROM v WHERE a IN (1, 2)", "", "t[a in (1 2) a>0]"),
    (
        "SELECT t.a, u.x FROM t LEFT JOIN u ON u.t_id = t.id AND u.x = 'x' WHERE t.a IS NULL",
        "",
        "t[a null] u[x='x']",
    ),
    ("SELECT a FROM t FULL JOIN u USING (id) WHERE a = 1 AND id = 2", "", "t[a=1] u"),
    ("SELECT a + 1, count(*) FROM t WHERE b = 'é' GROUP BY a + 1 HAVING a + 1 > 2", "", "t[b='é']"),
    ("WITH c AS (SELECT a FROM t) SELECT * FROM c x, c y WHERE x.a = 1", "", "t[a=1] t"),
    ("SELECT a FROM t UNION ALL SELECT t_id FROM u WHERE id = 5", "", "t u[id=5]"),
    ("SELECT CASE a WHEN 1 THEN b END, ROW(a), ARRAY[a], a = ANY ('{1,NULL}') FROM t", "", "t"),
    (
        "SELECT id FROM t WHERE EXISTS (SELECT FROM u WHERE t_id = t.id AND x > 'b') \
         ORDER BY id LIMIT 5",
        "",
        "t[top 5 by id at 0] u[x>'b']",
    ),
    (
        "SELECT coalesce(a, 1), greatest(a, 2) FROM t WHERE (a, b COLLATE \"C\") < (1, 'x')",
        "",
        "t[a<=1]",
    ),
    ("SELECT now(), a FROM t FOR UPDATE", "", "? [Lock, Function(\"now\")]"),
    (
        "SELECT ctid FROM pg_class",
        "",
        "? [SystemTable(\"pg_catalog.pg_class\"), SystemColumn, Type(27)]",
    ),
];

/// A statement, the types of its parameters, and what it writes.
const WRITES: &[(&str, &str, &str)] = &[
    ("INSERT INTO t VALUES ($1, 1, 'x')", "int", "t"),
    ("DELETE FROM t WHERE id = $1", "int", "t w"),
    ("INSERT INTO w(n) VALUES (1) RETURNING at", "", "w"),
    ("WITH d AS (DELETE FROM u RETURNING t_id) UPDATE w SET n = 2 FROM d", "", "u w"),
    ("UPDATE v SET a = 1", "", "any: it writes public.v, which is not a table"),
    ("SELECT f(a) FROM t", "", "any: it calls f, which may write anything"),
];

/// What a server has written.
#[derive(Deserialize, Serialize)]
pub(super) struct Corpus {
    version: u32,
    statements: Vec<Recorded>,
    /// Rows of the answers to questions, by topic and oid.
    rows: BTreeMap<String, Row>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct Recorded {
    sql: String,
    pub(super) tree: String,
}

static CORPORA: LazyLock<Vec<Corpus>> = LazyLock::new(|| {
    let files = [include_str!("recorded/15.json"), include_str!("recorded/18.json")];
    files.iter().map(|file| serde_json::from_str(file).unwrap()).collect()
});

/// All trees of all versions.
pub(super) fn trees() -> Vec<&'static str> {
    let all = CORPORA.iter().flat_map(|corpus| &corpus.statements);
    all.map(|recorded| recorded.tree.as_str()).collect()
}

impl Corpus {
    /// A catalogue that holds all that was recorded for its statements.
    fn catalogue(&self) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for recorded in &self.statements {
            teach(&mut catalogue, &recorded.read(), |question| {
                let row =
                    |oid: &u32| self.rows.get(&format!("{:?} {oid}", question.topic)).cloned();
                question.oids.iter().filter_map(row).collect()
            });
        }
        catalogue
    }
}

impl Recorded {
    fn read(&self) -> Statement {
        Statement::read(&self.tree, &self.sql, ByteOrder::Little).unwrap()
    }
}

/// Answers all that is needed to judge a statement.
fn teach(
    catalogue: &mut Catalogue,
    statement: &Statement,
    mut answer: impl FnMut(&Question) -> Vec<Row>,
) {
    loop {
        let needs = match (statement.analyse(catalogue), statement.writes(catalogue)) {
            (Outcome::Incomplete(needs), _) | (_, Writes::Incomplete(needs)) => needs,
            _ => return,
        };
        for question in needs.questions() {
            let rows = answer(&question);
            catalogue.learn(&question, &rows).unwrap();
        }
    }
}

/// The catalogue of the first corpus.
pub(super) fn catalogue() -> Catalogue {
    CORPORA[0].catalogue()
}

#[test]
fn recorded_trees() {
    for corpus in CORPORA.iter() {
        let catalogue = corpus.catalogue();
        let cases: Vec<_> = CASES.iter().chain(WRITES).collect();
        assert_eq!(corpus.statements.len(), cases.len());
        for (number, (recorded, (sql, _, expect))) in
            corpus.statements.iter().zip(cases).enumerate()
        {
            assert_eq!(recorded.sql, *sql, "the corpus is older than the cases: record it anew");
            let statement = recorded.read();
            let writes = effect::text(Ok(&statement.writes(&catalogue)), &catalogue);
            if number < CASES.len() {
                let found = text(&statement.analyse(&catalogue), &catalogue);
                assert_eq!((&*found, &*writes), (*expect, "nothing"), "{} {sql}", corpus.version);
            } else {
                assert_eq!(writes, *expect, "{} {sql}", corpus.version);
            }
        }
    }
}

/// What is not in the catalogue is refused, whatever it is.
#[test]
fn an_object_that_is_gone() {
    for corpus in CORPORA.iter() {
        for recorded in &corpus.statements {
            let statement = recorded.read();
            let mut catalogue = Catalogue::default();
            teach(&mut catalogue, &statement, |_| Vec::new());
            let outcome = statement.analyse(&catalogue);
            assert!(matches!(outcome, Outcome::Refused(_)), "{}", recorded.sql);
            let writes = statement.writes(&catalogue);
            assert!(matches!(writes, Writes::Anything(_)), "{}", recorded.sql);
        }
    }
}

#[test]
#[ignore = "writes the corpus, of servers of version 15 and 18"]
fn record() {
    on_servers("record", SCHEMA, |session| {
        let mut corpus =
            Corpus { version: session.version, statements: Vec::new(), rows: BTreeMap::new() };
        for (sql, types, _) in CASES.iter().chain(WRITES) {
            let recorded =
                Recorded { sql: (*sql).to_owned(), tree: session.tree(sql, types).unwrap() };
            teach(&mut Catalogue::default(), &recorded.read(), |question| {
                let rows = session.rows(&question.sql);
                for row in &rows {
                    let oid = row[0].as_ref().unwrap();
                    corpus.rows.insert(format!("{:?} {oid}", question.topic), row.clone());
                }
                rows
            });
            corpus.statements.push(recorded);
        }
        let name = format!("recorded/{}.json", session.version / 10_000);
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sql/tree/tests");
        std::fs::create_dir_all(folder.join("recorded")).unwrap();
        let text = serde_json::to_string_pretty(&corpus).unwrap();
        std::fs::write(folder.join(name), text + "\n").unwrap();
    });
}
