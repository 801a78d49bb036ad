//! The load: which statements a site sends, how often, and for which rows. It draws operations;
//! it does not run them.

use std::fmt;

use fastrand::Rng;

use super::fill::Facts;
use super::ledger::{Check, Family};
use super::prose;
use super::schema::TAGS;
use super::skew::Zipf;

/// A read statement of the site.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
    /// How often it is sent, in parts of all reads' weights.
    pub(super) weight: u32,
    /// What its parameter identifies, if it has one.
    pub(super) key: Key,
    /// How its answers are checked for staleness.
    pub(super) checks: &'static [Check],
    /// Its answer changes with the clock, so that two answers cannot be compared.
    pub(super) volatile: bool,
}

/// What a parameter identifies.
#[derive(Clone, Copy)]
pub(super) enum Key {
    None,
    Story,
    User,
    Tag,
}

const STORY_ROWS: Check = Check::Each { family: Family::Story, id: 0, version: 1 };

/// All read statements.
pub(super) static SHAPES: [Shape; 11] = [
    Shape {
        name: "story",
        sql: "SELECT id, version, title, body, score, comments FROM stories WHERE id = ?",
        weight: 280,
        key: Key::Story,
        checks: &[Check::Key { family: Family::Story, version: 1 }],
        volatile: false,
    },
    Shape {
        name: "comments of a story",
        sql: "SELECT c.id, c.body, u.id, u.version, u.name FROM comments c \
              JOIN users u ON u.id = c.author_id WHERE c.story_id = ? \
              ORDER BY c.id DESC LIMIT 30",
        weight: 200,
        key: Key::Story,
        checks: &[
            Check::Key { family: Family::NewestComment, version: 0 },
            Check::Each { family: Family::User, id: 2, version: 3 },
        ],
        volatile: false,
    },
    Shape {
        name: "front page",
        sql: "SELECT s.id, s.version, s.title, s.score, s.comments, u.id, u.version, u.name \
              FROM stories s JOIN users u ON u.id = s.author_id ORDER BY s.id DESC LIMIT 30",
        weight: 190,
        key: Key::None,
        checks: &[STORY_ROWS, Check::Each { family: Family::User, id: 5, version: 6 }],
        volatile: false,
    },
    Shape {
        name: "user",
        sql: "SELECT id, version, name, about, karma FROM users WHERE id = ?",
        weight: 145,
        key: Key::User,
        checks: &[Check::Key { family: Family::User, version: 1 }],
        volatile: false,
    },
    Shape {
        name: "stories by tag",
        sql: "SELECT s.id, s.version, s.title, s.score FROM story_tags t \
              JOIN stories s ON s.id = t.story_id WHERE t.tag_id = ? \
              ORDER BY t.story_id DESC LIMIT 30",
        weight: 80,
        key: Key::Tag,
        checks: &[STORY_ROWS],
        volatile: false,
    },
    Shape {
        name: "tag cloud",
        sql: "SELECT g.name, count(*) FROM story_tags t JOIN tags g ON g.id = t.tag_id \
              GROUP BY g.id ORDER BY g.id",
        weight: 40,
        key: Key::None,
        checks: &[Check::Sum { column: 1 }],
        volatile: false,
    },
    Shape {
        name: "top users",
        sql: "SELECT id, version, name, karma FROM users ORDER BY karma DESC, id LIMIT 20",
        weight: 38,
        key: Key::None,
        checks: &[Check::Each { family: Family::User, id: 0, version: 1 }],
        volatile: false,
    },
    Shape {
        name: "stories of the day",
        sql: "SELECT id, version, title, score FROM stories \
              WHERE posted_at > unixepoch('now') - 86400 ORDER BY posted_at DESC, id LIMIT 10",
        weight: 20,
        key: Key::None,
        checks: &[STORY_ROWS],
        volatile: true,
    },
    Shape {
        name: "most discussed",
        sql: "SELECT id, version, title, comments FROM stories ORDER BY comments DESC, id LIMIT 10",
        weight: 4,
        key: Key::None,
        checks: &[STORY_ROWS],
        volatile: false,
    },
    Shape {
        name: "comments by user",
        sql: "SELECT id, story_id, body FROM comments WHERE author_id = ? \
              ORDER BY id DESC LIMIT 20",
        weight: 2,
        key: Key::User,
        checks: &[],
        volatile: false,
    },
    Shape {
        name: "votes of a story",
        sql: "SELECT count(*) FROM votes WHERE story_id = ?",
        weight: 1,
        key: Key::Story,
        checks: &[Check::Key { family: Family::Votes, version: 0 }],
        volatile: false,
    },
];

