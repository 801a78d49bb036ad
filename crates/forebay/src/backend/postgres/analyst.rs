//! Having statements analysed by the server: it is asked for the tree of a statement and for what
//! the tree names in the catalogue, on a connection of its own, in transactions that are rolled
//! back. What the tree means is found out in `sql::tree`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::analysis::Analysis;
use super::cells::Cells;
use super::config::Config;
use super::connection::Connection;
use super::follow::Followed;
use super::setup::PUBLICATION;
use crate::backend::Effect;
use crate::error::{Error, Kind, Result};
use crate::invalidate::{Basis, ColumnSet, WriteSet, left_out};
use crate::row::Column;
use crate::sql::Bypass;
use crate::sql::tree::{
    self, ByteOrder, Catalogue, Needs, Outcome, Parameters, Reading, Reason, Statement, Used,
    Writes,
};

/// Rounds of questions about one statement at most: views are not nested deeper.
const ROUNDS_MAX: usize = 24;
/// Objects of the catalogue that are kept; with more, all are forgotten.
pub(super) const OBJECTS_MAX: usize = 20_000;
/// Names of types that are kept; with more, all are forgotten.
const TYPES_MAX: usize = 10_000;
/// The longest text that is analysed: its tree is some fifty times as long.
const SQL_BYTES_MAX: usize = 100_000;
/// The longest that one question may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// The longest wait for the analyses of others. Somebody whose turn has not come goes by the words
/// of the statement, and the next one asks again.
const TURN_MAX: Duration = Duration::from_secs(1);
/// The longest wait for a lock, which a statement that changes a table may hold for long.
const LOCK_MS_MAX: u32 = 100;

const MAY_MAKE_TEMPORARY: &str = "SELECT pg_catalog.has_database_privilege(\
    pg_catalog.current_database(), 'TEMPORARY')::pg_catalog.text";

const NOT_TEMPORARY: &str = "the role may not make temporary objects, and it takes one to have a \
    statement analysed: GRANT TEMPORARY ON DATABASE … TO …, as the owner of the database";

/// Of an error: there is no such table.
const UNDEFINED_TABLE: &str = "42P01";

/// Finds out what statements rest on. Texts are analysed one after another.
pub(crate) struct Analyst {
    config: Config,
    followed: Arc<Followed>,
    /// Taken out while it is used: what was begun on it and not ended goes with it.
    desk: Mutex<Option<Desk>>,
    /// For those who need no stream.
    studies: Mutex<Option<Desk>>,
}

/// A connection, and what was found out on it.
pub(super) struct Desk {
    pub(super) connection: Connection,
    pub(super) order: ByteOrder,
    /// The names of types, qualified and quoted, by number.
    pub(super) types: HashMap<u32, String>,
    pub(super) catalogue: Catalogue,
    /// What the catalogue is of.
    pub(super) schema: u64,
    /// What was found out last: those who want the same wait for it together.
    last: Option<(Arc<str>, Analysis)>,
    /// There is no stream, and all tables of the server's own count as told.
    is_sole: bool,
}

impl Analyst {
    pub(crate) fn new(config: Config, followed: Arc<Followed>) -> Analyst {
        Analyst { config, followed, desk: Mutex::new(None), studies: Mutex::new(None) }
    }

    /// What is known of a statement. Without a stream it is what its words tell; so it is where the
    /// server does not let itself be asked, or not before `deadline`.
    pub(crate) async fn analyse(&self, sql: &Arc<str>, deadline: Option<Instant>) -> Analysis {
        let schema = self.followed.reflection().schema();
        let words = Analysis::by_words(sql, schema);
        let Some(schema) = schema else { return words };
        if !matches!(words.effect, Effect::Read | Effect::Write) || words.is_explain {
            return words;
        }
        if sql.len() > SQL_BYTES_MAX {
            let text = format!("its text is longer than {SQL_BYTES_MAX} bytes");
            return words.refuse(Bypass::Unknown, text);
        }
        let late = words.clone();
        let asked = self.ask(sql, words, schema);
        let mut analysis = match deadline {
            None => asked.await,
            Some(deadline) => match tokio::time::timeout_at(deadline.into(), asked).await {
                Ok(analysis) => analysis,
                Err(_) => late.not_yet("the server did not analyse it in time".to_owned()),
            },
        };
        // What was found out is of this schema only if it is still in force.
        if self.followed.reflection().schema() != Some(schema) {
            analysis.schema = None;
        }
        analysis
    }

