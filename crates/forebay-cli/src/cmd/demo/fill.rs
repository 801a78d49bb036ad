//! Fills the demo's database: every row from one seed, in one transaction.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use fastrand::Rng;
use rusqlite::{Connection, params};

use super::progress::Progress;
use super::prose;
use super::schema::{self, TAGS};
use super::skew::Zipf;
use super::stop::Stop;

/// Rows between two looks at the clock and at the stop signal.
const STRIDE: u64 = 4_096;
/// The time over which stories were posted, in seconds: two years.
const HISTORY: i64 = 2 * 365 * 86_400;

/// What the load has to know of the rows.
pub(super) struct Facts {
    pub(super) rows: u64,
    pub(super) users: u32,
    pub(super) stories: u32,
    /// The id of each story's newest comment, or 0.
    pub(super) newest_comments: Vec<u32>,
    /// The number of each story's votes.
    pub(super) votes: Vec<u32>,
    /// The number of rows in `story_tags`.
    pub(super) taggings: u64,
}

/// How many rows each table gets.
struct Sizes {
    users: u32,
    stories: u32,
    comments: u32,
    votes: u32,
}

impl Sizes {
    /// Divides `rows` among the tables; every story has two tags.
    fn of(rows: u64) -> Sizes {
        let rows = u32::try_from(rows).expect("the number of rows is bounded by the arguments");
        let (users, stories, votes) = (rows * 8 / 100, rows / 10, rows / 4);
        Sizes { users, stories, votes, comments: rows - users - 3 * stories - votes - TAGS }
    }
}

/// Makes the database at `path`, which must not exist; `None` when it was stopped.
pub(super) fn fill(
    path: &Path,
    rows: u64,
    seed: u64,
    progress: &Progress,
    stop: &Stop,
) -> Result<Option<Facts>> {
    reserve(path)?;
    let connection = Connection::open(path)?;
    // A file that is thrown away when this fails needs no journal.
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN")?;
    schema::create_tables(&connection)?;
    let mut filler = Filler {
        connection: &connection,
        sizes: Sizes::of(rows),
        rng: Rng::with_seed(seed),
        now: unix_time(),
        done: 0,
        progress,
        stop,
    };
    let Some(facts) = filler.fill()? else {
        return Ok(None);
    };
    connection.execute_batch("COMMIT")?;
    progress.say("creating indexes");
    schema::create_indexes(&connection)?;
    connection.execute_batch("PRAGMA journal_mode = WAL")?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(Some(facts))
}

/// Creates the empty file, so that an existing one is never touched.
fn reserve(path: &Path) -> Result<()> {
    let created = OpenOptions::new().write(true).create_new(true).open(path);
    match created {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => anyhow::bail!(
            "{} exists already; the demo never overwrites a file: name another, or remove it",
            path.display()
        ),
        Err(error) => {
            Err(error).with_context(|| format!("cannot create the file {}", path.display()))
        }
    }
}

fn unix_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}

struct Filler<'a> {
    connection: &'a Connection,
    sizes: Sizes,
    rng: Rng,
    now: i64,
    done: u64,
    progress: &'a Progress,
    stop: &'a Stop,
}

