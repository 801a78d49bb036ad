//! What has been acknowledged, and so which answers would be stale. Every row that changes
//! carries a version that only grows; the ledger keeps, for each, the highest version that
//! anyone has been told of. A read that began after that may not answer an older one.
//! It judges answers; it never asks the database.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::answer::Answer;
use super::client::Receipt;
use super::fill::Facts;
use super::mix::Read;

/// Room for stories posted while the load runs; later ones are not checked row by row.
const POSTS_MAX: usize = 1 << 20;

/// Things whose version only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// A story's row, by its column `version`.
    Story,
    /// A user's row, by its column `version`.
    User,
    /// The id of a story's newest comment.
    NewestComment,
    /// The number of votes of a story.
    Votes,
}

/// How the answers of a statement are checked.
pub(super) enum Check {
    /// Each row carries an id and a version, in these columns.
    Each { family: Family, id: usize, version: usize },
    /// The parameter is the id; the version is this column of the first row, or 0 without rows.
    Key { family: Family, version: usize },
    /// The sum of this column is the number of taggings, which only grows.
    Sum { column: usize },
}

/// The state of the ledger when a read began.
pub(super) struct Mark {
    now: u64,
    key_floor: u32,
    taggings: u64,
}

/// Versions that were acknowledged.
pub(super) struct Ledger {
    /// Ticks at each acknowledgement, to tell which came before a read began.
    clock: AtomicU64,
    stories: Floors,
    users: Floors,
    newest_comments: Floors,
    votes: Floors,
    taggings: AtomicU64,
}

/// The highest acknowledged version of each id, from 1, packed with the tick at which it was
/// acknowledged: one atomic maximum keeps the two together.
struct Floors(Vec<AtomicU64>);

impl Ledger {
    pub(super) fn new(facts: &Facts) -> Ledger {
        let ones = |count: u32| std::iter::repeat_n(1, count as usize);
        Ledger {
            clock: AtomicU64::new(0),
            stories: Floors::new(ones(facts.stories), POSTS_MAX),
            users: Floors::new(ones(facts.users), 0),
            newest_comments: Floors::new(facts.newest_comments.iter().copied(), POSTS_MAX),
            votes: Floors::new(facts.votes.iter().copied(), POSTS_MAX),
            taggings: AtomicU64::new(facts.taggings),
        }
    }

    /// Records what a write has left behind. To be called after it was acknowledged.
    pub(super) fn file(&self, receipt: &Receipt) {
        for (family, id, version) in &receipt.versions {
            self.acknowledge(*family, *id, *version);
        }
        self.taggings.fetch_add(receipt.taggings, SeqCst);
    }

    /// Records that `id` is known to be at `version` at least.
    fn acknowledge(&self, family: Family, id: i64, version: i64) {
        let version = u32::try_from(version).expect("the load is too short for so many versions");
        self.floors(family).raise(id, version, self.tick());
    }

    /// To be called before a read begins.
    pub(super) fn mark(&self, read: Read) -> Mark {
        let key_floor = read.shape().checks.iter().find_map(|check| match check {
            Check::Key { family, .. } => Some(self.floors(*family).get(read.key)?.0),
            _ => None,
        });
        let taggings = self.taggings.load(SeqCst);
        Mark { now: self.clock.load(SeqCst), key_floor: key_floor.unwrap_or(0), taggings }
    }

    /// Whether the answer to a read is older than what had been acknowledged before the read
    /// began. What it shows is acknowledged in turn: later reads may not go back behind it.
    pub(super) fn is_stale(&self, read: Read, mark: &Mark, answer: &Answer) -> bool {
        let mut stale = false;
        for check in read.shape().checks {
            stale |= match *check {
                Check::Each { family, id, version } => {
                    self.is_row_stale(family, mark, answer, id, version)
                }
                Check::Key { family, version } => {
                    let version = answer.first_integer(version).unwrap_or(0);
                    self.notice(family, read.key, version);
                    version < i64::from(mark.key_floor)
                }
                Check::Sum { column } => {
                    let counts = (0..answer.len()).map(|row| answer.integer(row, column));
                    let sum = counts.fold(0i64, i64::saturating_add);
                    u64::try_from(sum).unwrap_or(0) < mark.taggings
                }
            };
        }
        stale
    }

    fn is_row_stale(
        &self,
        family: Family,
        mark: &Mark,
        answer: &Answer,
        id: usize,
        version: usize,
    ) -> bool {
        let mut stale = false;
        for row in 0..answer.len() {
            let (id, version) = (answer.integer(row, id), answer.integer(row, version));
            let Some((floor, tick)) = self.floors(family).get(id) else {
                continue;
            };
            stale |= version < i64::from(floor) && u64::from(tick) <= mark.now;
            self.notice(family, id, version);
        }
        stale
    }

    /// Raises the floor to a version that an answer has shown. The tick is taken only when it
    /// rises: a needless one would blind checks of reads that are under way.
    fn notice(&self, family: Family, id: i64, version: i64) {
        let known = self.floors(family).get(id).map_or(i64::MAX, |(floor, _)| i64::from(floor));
        if version > known {
            self.acknowledge(family, id, version);
        }
    }

    fn floors(&self, family: Family) -> &Floors {
        match family {
            Family::Story => &self.stories,
            Family::User => &self.users,
            Family::NewestComment => &self.newest_comments,
            Family::Votes => &self.votes,
        }
    }

    /// A tick later than every mark that exists.
    fn tick(&self) -> u32 {
        let tick = self.clock.fetch_add(1, SeqCst) + 1;
        u32::try_from(tick).expect("the load is too short for so many acknowledgements")
    }
}

impl Floors {
    fn new(versions: impl Iterator<Item = u32>, spare: usize) -> Floors {
        let known = versions.map(|version| AtomicU64::new(pack(version, 0)));
        Floors(known.chain((0..spare).map(|_| AtomicU64::new(0))).collect())
    }

    fn cell(&self, id: i64) -> Option<&AtomicU64> {
        self.0.get(usize::try_from(id).ok()?.checked_sub(1)?)
    }

    /// The highest acknowledged version, and when that was.
    fn get(&self, id: i64) -> Option<(u32, u32)> {
        let packed = self.cell(id)?.load(SeqCst);
        Some(((packed >> 32) as u32, packed as u32))
    }

    fn raise(&self, id: i64, version: u32, tick: u32) {
        if let Some(cell) = self.cell(id) {
            cell.fetch_max(pack(version, tick), SeqCst);
        }
    }
}

fn pack(version: u32, tick: u32) -> u64 {
    u64::from(version) << 32 | u64::from(tick)
}