    /// Closes its connection, after the analysis that is under way. Without a stream none begins.
    pub(crate) async fn close(&self) {
        for desk in [&self.desk, &self.studies] {
            if let Ok(mut place) = tokio::time::timeout(TURN_MAX, desk.lock()).await {
                *place = None;
            }
        }
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn studies(&self) -> &Mutex<Option<Desk>> {
        &self.studies
    }

    /// The number of the schema, if the stream tells when it changes.
    pub(super) fn schema(&self) -> Option<u64> {
        self.followed.reflection().schema()
    }

    /// Asks the server, in turn. Dropped half-way, the connection is closed.
    async fn ask(&self, sql: &Arc<str>, words: Analysis, schema: u64) -> Analysis {
        let Ok(mut place) = tokio::time::timeout(TURN_MAX, self.desk.lock()).await else {
            return words.not_yet("others are being analysed".to_owned());
        };
        let desk = place.take().filter(|desk| desk.connection.is_at_rest());
        let desk = match desk {
            Some(desk) if self.is_followed(&desk).await => Ok(desk),
            _ => self.open(schema).await,
        };
        match desk {
            Ok(mut desk) => {
                // Should that change meanwhile, so does the number of the schema.
                desk.is_sole = self.followed.reflection().is_sole();
                let analysis = desk.analyse(sql, words, schema).await;
                *place = Some(desk);
                analysis
            }
            Err(error) => words.not_yet(unasked(&error)),
        }
    }

    async fn open(&self, schema: u64) -> Result<Desk> {
        let desk = Desk::open(&self.config, schema).await?;
        if self.is_followed(&desk).await {
            return Ok(desk);
        }
        Err(Error::new(Kind::Open, "it is not the server whose commits are followed"))
    }

    /// Whether it is at the server whose stream tells of changes of the schema. A former one, whose
    /// connections are still open after another has taken over, has a schema of its own.
    pub(super) async fn is_followed(&self, desk: &Desk) -> bool {
        match self.followed.server() {
            Some(server) => desk.connection.is_of(&server, deadline()).await,
            None => false,
        }
    }
}

impl Desk {
    pub(super) fn is_at_rest(&self) -> bool {
        self.connection.is_at_rest()
    }

    pub(super) async fn open(config: &Config, schema: u64) -> Result<Desk> {
        let connection = Connection::open(config).await?;
        let mut desk = Desk {
            connection,
            order: ByteOrder::Little,
            types: HashMap::new(),
            catalogue: Catalogue::default(),
            schema,
            last: None,
            is_sole: false,
        };
        let tree = desk.tree("SELECT 1", "").await;
        desk.roll_back().await?;
        if tree.is_err()
            && texts(&desk.ask(MAY_MAKE_TEMPORARY).await?) == [[Some("false".to_owned())]]
        {
            return Err(Error::new(Kind::Open, NOT_TEMPORARY));
        }
        desk.order = ByteOrder::told_by(&tree?).ok_or_else(odd)?;
        Ok(desk)
    }

    async fn analyse(&mut self, sql: &Arc<str>, words: Analysis, schema: u64) -> Analysis {
        if self.schema != schema || self.catalogue.len() > OBJECTS_MAX {
            (self.catalogue, self.schema) = (Catalogue::default(), schema);
            self.types.clear();
            self.last = None;
        }
        if let Some((_, known)) = self.last.as_ref().filter(|(known, _)| known == sql) {
            return known.clone();
        }
        let fallback = words.clone();
        let judged = self.judge(sql, words).await;
        // A connection on which this fails is not at rest, and is not used again.
        let rolled_back = self.roll_back().await;
        match judged.and_then(|judged| rolled_back.map(|()| judged)) {
            Ok(analysis) => {
                self.last = Some((sql.clone(), analysis.clone()));
                analysis
            }
            Err(error) if is_passing(&error) => fallback.not_yet(unasked(&error)),
            // Its own error comes when it is run, and its words say enough till then.
            Err(_) if fallback.effect == Effect::Write => fallback,
            Err(error) => fallback.refuse(Bypass::Unknown, unasked(&error)),
        }
    }

    async fn judge(&mut self, sql: &Arc<str>, words: Analysis) -> Result<Analysis> {
        // The server finds here that it is one statement, and what is wrong with it.
        let described = self.connection.describe(sql.clone(), deadline()).await?;
        let types = self.type_names(&described.parameters).await?;
        let tree = self.tree(sql, &types).await?;
        let statement = match Statement::read(&tree, sql, self.order) {
            Ok(statement) => statement,
            Err(reason) => return Ok(refused(words, &[reason])),
        };
        self.ask("SET LOCAL search_path = pg_catalog").await?;
        let analysis = self.bound(words, &statement, &described.parameters).await?;
        match analysis.effect {
            Effect::Read => self.rest(analysis, &statement, described.columns).await,
            _ => Ok(analysis),
        }
    }