impl Filler<'_> {
    /// Inserts everything; `None` when it was stopped.
    fn fill(&mut self) -> Result<Option<Facts>> {
        let comments = self.pick_stories(self.sizes.comments);
        let votes = self.pick_stories(self.sizes.votes);
        let complete = self.insert_users()?
            && self.insert_stories(&count(&comments, self.sizes.stories), &votes)?
            && self.insert_tags()?
            && self.insert_comments(&comments)?
            && self.insert_votes(&votes)?;
        if !complete {
            return Ok(None);
        }
        let mut newest_comments = vec![0; self.sizes.stories as usize];
        for (id, story) in (1..).zip(&comments) {
            newest_comments[*story as usize - 1] = id;
        }
        Ok(Some(Facts {
            rows: self.done,
            users: self.sizes.users,
            stories: self.sizes.stories,
            newest_comments,
            votes: count(&votes, self.sizes.stories),
            taggings: 2 * u64::from(self.sizes.stories),
        }))
    }

    /// A story for each of `count` comments or votes: popular stories have more.
    fn pick_stories(&mut self, count: u32) -> Vec<u32> {
        let zipf = Zipf::new(self.sizes.stories);
        let mut draw = || u32::try_from(zipf.draw(&mut self.rng)).expect("ids are small");
        (0..count).map(|_| draw()).collect()
    }

    fn insert_users(&mut self) -> Result<bool> {
        let mut insert = self.connection.prepare("INSERT INTO users VALUES (?, ?, ?, ?, ?, 1)")?;
        for id in 1..=self.sizes.users {
            let name = format!("{}{id}", prose::sentence(&mut self.rng, 1));
            let about = prose::sentence(&mut self.rng, 12);
            let karma = (1.0 / (self.rng.f64() + 1e-5)) as i64;
            let joined_at = self.now - self.rng.i64(0..HISTORY);
            insert.execute(params![id, name, about, karma, joined_at])?;
            if self.row_done() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn insert_stories(&mut self, comments: &[u32], votes: &[u32]) -> Result<bool> {
        let scores = count(votes, self.sizes.stories);
        let mut insert =
            self.connection.prepare("INSERT INTO stories VALUES (?, ?, ?, ?, ?, ?, ?, 1)")?;
        let step = HISTORY / i64::from(self.sizes.stories);
        for (id, (score, comments)) in (1u32..).zip(scores.iter().zip(comments)) {
            let author = self.any_user();
            let title = prose::sentence(&mut self.rng, 8);
            let words = self.rng.usize(20..120);
            let body = prose::sentence(&mut self.rng, words);
            let posted_at = self.now - step * i64::from(self.sizes.stories - id);
            insert.execute(params![id, author, title, body, score, comments, posted_at])?;
            if self.row_done() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn insert_tags(&mut self) -> Result<bool> {
        let mut tag = self.connection.prepare("INSERT INTO tags VALUES (?, ?)")?;
        for id in 1..=TAGS {
            tag.execute(params![id, format!("{}-{id}", prose::sentence(&mut self.rng, 1))])?;
            self.row_done();
        }
        let zipf = Zipf::new(TAGS);
        let mut tagging = self.connection.prepare("INSERT INTO story_tags VALUES (?, ?)")?;
        for story in 1..=self.sizes.stories {
            let first = zipf.draw(&mut self.rng);
            let second = first % i64::from(TAGS) + 1;
            for tag in [first, second] {
                tagging.execute(params![story, tag])?;
                if self.row_done() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn insert_comments(&mut self, stories: &[u32]) -> Result<bool> {
        let mut insert = self.connection.prepare("INSERT INTO comments VALUES (?, ?, ?, ?, ?)")?;
        for (id, story) in (1u32..).zip(stories) {
            let author = self.any_user();
            let words = self.rng.usize(5..40);
            let body = prose::sentence(&mut self.rng, words);
            let posted_at = self.now - self.rng.i64(0..HISTORY);
            insert.execute(params![id, story, author, body, posted_at])?;
            if self.row_done() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn insert_votes(&mut self, stories: &[u32]) -> Result<bool> {
        let mut insert = self.connection.prepare("INSERT INTO votes VALUES (?, ?, ?, ?)")?;
        for (id, story) in (1u32..).zip(stories) {
            let (user, cast_at) = (self.any_user(), self.now - self.rng.i64(0..HISTORY));
            insert.execute(params![id, story, user, cast_at])?;
            if self.row_done() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn any_user(&mut self) -> u32 {
        self.rng.u32(1..=self.sizes.users)
    }

    /// Counts a row; whether the work is to stop.
    fn row_done(&mut self) -> bool {
        self.done += 1;
        if !self.done.is_multiple_of(STRIDE) {
            return false;
        }
        self.progress.advance_to(self.done);
        self.stop.is_set()
    }
}

/// How often each story occurs.
fn count(picks: &[u32], stories: u32) -> Vec<u32> {
    let mut counts = vec![0; stories as usize];
    for story in picks {
        counts[*story as usize - 1] += 1;
    }
    counts
}
