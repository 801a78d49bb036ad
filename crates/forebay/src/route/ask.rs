//! A statement as its caller puts it to all members, and as it is put to one of them.

use std::panic::Location;
use std::time::Duration;

use super::member::Member;
use crate::backend::Limits;
use crate::engine::Engine;
use crate::error::{Error, Kind, Result};
use crate::outcome::Outcome;
use crate::params::Params;
use crate::query::{Query, Target};
use crate::row::Rows;
use crate::session::Session;

/// A statement with its parameters and options.
#[derive(Clone, Debug)]
pub(super) struct Ask<'a> {
    pub(super) sql: &'a str,
    pub(super) params: Params,
    pub(super) words: Words,
    pub(super) is_partial: bool,
    pub(super) caller: &'static Location<'static>,
}

/// What its caller says of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) no_cache: bool,
    pub(super) ttl: Option<Duration>,
    pub(super) tags: Vec<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) rows_max: Option<usize>,
    pub(super) bytes_max: Option<usize>,
}

/// What one member is asked.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) sql: String,
    pub(super) params: Params,
}

impl Words {
    fn apply<'q>(&self, query: Query<'q>) -> Query<'q> {
        let mut query = query.exact();
        if self.no_cache {
            query = query.no_cache();
        }
        if let Some(ttl) = self.ttl {
            query = query.ttl(ttl);
        }
        for tag in &self.tags {
            query = query.tag(tag);
        }
        if let Some(rows) = self.rows_max {
            query = query.max_rows(rows);
        }
        if let Some(bytes) = self.bytes_max {
            query = query.max_bytes(bytes);
        }
        query
    }

    /// The same with other bounds of an answer, if there are any.
    fn within(&self, bounds: Option<Limits>) -> Words {
        let mut words = self.clone();
        if let Some(bounds) = bounds {
            (words.rows_max, words.bytes_max) = (Some(bounds.rows_max), Some(bounds.bytes_max));
        }
        words
    }

    /// The bounds of an answer.
    pub(super) fn limits(&self, default: Limits) -> Limits {
        Limits {
            rows_max: self.rows_max.unwrap_or(default.rows_max),
            bytes_max: self.bytes_max.unwrap_or(default.bytes_max),
        }
    }
}

impl<'a> Ask<'a> {
    /// What its caller has asked, to be asked of one database.
    pub(super) fn query<'q>(&'q self, engine: &'q Engine) -> Query<'q> {
        let query = Query::new(Target::Shared(engine), self.sql, self.caller);
        self.words.apply(query).with_params(self.params.clone())
    }

    /// Asks a member what its caller has asked.
    pub(super) async fn pass(&self, member: &Member, limit: Duration) -> Result<Outcome> {
        let limit = self.words.timeout.unwrap_or(limit);
        let asked = self.query(member.db.engine()).fetch();
        within(member, limit, asked).await
    }

    /// Asks a member for several answers, all of them of one snapshot.
    pub(super) async fn parts(
        &self,
        member: &Member,
        parts: &[Part],
        bounds: Option<Limits>,
        limit: Duration,
    ) -> Result<Vec<Rows>> {
        let limit = self.words.timeout.unwrap_or(limit);
        within(member, limit, self.all_parts(member, parts, bounds)).await
    }

    /// The same, past the caches.
    #[cfg(feature = "postgres")]
    pub(super) fn past(&self) -> Ask<'a> {
        let mut ask = self.clone();
        ask.words.no_cache = true;
        ask
    }

    /// Asks a member in a session, within the transaction that is open there.
    #[cfg(feature = "postgres")]
    pub(super) async fn pass_in(
        &self,
        session: &Session,
        member: &Member,
        limit: Duration,
    ) -> Result<Outcome> {
        let limit = self.words.timeout.unwrap_or(limit);
        let query = self.words.apply(session.query(self.sql)).with_params(self.params.clone());
        within(member, limit, query.fetch()).await
    }

    /// The same for several answers.
    #[cfg(feature = "postgres")]
    pub(super) async fn parts_in(
        &self,
        session: &Session,
        member: &Member,
        parts: &[Part],
        bounds: Option<Limits>,
        limit: Duration,
    ) -> Result<Vec<Rows>> {
        let words = self.words.within(bounds);
        let limit = self.words.timeout.unwrap_or(limit);
        within(member, limit, answers_in(session, &words, parts)).await
    }

    async fn all_parts(
        &self,
        member: &Member,
        parts: &[Part],
        bounds: Option<Limits>,
    ) -> Result<Vec<Rows>> {
        let words = self.words.within(bounds);
        if let [part] = parts {
            let query = Query::new(Target::Shared(member.db.engine()), &part.sql, self.caller);
            let asked = words.apply(query).with_params(part.params.clone()).fetch().await?;
            return Ok(vec![asked.rows]);
        }
        let session = member.db.session();
        // At PostgreSQL each statement would have a snapshot of its own.
        let begin = match member.db.engine().is_sqlite() {
            true => "BEGIN",
            false => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        session.execute(begin).await?;
        let answers = answers_in(&session, &words, parts).await?;
        session.execute("COMMIT").await?;
        Ok(answers)
    }
}

async fn answers_in(session: &Session, words: &Words, parts: &[Part]) -> Result<Vec<Rows>> {
    let mut answers = Vec::with_capacity(parts.len());
    for part in parts {
        let query = words.apply(session.query(&part.sql));
        answers.push(query.with_params(part.params.clone()).fetch().await?.rows);
    }
    Ok(answers)
}

/// Waits for a member, but not for ever.
pub(super) async fn within<T>(
    member: &Member,
    limit: Duration,
    asked: impl Future<Output = Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(limit, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(member.fault(&error)),
        Err(_) => Err(Error::new(
            Kind::Timeout,
            format!(
                "member {}: no answer within {limit:?}; raise `member_timeout`, or ask for what \
                 there is with `partial`",
                member.name
            ),
        )),
    }
}