    /// Adds what the statement may write.
    async fn bound(
        &mut self,
        mut words: Analysis,
        statement: &Statement,
        parameters: &[u32],
    ) -> Result<Analysis> {
        for _ in 0..ROUNDS_MAX {
            match statement.writes(&self.catalogue) {
                Writes::Incomplete(needs) => self.learn(&needs).await?,
                Writes::Nothing => {
                    words = words.changing(WriteSet::none());
                    words.is_clean = statement.is_of_server(&self.catalogue);
                    break;
                }
                Writes::Tables(tables) => {
                    let names: Vec<String> = tables.iter().map(u32::to_string).collect();
                    words = words.changing(WriteSet::tables(names.iter().map(String::as_str)));
                    words = self.aimed(words, statement, (&names, parameters)).await?;
                    words.is_clean = statement.is_of_server(&self.catalogue);
                    let known = &mut words.known;
                    known.write_tables = names.iter().map(|it| self.name(it).into()).collect();
                    known.drops = Writes::Tables(tables).words(&self.catalogue);
                    break;
                }
                anything @ Writes::Anything(_) => {
                    words.known.drops = anything.words(&self.catalogue);
                    break;
                }
            }
        }
        Ok(words)
    }

    /// Adds which rows of its target it may change, if its conditions tell.
    async fn aimed(
        &mut self,
        mut words: Analysis,
        statement: &Statement,
        (changed, parameters): (&[String], &[u32]),
    ) -> Result<Analysis> {
        self.learn(&statement.collations(&self.catalogue)).await?;
        let Some(target) = statement.target(&self.catalogue) else { return Ok(words) };
        let beside = changed.iter().map(String::as_str).filter(|name| **name != *target.table);
        let beside = WriteSet::tables(beside);
        words.parameters = Parameters::of_operands(&target, parameters);
        Ok(words.changing_rows(Basis::new([(target, ColumnSet::ALL)]), beside))
    }

    /// Adds what the answers of a statement that reads rest on.
    async fn rest(
        &mut self,
        words: Analysis,
        statement: &Statement,
        columns: Arc<[Column]>,
    ) -> Result<Analysis> {
        for _ in 0..ROUNDS_MAX {
            match statement.analyse(&self.catalogue) {
                Outcome::Incomplete(needs) => self.learn(&needs).await?,
                Outcome::Refused(reasons) => return Ok(refused(words, &reasons)),
                Outcome::Cacheable(analysis) => return self.admit(words, analysis, columns).await,
            }
        }
        Ok(refused(words, &[Reason::NotUnderstood("views are nested too deep")]))
    }

    pub(super) async fn learn(&mut self, needs: &Needs) -> Result<()> {
        for question in needs.questions() {
            let rows = texts(&self.ask(&question.sql).await?);
            self.catalogue.learn(&question, &rows)?;
        }
        Ok(())
    }

    /// The name of a table by its number, as far as it is known.
    fn name<'a>(&'a self, table: &'a str) -> &'a str {
        let oid = table.parse().ok();
        oid.and_then(|oid| self.catalogue.name(oid)).unwrap_or(table)
    }

    /// The statement is cacheable, if the stream tells of all that it rests on.
    async fn admit(
        &self,
        mut words: Analysis,
        found: tree::Analysis,
        columns: Arc<[Column]>,
    ) -> Result<Analysis> {
        let known = &mut words.known;
        known.columns = columns;
        let names = found.readings.iter().map(|reading| reading.occurrence.table.clone());
        let mut tables: Vec<Box<str>> = names.collect();
        tables.sort_unstable();
        tables.dedup();
        known.read_tables = tables.iter().map(|table| self.name(table).into()).collect();
        let told = if self.is_sole { tables.clone() } else { self.published(&tables).await? };
        if let Some(missing) = tables.iter().find(|table| !told.contains(*table)) {
            let text = format!(
                "it reads {}, whose changes are not published: run `forebay setup`",
                self.name(missing)
            );
            return Ok(words.refuse(Bypass::NotFollowed, text));
        }
        let mut found = found;
        for reading in &mut found.readings {
            // Which values a partner has can only be asked of the snapshot that was read.
            reading.occurrence.partner = None;
        }
        known.bypasses = Vec::new();
        known.determined = found.determined.take();
        known.rests_on = found.words(&self.catalogue, left_out);
        if found.rests_on_settings {
            let text = "settings such as TimeZone, as they were when the database was opened";
            known.rests_on.push(text.to_owned());
        }
        known.basis = Basis::new(found.readings.into_iter().map(need));
        words.parameters = found.parameters;
        Ok(words)
    }

