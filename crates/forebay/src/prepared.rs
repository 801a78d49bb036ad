//! A statement whose text was taken in once. It holds nothing of what the text means: that is the
//! engine's, which forgets it when the schema changes.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::cache::Text;
use crate::engine::Engine;
use crate::query::{Execute, Query, Target};

/// A statement to be run again and again, from [`crate::Db::prepare`]: its text is neither hashed
/// nor copied again. A clone is cheap, and may be kept and used on all threads for as long as the
/// program runs. Its answers are those of the same text through [`crate::Db::query`].
#[derive(Clone)]
pub struct Prepared {
    engine: Arc<Engine>,
    text: Text,
}

impl Prepared {
    pub(crate) fn new(engine: Arc<Engine>, sql: &str) -> Prepared {
        let text = engine.text(sql);
        Prepared { engine, text }
    }

    /// The statement, to be given its parameters; reads are served from the cache where that is
    /// exact.
    #[inline]
    #[track_caller]
    pub fn query(&self) -> Query<'_> {
        Query::of(Target::Shared(&self.engine), self.text.as_ref(), Location::caller())
    }

    /// The statement as one whose rows do not matter. Await it.
    #[track_caller]
    pub fn execute(&self) -> Execute<'_> {
        Execute(self.query())
    }

    /// Its text, without white space around it.
    pub fn sql(&self) -> &str {
        &self.text.sql
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("sql", &self.sql()).finish_non_exhaustive()
    }
}
