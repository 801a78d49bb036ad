//! What a server says of a statement to somebody who asks several servers in its stead: the types
//! of its parameters and columns, and what its tree tells of its tables. It needs no stream, and
//! keeps no statement: whoever asks decides how long what was found out holds.

use std::sync::Arc;

use super::analyst::{Analyst, Desk, OBJECTS_MAX, deadline, odd, texts};
use crate::error::{Error, Kind, Result};
use crate::row::Column;
use crate::sql::tree::{Aiming, Catalogue, Queried, Reason, Routing, Spread, Statement};

/// Rounds of questions about one statement at most: views are not nested deeper.
const ROUNDS_MAX: usize = 24;

/// In place of the number of the schema for a desk that knows nothing of it.
const NO_SCHEMA: u64 = u64::MAX;

/// What is known of a statement.
#[derive(Debug)]
pub(crate) struct Study {
    /// The number of the schema that it was found out under, if there is one.
    pub(crate) schema: Option<u64>,
    /// The types of the parameters.
    pub(crate) parameters: Vec<Typed>,
    pub(crate) columns: Arc<[Column]>,
    /// The types of the result columns, and the collations of those that have one.
    pub(crate) types: Vec<Typed>,
    pub(crate) collations: Vec<Collated>,
    pub(crate) meaning: Meaning,
}

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) oid: u32,
    /// Its name as SQL, with its schema.
    pub(crate) name: Box<str>,
}

/// What texts of a result column compare under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Collated {
    /// Its type has none.
    Nothing,
    /// The name as SQL, with its schema.
    By(Box<str>),
    /// The tree does not say it.
    Unknown,
}

/// What a statement does, as far as its tree tells.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// It reads; or why it is not known what its answer rests on.
    Query(Result<Queried, String>),
    /// It writes.
    Write(Aiming),
}

impl Analyst {
    /// Asks the server about a statement; `spread` are the tables that several servers have rows
    /// of, if it is one that writes. An error is the server's own where it refuses the statement.
    /// Cost: three round trips and more, on a connection of its own, one statement after another.
    pub(crate) async fn study(&self, sql: &str, spread: Option<&[Spread]>) -> Result<Study> {
        let schema = self.schema();
        let mut place = self.studies().lock().await;
        let known = place.take().filter(Desk::is_at_rest);
        let is_known = known.is_some();
        let mut desk = match known {
            Some(desk) if schema.is_none() || self.is_followed(&desk).await => desk,
            _ => Desk::open(self.config(), NO_SCHEMA).await?,
        };
        // The number is that of the server whose stream is followed, and of no other.
        let schema = match schema {
            Some(schema) if self.is_followed(&desk).await => Some(schema),
            _ => None,
        };
        desk.keep_to(schema);
        let studied = match desk.study(sql, spread).await {
            // The connection may have gone while nobody used it.
            Err(error) if is_known && error.is_closed() => {
                desk = Desk::open(self.config(), NO_SCHEMA).await?;
                desk.keep_to(None);
                desk.study(sql, spread).await
            }
            studied => studied,
        };
        *place = Some(desk);
        let mut study = studied?;
        study.schema = schema.filter(|_| self.schema() == schema);
        Ok(study)
    }
}

impl Desk {
    /// Forgets what it knows of the catalogue unless that is of this schema.
    fn keep_to(&mut self, schema: Option<u64>) {
        let is_kept = schema == Some(self.schema) && self.catalogue.len() <= OBJECTS_MAX;
        if !is_kept {
            self.catalogue = Catalogue::default();
            self.types.clear();
            self.schema = schema.unwrap_or(NO_SCHEMA);
        }
    }

    async fn study(&mut self, sql: &str, spread: Option<&[Spread]>) -> Result<Study> {
        let studied = self.read(sql, spread).await;
        let rolled_back = self.roll_back().await;
        studied.and_then(|study| rolled_back.map(|()| study))
    }

    async fn read(&mut self, sql: &str, spread: Option<&[Spread]>) -> Result<Study> {
        let described = self.connection.describe(sql.into(), deadline()).await?;
        let names = self.type_names(&described.parameters).await?;
        let parameters = self.typed(&described.parameters).await?;
        let types = self.typed(&described.types).await?;
        let tree = self.tree(sql, &names).await?;
        self.ask("SET LOCAL search_path = pg_catalog").await?;
        let mut collations = vec![Collated::Unknown; types.len()];
        let meaning = match Statement::read(&tree, sql, self.order) {
            Err(reason) => Meaning::Query(Err(reason.to_string())),
            Ok(statement) => match spread {
                Some(spread) => Meaning::Write(self.aiming(&statement, spread).await?),
                None => {
                    let queried = self.queried(&statement).await?;
                    if let Ok(queried) = &queried {
                        collations = self.collated(&queried.collations).await?;
                    }
                    Meaning::Query(queried)
                }
            },
        };
        let columns = described.columns;
        Ok(Study { schema: None, parameters, columns, types, collations, meaning })
    }

    async fn queried(&mut self, statement: &Statement) -> Result<Result<Queried, String>> {
        for _ in 0..ROUNDS_MAX {
            match statement.routing(&self.catalogue) {
                Routing::Incomplete(needs) => self.learn(&needs).await?,
                Routing::Known(queried) => return Ok(Ok(queried)),
                Routing::Refused(reasons) => return Ok(Err(in_words(&reasons))),
            }
        }
        Err(Error::new(Kind::Database, "views are nested too deep"))
    }

    async fn aiming(&mut self, statement: &Statement, spread: &[Spread]) -> Result<Aiming> {
        for _ in 0..ROUNDS_MAX {
            match statement.aiming(spread, &self.catalogue) {
                Aiming::Incomplete(needs) => self.learn(&needs).await?,
                aiming => return Ok(aiming),
            }
        }
        Err(odd())
    }

    async fn typed(&mut self, oids: &[u32]) -> Result<Vec<Typed>> {
        self.type_names(oids).await?;
        let typed = |oid: &u32| {
            let name = self.types.get(oid).ok_or_else(odd)?;
            Ok(Typed { oid: *oid, name: name.as_str().into() })
        };
        oids.iter().map(typed).collect()
    }

    async fn collated(&mut self, oids: &[Option<u32>]) -> Result<Vec<Collated>> {
        let wanted: Vec<String> =
            oids.iter().flatten().filter(|oid| **oid != 0).map(u32::to_string).collect();
        let mut known = Vec::new();
        if !wanted.is_empty() {
            let sql = format!(
                "SELECT l.oid, pg_catalog.quote_ident(n.nspname) || '.' || \
                 pg_catalog.quote_ident(l.collname) FROM pg_catalog.pg_collation l JOIN \
                 pg_catalog.pg_namespace n ON n.oid = l.collnamespace WHERE l.oid IN ({})",
                wanted.join(",")
            );
            known = texts(&self.ask(&sql).await?);
        }
        let named = |oid: &Option<u32>| {
            let Some(oid) = oid else { return Collated::Unknown };
            let text = oid.to_string();
            let name = known.iter().find_map(|row| match row.as_slice() {
                [Some(found), Some(name)] if *found == text => Some(name.as_str()),
                _ => None,
            });
            match (oid, name) {
                (0, _) => Collated::Nothing,
                (_, Some(name)) => Collated::By(name.into()),
                (_, None) => Collated::Unknown,
            }
        };
        Ok(oids.iter().map(named).collect())
    }
}

fn in_words(reasons: &[Reason]) -> String {
    reasons.iter().map(Reason::to_string).collect::<Vec<_>>().join("; ")
}
