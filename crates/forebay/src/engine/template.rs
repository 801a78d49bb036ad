//! What is known about one SQL text: what it does, how it is counted, and whether it is short
//! enough to run on the caller's thread.

use std::ops::Deref;
use std::sync::Arc;

use super::call::Call;
#[cfg(feature = "postgres")]
use super::coalesce::Coalescing;
use super::database::Engine;
use super::origin::Origin;
use super::rule::Ruling;
use super::sqlite::Sqlite;
use super::worker::blocking;
#[cfg(feature = "postgres")]
use crate::backend::postgres;
use crate::backend::{Known, Pace, sqlite};
use crate::cache::{Text, TextRef};
use crate::error::Result;
use crate::guard::{Stop, StopOnDrop};
use crate::sql::without_margins;
use crate::watch::Record;

/// VM steps that a read may take on the caller's thread; about 100 µs.
pub(super) const INLINE_STEPS: u64 = 10_000;

/// The same of a write. Changing a row takes longer than reading one.
pub(super) const INLINE_WRITE_STEPS: u64 = 1_000;

pub(crate) struct Template {
    pub(crate) text: Text,
    pub(crate) analysis: Analysis,
    pub(crate) record: Arc<Record>,
    /// Whether it runs inline, at PostgreSQL beside others on one connection.
    pub(super) pace: Pace,
    pub(super) ruling: Ruling,
    /// Being run for many values at once.
    #[cfg(feature = "postgres")]
    pub(super) coalescing: Coalescing,
}

/// What a database has found out about a statement.
#[derive(Clone, Debug)]
pub(crate) enum Analysis {
    Sqlite(Arc<sqlite::Analysis>),
    #[cfg(feature = "postgres")]
    Postgres(Arc<postgres::Analysis>),
}

impl Analysis {
    /// Bytes that it takes, about.
    pub(super) fn size(&self) -> usize {
        match self {
            Analysis::Sqlite(analysis) => analysis.size(),
            #[cfg(feature = "postgres")]
            Analysis::Postgres(analysis) => analysis.size(),
        }
    }
}

impl Deref for Analysis {
    type Target = Known;

    fn deref(&self) -> &Known {
        match self {
            Analysis::Sqlite(analysis) => analysis,
            #[cfg(feature = "postgres")]
            Analysis::Postgres(analysis) => analysis,
        }
    }
}

impl Engine {
    /// The statement in a text, without white space and comments around it.
    #[inline]
    pub(crate) fn text_ref<'a>(&self, sql: &'a str) -> TextRef<'a> {
        self.texts.text_within(without_margins(sql, self.origin.dialect()), sql)
    }

    /// The same to be kept: the copy that its template has, if there is one.
    pub(crate) fn text(&self, sql: &str) -> Text {
        let text = self.text_ref(sql);
        let known = self.templates.get(&text);
        known.map_or_else(|| text.to_text(), |template| template.text.clone())
    }

    /// The template of a text, if there is one and it is of the schema as it is now.
    #[inline]
    pub(super) fn known_template(&self, text: &TextRef<'_>) -> Option<Arc<Template>> {
        let template = self.templates.get(text)?;
        self.origin.is_of_now(&template.analysis).then_some(template)
    }

    /// The template of the call's text, made from a prepared statement when it is new.
    pub(super) async fn template(&self, call: &Call<'_>) -> Result<Arc<Template>> {
        if let Some(template) = self.known_template(&call.text) {
            return Ok(template);
        }
        self.check_nested()?;
        let text = call.text.to_text();
        let analysis = self.guard_preparation(call, self.analyse(call, &text)).await?;
        // Of several who have found it out at once under one schema, the first keeps it: those who
        // wait to be run together do so in one place. SQLite's schema has no number to tell that.
        if !matches!(self.origin, Origin::Sqlite(_))
            && let Some(template) = self.known_template(&call.text)
        {
            return Ok(template);
        }
        let record = self.record_of(&text.sql, &analysis.read_tables);
        let template = Arc::new(Template {
            text: text.clone(),
            analysis,
            record,
            pace: Pace::default(),
            ruling: Ruling::default(),
            #[cfg(feature = "postgres")]
            coalescing: Coalescing::default(),
        });
        self.templates.insert(text, template.clone());
        Ok(template)
    }

    /// What is to be known of a statement before it is run.
    async fn analyse(&self, call: &Call<'_>, text: &Text) -> Result<Analysis> {
        match &self.origin {
            Origin::Sqlite(sqlite) => {
                Ok(Analysis::Sqlite(self.analyse_at_sqlite(sqlite, call, text).await?))
            }
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => {
                let deadline = call.deadline(self.statement_timeout);
                let analysis = Box::pin(postgres.analyse(&text.sql, deadline)).await;
                Ok(Analysis::Postgres(Arc::new(analysis)))
            }
        }
    }

    /// Prepares the statement on a reader; on this thread, unless the database is locked.
    async fn analyse_at_sqlite(
        &self,
        sqlite: &Sqlite,
        call: &Call<'_>,
        text: &Text,
    ) -> Result<Arc<sqlite::Analysis>> {
        let mut reader = sqlite.readers.acquire(call.holder(None)).await?;
        match reader.analyse(&text.sql, None) {
            Err(error) if error.is_busy() => {
                let stop = Stop::at(call.deadline(self.statement_timeout));
                let _stop = StopOnDrop(stop.clone());
                let sql = text.sql.clone();
                blocking(move || reader.analyse(&sql, Some(stop))).await
            }
            analysed => analysed,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::builder::Builder;

    /// What is known of a statement may take many times its text: every column by its name.
    #[tokio::test]
    async fn templates_weigh_what_is_known_of_them() {
        let db = Builder::new("sqlite::memory:").open().await.unwrap();
        let name = "x".repeat(10_000);
        db.execute(&format!("CREATE TABLE t (\"{name}\" INT)")).await.unwrap();
        let engine = db.engine();
        let before = engine.templates.weight();
        db.query(&format!("SELECT {}* FROM t", "*, ".repeat(19))).fetch().await.unwrap();
        let weight = engine.templates.weight() - before;
        assert!((200_000..400_000).contains(&weight), "{weight} for 20 columns of 10,000 bytes");
        for n in 0..600 {
            db.query(&format!("SELECT {}* FROM t LIMIT {n}", "*, ".repeat(19)))
                .fetch()
                .await
                .unwrap();
        }
        let weight = engine.templates.weight();
        assert!(weight <= super::super::database::TEMPLATES_BYTES_MAX, "{weight}");
        assert!(engine.templates.len() < 250, "{} of 600", engine.templates.len());
    }
}
