//! The demo's database: a site where people post stories, tag them, vote and comment.
//! Only what is created, not what is in it.

use anyhow::Result;
use rusqlite::Connection;

/// Tags there are, whatever the number of rows asked for.
pub(super) const TAGS: u32 = 40;

const TABLES: &str = "
    CREATE TABLE users (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, about TEXT NOT NULL,
        karma INTEGER NOT NULL, joined_at INTEGER NOT NULL, version INTEGER NOT NULL);
    CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE stories (
        id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES users (id),
        title TEXT NOT NULL, body TEXT NOT NULL, score INTEGER NOT NULL,
        comments INTEGER NOT NULL, posted_at INTEGER NOT NULL, version INTEGER NOT NULL);
    CREATE TABLE story_tags (
        story_id INTEGER NOT NULL REFERENCES stories (id),
        tag_id INTEGER NOT NULL REFERENCES tags (id),
        PRIMARY KEY (story_id, tag_id)) WITHOUT ROWID;
    CREATE TABLE comments (
        id INTEGER PRIMARY KEY, story_id INTEGER NOT NULL REFERENCES stories (id),
        author_id INTEGER NOT NULL REFERENCES users (id), body TEXT NOT NULL,
        posted_at INTEGER NOT NULL);
    CREATE TABLE votes (
        id INTEGER PRIMARY KEY, story_id INTEGER NOT NULL REFERENCES stories (id),
        user_id INTEGER NOT NULL REFERENCES users (id), cast_at INTEGER NOT NULL);";

const INDEXES: &str = "
    CREATE INDEX comments_by_story ON comments (story_id, id);
    CREATE INDEX stories_by_time ON stories (posted_at);
    CREATE INDEX tagged_stories ON story_tags (tag_id, story_id);
    ANALYZE;";

/// An index that a careful owner would have made, left out so that there is something to find.
pub(super) struct Missing {
    /// The columns it would be on.
    pub(super) on: &'static str,
    /// The statement of the mix that suffers, by its name there.
    pub(super) hurts: &'static str,
}

/// The indexes left out on purpose.
pub(super) const MISSING: [Missing; 4] = [
    Missing { on: "users (karma)", hurts: "top users" },
    Missing { on: "stories (comments)", hurts: "most discussed" },
    Missing { on: "comments (author_id)", hurts: "comments by user" },
    Missing { on: "votes (story_id)", hurts: "votes of a story" },
];

/// Creates the tables, without their indexes: rows go in faster so.
pub(super) fn create_tables(connection: &Connection) -> Result<()> {
    Ok(connection.execute_batch(TABLES)?)
}

/// Creates the indexes and gathers statistics for the query planner.
pub(super) fn create_indexes(connection: &Connection) -> Result<()> {
    Ok(connection.execute_batch(INDEXES)?)
}
