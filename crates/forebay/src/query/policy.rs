//! The words by which a query says how its answer may be kept. What they come to is the engine's.

use std::sync::Arc;
use std::time::Duration;

use super::Query;
use crate::engine::Policy;
use crate::error::Result;
use crate::outcome::Explanation;

/// How the answer may be kept. Without a word, and unless the builder has said one, every answer is
/// what the database would say now. The words are those of who asks: an answer that somebody else
/// has read is judged by them. They mean nothing inside a transaction, in a session with a
/// connection of its own, for `stream`, with `no_cache`, and for statements that write; and what is
/// switched off stays so.
///
/// Answers under such words lie apart from the others, in [`policy_bytes`]; `shared` decodes them
/// for each caller. A word that is said twice counts as it was said last.
///
/// [`policy_bytes`]: crate::Builder::policy_bytes
impl Query<'_> {
    /// Only an answer that was read at most `limit` ago, and that nothing has made untrue: exact,
    /// and not old.
    ///
    /// **Where changes are not seen** (a PostgreSQL server that cannot be followed, an SQLite
    /// database without a WAL) it says that an answer may be as old as that: it is served for
    /// `limit`, until a write through this handle is acknowledged.
    pub fn ttl(mut self, limit: Duration) -> Self {
        self.policy().ttl = Some(limit);
        self
    }

    /// An answer that was read at most `limit` ago, **whatever has been written since, by this very
    /// caller too**: it is stale by up to `limit`. For what is asked more often than it matters,
    /// and for statements of which it cannot be known when their answers change: foreign tables,
    /// functions of time and chance, a server that cannot be followed. It counts before `ttl`.
    ///
    /// At PostgreSQL a statement of which nothing is proven is kept only if it calls nothing but
    /// well-known functions of the server's: others may write. `explain` tells.
    pub fn ttl_only(mut self, limit: Duration) -> Self {
        self.policy().ttl_only = Some(limit);
        self
    }

    /// What a write, or the `ttl`, has made stale is still served for up to `limit` after that,
    /// while it is read again in the background: nobody waits for a write's sake. Where the write
    /// was not seen at once, from when the answer was last known to be true.
    pub fn stale_while_revalidate(mut self, limit: Duration) -> Self {
        self.policy().stale_while_revalidate = limit;
        self
    }

    /// The same when the database cannot be reached or does not answer in time, instead of the
    /// error; it is asked again a second later. An error of the statement itself stays one.
    pub fn stale_if_error(mut self, limit: Duration) -> Self {
        self.policy().stale_if_error = limit;
        self
    }

    /// A name by which the answer can be deleted: [`crate::Db::delete_by_tag`]. Writes need none,
    /// they are seen; it is for reasons beyond the database. May be said several times.
    pub fn tag(mut self, tag: &str) -> Self {
        let label = self.target.engine().label(tag);
        let labels = &mut self.policy().labels;
        if !labels.contains(&label) {
            labels.push(label);
        }
        self
    }

    /// Reads the answer again in the background within about a second after a change has made it
    /// untrue, or it has become too old, so that nobody who asks has to wait: for reports that take
    /// long. The most asked come first, four at once; each rests for twice the time that it takes.
    /// It ends a day after the answer was last asked for, when more than 1,000 others are kept
    /// warm, and when the answer has had to make room for others.
    pub fn keep_warm(mut self) -> Self {
        self.policy().keep_warm = true;
        self
    }

    /// Takes back every word, those of the builder too: the answer is exact.
    pub fn exact(mut self) -> Self {
        self.call.policy = None;
        self.call.is_exact = true;
        self
    }

    /// Whether the statement is cached and why, under these words, and its query plan. It is not
    /// run.
    pub async fn explain(self) -> Result<Explanation> {
        self.target.engine().explain(self.call).await
    }

    fn policy(&mut self) -> &mut Policy {
        Arc::make_mut(self.call.policy.get_or_insert_default())
    }
}