    /// Of these tables, by number, those whose changes are published whole.
    async fn published(&self, tables: &[Box<str>]) -> Result<Vec<Box<str>>> {
        if tables.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT r.prrelid FROM pg_catalog.pg_publication_rel r \
             JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid \
             WHERE p.pubname = '{PUBLICATION}' AND p.pubinsert AND p.pubupdate AND p.pubdelete \
             AND p.pubtruncate AND r.prrelid IN ({}) AND coalesce(\
             pg_catalog.to_jsonb(r) ->> 'prqual', pg_catalog.to_jsonb(r) ->> 'prattrs') IS NULL",
            tables.join(",")
        );
        let rows = self.ask(&sql).await?;
        Ok(texts(&rows).into_iter().flatten().flatten().map(String::into_boxed_str).collect())
    }

    /// The names of types, as they stand in a list of arguments.
    pub(super) async fn type_names(&mut self, oids: &[u32]) -> Result<String> {
        let unknown: Vec<String> =
            oids.iter().filter(|oid| !self.types.contains_key(oid)).map(u32::to_string).collect();
        if !unknown.is_empty() {
            if self.types.len() > TYPES_MAX {
                self.types.clear();
            }
            let sql = format!(
                "SELECT t.oid, pg_catalog.quote_ident(n.nspname) || '.' || \
                 pg_catalog.quote_ident(t.typname) FROM pg_catalog.pg_type t JOIN \
                 pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.oid IN ({})",
                unknown.join(",")
            );
            for row in texts(&self.ask(&sql).await?) {
                let [Some(oid), Some(name)] = &row[..] else { return Err(odd()) };
                self.types.insert(oid.parse().map_err(|_| odd())?, name.clone());
            }
        }
        let name = |oid: &u32| self.types.get(oid).map(String::as_str).ok_or_else(odd);
        Ok(oids.iter().map(name).collect::<Result<Vec<&str>>>()?.join(", "))
    }

    /// The tree of a statement that the server takes for a single one. It leaves a transaction
    /// open.
    ///
    /// The text ends where the server's own reading of it ended, so that nothing of it can be taken
    /// for what stands around it: it closes its quotes and comments, but for one up to the end of
    /// its line.
    pub(super) async fn tree(&self, sql: &str, types: &str) -> Result<String> {
        let sql = sql.trim_end().trim_end_matches(';');
        let script = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
             SET LOCAL lock_timeout = {LOCK_MS_MAX}; \
             CREATE FUNCTION pg_temp.forebay_tree({types}) RETURNS pg_catalog.void \
             LANGUAGE SQL BEGIN ATOMIC {sql}\n; END; SELECT p.prosqlbody::pg_catalog.text FROM \
             pg_catalog.pg_proc p WHERE p.proname = 'forebay_tree' AND \
             p.pronamespace = pg_catalog.pg_my_temp_schema()"
        );
        let rows = texts(&self.ask(&script).await?);
        rows.into_iter().next().and_then(|row| row.into_iter().next()?).ok_or_else(odd)
    }

    pub(super) async fn roll_back(&self) -> Result<()> {
        self.connection.run_script("ROLLBACK".into(), deadline()).await
    }

    pub(super) async fn ask(&self, sql: &str) -> Result<Cells> {
        Cells::ask(&self.connection, sql, deadline()).await
    }
}

fn need(reading: Reading) -> (crate::sql::Occurrence, ColumnSet) {
    let Reading { occurrence, used } = reading;
    let columns = match used {
        Used::All => ColumnSet::ALL,
        Used::These(columns) => columns.into_iter().collect(),
    };
    (occurrence, columns)
}

fn refused(words: Analysis, reasons: &[Reason]) -> Analysis {
    let mut rules: Vec<Bypass> = reasons.iter().map(Reason::rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let mut analysis = words;
    analysis.known.bypasses = rules;
    analysis.known.reasons = reasons.iter().map(Reason::to_string).collect();
    analysis
}

pub(super) fn texts(cells: &Cells) -> Vec<tree::Row> {
    let owned = |cell: Option<&str>| cell.map(str::to_owned);
    cells.rows().map(|row| row.into_iter().map(owned).collect()).collect()
}

pub(super) fn deadline() -> Option<Instant> {
    Instant::now().checked_add(ANSWER_MAX)
}

/// Whether another attempt may well succeed.
fn is_passing(error: &Error) -> bool {
    error.is_closed()
        || error.is_timeout()
        || error.is_busy()
        || error.is_cancelled()
        || error.is_open()
        || error.is_outcome_unknown()
}

fn unasked(error: &Error) -> String {
    let what = match error.code() {
        Some(UNDEFINED_TABLE) => {
            "it reads what only its own session sees, such as a temporary table, or what is not \
             there"
        }
        _ => "the server does not analyse it for us",
    };
    format!("{what}: {}", error.message())
}

pub(super) fn odd() -> Error {
    let text = "the server has answered a question about its catalogue in another form";
    Error::new(Kind::Database, text)
}
