//! The way through Forebay: every client shares one `Db`.

use anyhow::Result;
use forebay::{Db, Transaction};

use super::answer::Answer;
use super::client::{Client, Receipt, sql};
use super::mix::{Read, Write};

/// A handle to the database.
pub(super) struct Layered {
    db: Db,
}

impl Layered {
    pub(super) fn new(db: Db) -> Layered {
        Layered { db }
    }
}

impl Client for Layered {
    async fn read(&mut self, read: Read) -> Result<Answer> {
        let shape = read.shape();
        let query = self.db.query(shape.sql).named(shape.name);
        let query = match read.param() {
            Some(key) => query.bind(key),
            None => query,
        };
        let outcome = query.fetch().await?;
        Ok(Answer::Shared { rows: outcome.rows, cached: outcome.cached })
    }

    async fn write(&mut self, write: Write) -> Result<Receipt> {
        if let Write::Profile { user, about } = &write {
            let query = self.db.query(sql::PROFILE).named("edit profile").bind(about).bind(*user);
            return Ok(Receipt::profile(*user, query.one::<i64>().await?));
        }
        Ok(self.db.transaction(|transaction| change_in(transaction, write)).await?)
    }

    async fn pause(&mut self) {
        tokio::task::yield_now().await;
    }
}

async fn change_in(tx: Transaction, write: Write) -> forebay::Result<Receipt> {
    match write {
        Write::Vote { story, user } => {
            tx.execute(sql::VOTE).named("vote").bind(story).bind(user).await?;
            let (version, votes) =
                tx.query(sql::COUNT_VOTE).named("count vote").bind(story).one().await?;
            Ok(Receipt::vote(story, version, votes))
        }
        Write::Comment { story, user, body } => {
            let insert = tx.query(sql::COMMENT).named("comment");
            let comment = insert.bind(story).bind(user).bind(body).one().await?;
            let update = tx.query(sql::COUNT_COMMENT).named("count comment");
            let version = update.bind(story).one().await?;
            Ok(Receipt::comment(story, version, comment))
        }
        Write::Post { user, title, body, tags } => {
            let insert = tx.query(sql::POST).named("post");
            let story = insert.bind(user).bind(title).bind(body).one().await?;
            for tag in tags {
                tx.execute(sql::TAG).named("tag").bind(story).bind(tag).await?;
            }
            Ok(Receipt::post(story, tags.len() as u64))
        }
        Write::Profile { user, about } => {
            let update = tx.query(sql::PROFILE).named("edit profile");
            Ok(Receipt::profile(user, update.bind(about).bind(user).one().await?))
        }
    }
}
