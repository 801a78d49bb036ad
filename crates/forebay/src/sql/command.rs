//! What a text for PostgreSQL does, going by its words: enough to choose a connection and to refuse
//! what would change one that is shared. It sees no functions but by name, so it proves nothing:
//! whether an answer may be kept is not decided here.

use super::lex::{Dialect, Kind, tokens_in};

/// The kind of a command, by its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Rows, and no change by its words; a function that it calls may do anything.
    Read,
    /// Changed rows, or whatever a procedure does.
    Write,
    /// A changed schema.
    Schema,
    /// Work on the database as a whole: VACUUM and the like.
    Maintain,
    /// Something that stays with the session: settings, TEMP objects, cursors, LISTEN.
    Session,
    /// The begin or end of a transaction or savepoint.
    Transaction,
}

/// Functions that leave something behind in the session that calls them.
const SESSION_FUNCTIONS: [&str; 9] = [
    "set_config",
    "setseed",
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
    "lo_open",
    "dblink_connect",
    "pg_replication_origin_session_setup",
];

/// Functions that tell what the session did before.
const ASKING_FUNCTIONS: [&str; 2] = ["currval", "lastval"];

impl Command {
    /// Takes one pass over `sql`, which need not be valid.
    pub(crate) fn of(sql: &str) -> Command {
        let words = Words::of(sql);
        let is = |place: usize, word: &str| words.is(place, word);
        match words.first().as_deref() {
            Some("select" | "values" | "table") => words.query(),
            Some("with") if words.has_any(&["insert", "update", "delete", "merge"]) => {
                Command::Write
            }
            Some("with") => words.query(),
            Some("show") => Command::Read,
            Some("explain") if words.has_any(&["analyze", "analyse"]) => Command::Write,
            Some("explain") => Command::Read,
            Some("begin" | "start" | "end" | "abort" | "savepoint" | "release") => {
                Command::Transaction
            }
            Some("commit" | "rollback") if is(1, "prepared") => Command::Write,
            Some("commit" | "rollback") => Command::Transaction,
            Some("prepare") if is(1, "transaction") => Command::Transaction,
            Some(
                "set" | "reset" | "discard" | "listen" | "unlisten" | "prepare" | "deallocate"
                | "execute" | "declare" | "fetch" | "move" | "close" | "load",
            ) => Command::Session,
            Some("create" | "drop" | "alter") if words.is_temporary() => Command::Session,
            Some(
                "create" | "drop" | "alter" | "grant" | "revoke" | "comment" | "security"
                | "reassign" | "import",
            ) => Command::Schema,
            Some("vacuum" | "analyze" | "analyse" | "reindex" | "cluster" | "checkpoint") => {
                Command::Maintain
            }
            // INSERT and its like, COPY, TRUNCATE, CALL, DO, and what is not known here.
            _ => Command::Write,
        }
    }
}

/// Whether a text asks for a plan, or runs a statement to show it.
pub(crate) fn is_explain(sql: &str) -> bool {
    Words::of(sql).first().as_deref() == Some("explain")
}

/// Whether a text ends a transaction so that it stays, if it has not failed.
pub(crate) fn is_commit(sql: &str) -> bool {
    let words = Words::of(sql);
    matches!(words.first().as_deref(), Some("commit" | "end")) && !words.is(1, "prepared")
}

/// Whether a text runs a block or a procedure, which may do to the session whatever it pleases.
pub(crate) fn runs_block(sql: &str) -> bool {
    matches!(Words::of(sql).first().as_deref(), Some("do" | "call"))
}

/// The functions named in a text that tell what its session did before, which on a shared
/// connection is what some other caller did.
pub(crate) fn asks_its_session(sql: &str) -> Vec<&'static str> {
    let words = Words::of(sql);
    ASKING_FUNCTIONS.into_iter().filter(|name| words.has_any(&[name])).collect()
}

/// The words of a text; what is quoted counts as a name.
struct Words<'a> {
    sql: &'a str,
}

impl<'a> Words<'a> {
    fn of(sql: &'a str) -> Words<'a> {
        Words { sql }
    }

    fn all(&self) -> impl Iterator<Item = &'a str> {
        let sql = self.sql;
        let words = tokens_in(sql, Dialect::Postgres).filter(|token| token.kind == Kind::Word);
        words.map(move |token| &sql[token.start..token.end])
    }

