//! Real servers, of every version that is installed: each test gets a database of its own, with
//! one session, in which the trees and the rows of the catalogue are asked for.

use cluster::{Database, Version, for_each_version, installed};

use super::super::question::Question;
use super::super::{ByteOrder, Catalogue, Needs, Outcome, Reason, Row, Statement, Writes};

/// Rounds of questions, at most; views are not nested deeper in the tests.
const ROUNDS_MAX: usize = 12;

/// Calls `check` with a session in a new database on every version there is; says so if there is
/// none.
pub(super) fn on_servers(test: &str, schema: &str, mut check: impl FnMut(&mut Session)) {
    for_each_version(test, |version| on(version, schema, &mut check));
}

/// The same on the newest version only, for what takes long and is the same on all.
pub(super) fn on_newest(test: &str, schema: &str, mut check: impl FnMut(&mut Session)) {
    for_each_version(test, |version| {
        if installed().last() == Some(version) {
            on(version, schema, &mut check);
        }
    });
}

fn on(version: &Version, schema: &str, check: &mut dyn FnMut(&mut Session)) {
    let database = Database::create(version).unwrap();
    let mut session = Session::open(&database);
    session.run(schema);
    check(&mut session);
}

/// An open session.
pub(super) struct Session {
    session: cluster::Session,
    pub(super) version: u32,
    order: ByteOrder,
}

impl Session {
    fn open(database: &Database) -> Session {
        let session = database.session().unwrap();
        let mut session = Session { session, version: 0, order: ByteOrder::Little };
        let version = session.rows("SHOW server_version_num");
        session.version = version[0][0].as_ref().unwrap().parse().unwrap();
        session.order = ByteOrder::told_by(&session.tree("SELECT 1", "").unwrap()).unwrap();
        session
    }

    /// Runs statements, and answers the rows of all of them.
    pub(super) fn rows(&mut self, sql: &str) -> Vec<Row> {
        self.try_rows(sql).unwrap_or_else(|why| panic!("{why}\n{sql}"))
    }

    /// Runs statements, together if there are several.
    pub(super) fn try_rows(&mut self, sql: &str) -> Result<Vec<Row>, String> {
        self.session.query(sql).map_err(|error| error.to_string())
    }

    /// The rows of a query after a change that is taken back again.
    pub(super) fn try_within(&mut self, change: &str, query: &str) -> Result<Vec<Row>, String> {
        self.rows("BEGIN");
        let rows = self.try_rows(change).and_then(|_| self.try_rows(query));
        self.rows("ROLLBACK");
        rows
    }

    /// Runs statements that may not fail, one by one so that each is a transaction of its own.
    pub(super) fn run(&mut self, sql: &str) {
        for statement in sql.split(";\n").filter(|it| !it.trim().is_empty()) {
            self.rows(statement);
        }
    }

    /// The tree of a statement whose parameters have these types.
    pub(super) fn tree(&mut self, sql: &str, types: &str) -> Result<String, String> {
        self.rows("BEGIN");
        let tree = self.try_tree(sql, types);
        self.rows("ROLLBACK");
        tree
    }

    /// A function without an answer may end with any statement.
    fn try_tree(&mut self, sql: &str, types: &str) -> Result<String, String> {
        self.try_rows(&format!(
            "CREATE FUNCTION pg_temp.forebay_tree({types}) RETURNS void \
             LANGUAGE SQL BEGIN ATOMIC {sql}; END"
        ))?;
        let found = "SELECT prosqlbody::text FROM pg_proc WHERE proname = 'forebay_tree'";
        Ok(self.rows(found)[0][0].clone().unwrap())
    }

    /// Analyses a statement, and fetches what that needs.
    pub(super) fn analyse(
        &mut self,
        catalogue: &mut Catalogue,
        sql: &str,
        types: &str,
    ) -> Result<Outcome, String> {
        let tree = self.tree(sql, types)?;
        let statement = match Statement::read(&tree, sql, self.order) {
            Ok(statement) => statement,
            Err(reason) => return Ok(Outcome::Refused(vec![reason])),
        };
        for _ in 0..ROUNDS_MAX {
            match statement.analyse(catalogue) {
                Outcome::Incomplete(needs) => self.fetch(catalogue, &needs),
                outcome => return Ok(outcome),
            }
        }
        Ok(Outcome::Refused(vec![Reason::NotUnderstood("too many rounds")]))
    }

    /// What a statement may write, and fetches what that needs.
    pub(super) fn writes(
        &mut self,
        catalogue: &mut Catalogue,
        sql: &str,
        types: &str,
    ) -> Result<Writes, String> {
        let tree = self.tree(sql, types)?;
        let statement = Statement::read(&tree, sql, self.order).map_err(|it| it.to_string())?;
        for _ in 0..ROUNDS_MAX {
            match statement.writes(catalogue) {
                Writes::Incomplete(needs) => self.fetch(catalogue, &needs),
                writes => return Ok(writes),
            }
        }
        Err("too many rounds".to_owned())
    }

    /// A statement whose parameters have these types, read.
    pub(super) fn statement(&mut self, sql: &str, types: &str) -> Statement {
        let tree = self.tree(sql, types).unwrap();
        Statement::read(&tree, sql, self.order).unwrap()
    }

    pub(super) fn fetch(&mut self, catalogue: &mut Catalogue, needs: &Needs) {
        self.rows("BEGIN");
        self.rows("SET LOCAL search_path = pg_catalog");
        for question in needs.questions() {
            let rows = self.answer(&question);
            catalogue.learn(&question, &rows).unwrap();
        }
        self.rows("ROLLBACK");
    }

    pub(super) fn answer(&mut self, question: &Question) -> Vec<Row> {
        self.rows(&question.sql)
    }
}
