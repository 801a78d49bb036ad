//! One user of the database, whichever way it takes. A client reads and writes; it neither
//! measures nor checks.

use anyhow::Result;

use super::answer::Answer;
use super::ledger::Family;
use super::mix::{Read, Write};

/// The statements of the writes, the same on every way.
pub(super) mod sql {
    pub(in super::super) const VOTE: &str =
        "INSERT INTO votes (story_id, user_id, cast_at) VALUES (?, ?, unixepoch())";
    pub(in super::super) const COUNT_VOTE: &str = "UPDATE stories SET score = score + 1, \
         version = version + 1 WHERE id = ? RETURNING version, score";
    pub(in super::super) const COMMENT: &str = "INSERT INTO comments (story_id, author_id, body, \
         posted_at) VALUES (?, ?, ?, unixepoch()) RETURNING id";
    pub(in super::super) const COUNT_COMMENT: &str = "UPDATE stories SET comments = comments + 1, \
         version = version + 1 WHERE id = ? RETURNING version";
    pub(in super::super) const PROFILE: &str =
        "UPDATE users SET about = ?, version = version + 1 WHERE id = ? RETURNING version";
    pub(in super::super) const POST: &str = "INSERT INTO stories (author_id, title, body, score, \
         comments, posted_at, version) VALUES (?, ?, ?, 0, 0, unixepoch(), 1) RETURNING id";
    pub(in super::super) const TAG: &str =
        "INSERT INTO story_tags (story_id, tag_id) VALUES (?, ?)";
}

/// What a write that was acknowledged has left behind.
#[derive(Default)]
pub(super) struct Receipt {
    /// Each id that it gave a new version.
    pub(super) versions: Vec<(Family, i64, i64)>,
    /// Taggings it added.
    pub(super) taggings: u64,
}

impl Receipt {
    pub(super) fn vote(story: i64, version: i64, votes: i64) -> Receipt {
        let versions = vec![(Family::Story, story, version), (Family::Votes, story, votes)];
        Receipt { versions, taggings: 0 }
    }

    pub(super) fn comment(story: i64, version: i64, comment: i64) -> Receipt {
        let versions =
            vec![(Family::Story, story, version), (Family::NewestComment, story, comment)];
        Receipt { versions, taggings: 0 }
    }

    pub(super) fn profile(user: i64, version: i64) -> Receipt {
        Receipt { versions: vec![(Family::User, user, version)], taggings: 0 }
    }

    pub(super) fn post(story: i64, taggings: u64) -> Receipt {
        Receipt { versions: vec![(Family::Story, story, 1)], taggings }
    }
}

/// One user of the database.
pub(super) trait Client: Send + 'static {
    fn read(&mut self, read: Read) -> impl Future<Output = Result<Answer>> + Send;

    fn write(&mut self, write: Write) -> impl Future<Output = Result<Receipt>> + Send;

    /// Lets others run, as an application does between two requests.
    fn pause(&mut self) -> impl Future<Output = ()> + Send;
}