    /// Names that may be those of functions, without quotes around them.
    fn names(&self) -> impl Iterator<Item = &'a str> {
        let sql = self.sql;
        let names = tokens_in(sql, Dialect::Postgres)
            .filter(|token| matches!(token.kind, Kind::Word | Kind::Quoted));
        names.map(move |token| sql[token.start..token.end].trim_matches('"'))
    }

    /// The first word in lower case, if nothing but parentheses stands before it.
    fn first(&self) -> Option<String> {
        let mut tokens = tokens_in(self.sql, Dialect::Postgres).filter(|token| {
            let is_blank = !token.kind.is_significant() || token.kind == Kind::Semicolon;
            !is_blank && &self.sql[token.start..token.end] != "("
        });
        let first = tokens.next().filter(|token| token.kind == Kind::Word)?;
        Some(self.sql[first.start..first.end].to_ascii_lowercase())
    }

    fn is(&self, place: usize, word: &str) -> bool {
        self.all().nth(place).is_some_and(|it| it.eq_ignore_ascii_case(word))
    }

    fn has_any(&self, words: &[&str]) -> bool {
        self.names().any(|it| words.iter().any(|word| it.eq_ignore_ascii_case(word)))
    }

    /// A query, unless it makes a table of its rows or leaves something in the session.
    fn query(&self) -> Command {
        let mut rest = self.all().skip_while(|word| !word.eq_ignore_ascii_case("into")).skip(1);
        match rest.next() {
            Some(word) if is_temp(word) || self.has_any(&["pg_temp"]) => Command::Session,
            Some(_) => Command::Schema,
            None if self.has_any(&SESSION_FUNCTIONS) => Command::Session,
            None => Command::Read,
        }
    }

    /// Whether it makes or changes what only the session sees: `CREATE OR REPLACE TEMP VIEW`.
    fn is_temporary(&self) -> bool {
        let kinds = ["table", "view", "sequence", "recursive"];
        let is_kind = |word: &str| kinds.iter().any(|kind| word.eq_ignore_ascii_case(kind));
        let pairs = self.all().zip(self.all().skip(1));
        pairs.take(5).any(|(word, next)| is_temp(word) && is_kind(next))
            || self.has_any(&["pg_temp"])
    }
}

fn is_temp(word: &str) -> bool {
    word.eq_ignore_ascii_case("temp") || word.eq_ignore_ascii_case("temporary")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_by_their_words() {
        use Command::*;
        let check = |sql: &str, expect| assert_eq!(Command::of(sql), expect, "{sql:?}");
        check("select 1", Read);
        check(" ;/* a */ (SELECT 1) union (select 2)", Read);
        check("values (1), (2)", Read);
        check("TABLE t", Read);
        check("select 'into', \"into\" from t", Read);
        check("select * into x from t", Schema);
        check("select * into temp x from t", Session);
        check("with a as (select 1) select * from a", Read);
        check("with a as (delete from t returning *) select * from a", Write);
        check("select * from t for update", Read);
        check("select pg_catalog.\"set_config\"('a', 'b', false)", Session);
        check("select pg_advisory_xact_lock(1)", Read);
        check("select pg_advisory_lock(1)", Session);
        check("explain select 1", Read);
        check("explain (analyze) delete from t", Write);
        check("insert into t values ('temp')", Write);
        check("copy t from stdin", Write);
        check("do $$ begin commit; end $$", Write);
        check("begin", Transaction);
        check("start transaction read only", Transaction);
        check("commit and chain", Transaction);
        check("rollback to savepoint a", Transaction);
        check("COMMIT PREPARED 'x'", Write);
        check("prepare transaction 'x'", Transaction);
        check("prepare a as select 1", Session);
        check("set local work_mem = 1", Session);
        check("create table t (a int)", Schema);
        check("create temp table t (a int)", Session);
        check("create table pg_temp.t (a int)", Session);
        check("create or replace local temporary view v as select 1", Session);
        check("create index on t (temp)", Schema);
        check("create table temp (a int)", Schema);
        check("vacuum t", Maintain);
        check("", Write);
        check("'select'", Write);
    }

    #[test]
    fn commits_and_blocks() {
        let check = |sql: &str, expect| assert_eq!((is_commit(sql), runs_block(sql)), expect);
        check("/* a */ COMMIT;", (true, false));
        check("end transaction", (true, false));
        check("commit and chain", (true, false));
        check("commit prepared 'x'", (false, false));
        check("rollback", (false, false));
        check("select 1 as commit", (false, false));
        check("DO $$ begin commit; end $$", (false, true));
        check("call p()", (false, true));
    }

    #[test]
    fn what_is_asked_of_the_session() {
        let check = |sql: &str, expect: &[&str]| assert_eq!(asks_its_session(sql), expect);
        check("select lastval()", &["lastval"]);
        check("select CurrVal('s'), 'lastval'", &["currval"]);
        check("select nextval('s')", &[]);
    }
}
