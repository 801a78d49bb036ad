//! A news site: stories with votes and comments, users with karma, tags. A vote changes a story
//! and its author, which front pages and joins on names should hardly notice.

use fastrand::Rng;

use super::site::{Deed, Question, Site, series, statement};
use super::zipf::Zipf;

const STORIES: usize = 5_000;
const USERS: usize = 1_000;
const COMMENTS: usize = 20_000;
const TAGS: usize = 20;

pub(crate) struct News {
    stories: Zipf,
    users: Zipf,
    tags: Zipf,
    /// Ids given so far.
    last_story: i64,
    last_comment: i64,
}

impl News {
    pub(crate) fn new() -> News {
        News {
            stories: Zipf::new(STORIES, 1.0),
            users: Zipf::new(USERS, 1.0),
            tags: Zipf::new(TAGS, 0.8),
            last_story: STORIES as i64,
            last_comment: COMMENTS as i64,
        }
    }

    /// A story; the popular ones are not the first.
    fn story(&self, rng: &mut Rng) -> i64 {
        spread(self.stories.draw(rng), STORIES)
    }

    fn user(&self, rng: &mut Rng) -> i64 {
        spread(self.users.draw(rng), USERS)
    }
}

/// Another order of 1 to `n`, always the same.
fn spread(rank: i64, n: usize) -> i64 {
    let n = n as i64;
    (rank * 7_919) % n + 1
}

impl Site for News {
    fn name(&self) -> &'static str {
        "news"
    }

    fn script(&self) -> String {
        format!(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, karma INT, about TEXT);
             CREATE TABLE stories (id INTEGER PRIMARY KEY, user_id INT, title TEXT, url TEXT,
                 score INT, hotness INT, is_deleted INT);
             CREATE INDEX stories_hot ON stories (hotness);
             CREATE INDEX stories_score ON stories (score);
             CREATE TABLE comments (id INTEGER PRIMARY KEY, story_id INT, user_id INT, body TEXT,
                 score INT);
             CREATE INDEX comments_story ON comments (story_id);
             CREATE INDEX comments_user ON comments (user_id);
             CREATE TABLE votes (id INTEGER PRIMARY KEY, user_id INT, story_id INT, vote INT);
             CREATE INDEX votes_user ON votes (user_id, story_id);
             CREATE TABLE tags (id INTEGER PRIMARY KEY, tag TEXT UNIQUE);
             CREATE TABLE taggings (story_id INT, tag_id INT, PRIMARY KEY (story_id, tag_id))
                 WITHOUT ROWID;
             CREATE INDEX taggings_tag ON taggings (tag_id, story_id);
             INSERT INTO users SELECT i, 'user' || i, i % 90, 'about' FROM {users};
             INSERT INTO tags SELECT i, 'tag' || i FROM {tags};
             INSERT INTO stories SELECT i, i * 31 % {USERS} + 1, 'story ' || i, 'http://' || i,
                 i * 37 % 400, i * 37 % 400 + i / 10, 0 FROM {stories};
             INSERT INTO comments SELECT i, i * 13 % {STORIES} + 1, i * 17 % {USERS} + 1,
                 'comment ' || i, 1 FROM {comments};
             INSERT INTO taggings SELECT i, i % {TAGS} + 1 FROM {stories};",
            users = series(USERS),
            tags = series(TAGS),
            stories = series(STORIES),
            comments = series(COMMENTS),
        )
    }

    fn ask(&mut self, rng: &mut Rng) -> Question {
        let (sql, params, tables): (_, Vec<i64>, &'static [&'static str]) = match rng.u8(..100) {
            0..30 => ("SELECT * FROM stories WHERE id = ?", vec![self.story(rng)], &["stories"]),
            30..42 => (
                "SELECT s.title, s.url, u.name FROM stories s JOIN users u ON u.id = s.user_id \
                 WHERE s.id = ?",
                vec![self.story(rng)],
                &["stories", "users"],
            ),
            42..60 => (
                "SELECT c.id, c.body, c.score, u.name FROM comments c JOIN users u \
                 ON u.id = c.user_id WHERE c.story_id = ? ORDER BY c.id",
                vec![self.story(rng)],
                &["comments", "users"],
            ),
            60..72 => (
                "SELECT id, title, url, hotness FROM stories WHERE is_deleted = 0 \
                 ORDER BY hotness DESC, id DESC LIMIT 25",
                vec![],
                &["stories"],
            ),
            72..78 => (
                "SELECT id, title, url FROM stories WHERE is_deleted = 0 ORDER BY id DESC LIMIT 25",
                vec![],
                &["stories"],
            ),
            78..82 => (
                "SELECT id, title, score FROM stories WHERE is_deleted = 0 \
                 ORDER BY score DESC, id DESC LIMIT 25",
                vec![],
                &["stories"],
            ),
            82..88 => {
                ("SELECT id, name, karma FROM users WHERE id = ?", vec![self.user(rng)], &["users"])
            }
            88..92 => (
                "SELECT count(*) FROM comments WHERE user_id = ?",
                vec![self.user(rng)],
                &["comments"],
            ),
            92..96 => (
                "SELECT s.id, s.title, s.hotness FROM taggings t JOIN stories s \
                 ON s.id = t.story_id WHERE t.tag_id = ? ORDER BY s.hotness DESC, s.id LIMIT 25",
                vec![self.tags.draw(rng)],
                &["taggings", "stories"],
            ),
            _ => (
                "SELECT t.tag FROM taggings g JOIN tags t ON t.id = g.tag_id \
                 WHERE g.story_id = ? ORDER BY t.id",
                vec![self.story(rng)],
                &["taggings", "tags"],
            ),
        };
        Question { statement: statement(sql, &params), tables }
    }

    fn write(&mut self, rng: &mut Rng) -> Deed {
        let (story, user) = (self.story(rng), self.user(rng));
        let (statements, tables): (_, &'static [&'static str]) = match rng.u8(..100) {
            0..70 => (
                vec![
                    statement(
                        "INSERT INTO votes (user_id, story_id, vote) VALUES (?, ?, 1)",
                        &[user, story],
                    ),
                    statement(
                        "UPDATE stories SET score = score + 1, hotness = hotness + 1 WHERE id = ?",
                        &[story],
                    ),
                    statement(
                        "UPDATE users SET karma = karma + 1 WHERE id = \
                         (SELECT user_id FROM stories WHERE id = ?)",
                        &[story],
                    ),
                ],
                &["votes", "stories", "users"],
            ),
            70..90 => {
                self.last_comment += 1;
                let sql = "INSERT INTO comments VALUES (?, ?, ?, 'a comment', 1)";
                (vec![statement(sql, &[self.last_comment, story, user])], &["comments"])
            }
            90..95 => {
                self.last_story += 1;
                let id = self.last_story;
                let sql = "INSERT INTO stories VALUES (?, ?, 'a story', 'http://', 1, 1, 0)";
                let tag = self.tags.draw(rng);
                (
                    vec![
                        statement(sql, &[id, user]),
                        statement("INSERT INTO taggings VALUES (?, ?)", &[id, tag]),
                    ],
                    &["stories", "taggings"],
                )
            }
            95..99 => {
                let sql = "UPDATE stories SET title = title || '.' WHERE id = ?";
                (vec![statement(sql, &[story])], &["stories"])
            }
            _ => {
                let comment = rng.i64(1..=self.last_comment);
                (vec![statement("DELETE FROM comments WHERE id = ?", &[comment])], &["comments"])
            }
        };
        Deed { statements, tables }
    }
}