/// A read: which statement, and its parameter if it takes one.
#[derive(Clone, Copy)]
pub(super) struct Read {
    /// The position in [`SHAPES`].
    pub(super) shape: usize,
    /// The parameter; 0 where there is none.
    pub(super) key: i64,
}

impl Read {
    pub(super) fn shape(self) -> &'static Shape {
        &SHAPES[self.shape]
    }

    /// The parameter, when the statement takes one.
    pub(super) fn param(self) -> Option<i64> {
        (!matches!(self.shape().key, Key::None)).then_some(self.key)
    }
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.param() {
            Some(key) => write!(f, "{} {key}", self.shape().name),
            None => f.write_str(self.shape().name),
        }
    }
}

/// A write; all but `Profile` are transactions of several statements.
pub(super) enum Write {
    Vote { story: i64, user: i64 },
    Comment { story: i64, user: i64, body: String },
    Profile { user: i64, about: String },
    Post { user: i64, title: String, body: String, tags: [i64; 2] },
}

/// One step of a client.
pub(super) enum Step {
    Read(Read),
    Write(Write),
}

/// Draws the steps of one client; the same seed draws the same steps.
#[derive(Clone)]
pub(super) struct Chooser {
    rng: Rng,
    stories: Zipf,
    users: Zipf,
    tags: Zipf,
    write_percent: u32,
    weights: u32,
}

impl Chooser {
    pub(super) fn new(facts: &Facts, write_percent: u32) -> Chooser {
        Chooser {
            rng: Rng::with_seed(0),
            stories: Zipf::new(facts.stories),
            users: Zipf::new(facts.users),
            tags: Zipf::new(TAGS),
            write_percent,
            weights: SHAPES.iter().map(|shape| shape.weight).sum(),
        }
    }

    /// The same choices under a seed of its own.
    pub(super) fn seeded(&self, seed: u64) -> Chooser {
        Chooser { rng: Rng::with_seed(seed), ..self.clone() }
    }

    pub(super) fn step(&mut self) -> Step {
        if self.rng.u32(0..100) < self.write_percent {
            Step::Write(self.write())
        } else {
            Step::Read(self.read())
        }
    }

    pub(super) fn read(&mut self) -> Read {
        let mut left = self.rng.u32(0..self.weights);
        for (shape, entry) in SHAPES.iter().enumerate() {
            if left < entry.weight {
                return self.read_of(shape);
            }
            left -= entry.weight;
        }
        unreachable!("the draw is below the sum of all weights")
    }

    /// A read of the shape at this position.
    pub(super) fn read_of(&mut self, shape: usize) -> Read {
        let key = match SHAPES[shape].key {
            Key::None => 0,
            Key::Story => self.stories.draw(&mut self.rng),
            Key::User => self.users.draw(&mut self.rng),
            Key::Tag => self.tags.draw(&mut self.rng),
        };
        Read { shape, key }
    }

    pub(super) fn write(&mut self) -> Write {
        let user = self.users.draw(&mut self.rng);
        match self.rng.u32(0..100) {
            0..50 => Write::Vote { story: self.stories.draw(&mut self.rng), user },
            50..80 => Write::Comment {
                story: self.stories.draw(&mut self.rng),
                user,
                body: prose::sentence(&mut self.rng, 20),
            },
            80..95 => Write::Profile { user, about: prose::sentence(&mut self.rng, 12) },
            _ => self.post(user),
        }
    }

    fn post(&mut self, user: i64) -> Write {
        let first = self.tags.draw(&mut self.rng);
        let second = first % i64::from(TAGS) + 1;
        let title = prose::sentence(&mut self.rng, 8);
        let body = prose::sentence(&mut self.rng, 60);
        Write::Post { user, title, body, tags: [first, second] }
    }
}
