//! Rules for statements, and the namespaces that they keep answers in.

use std::time::Duration;

use crate::config::setting::section;
use crate::quantity::{Size, Time};

const NONE: Duration = Duration::ZERO;
const YEAR: Duration = Duration::from_secs(365 * 86_400);

section! {
    /// How the answers of the rules that name it are kept, `[cache.reports]` for example. Its name
    /// is a tag of them, by which they can be deleted.
    struct Namespace {
        /// Bytes of its answers at most, which lie apart from all others then; without it they
        /// share cache.policy_bytes.
        bytes: Option<Size> = None, in 1 << 16..=1 << 40, is [live];
        /// No answer that is older.
        ttl: Option<Time> = None, in NONE..=YEAR, is [live];
        /// Answers may be stale: without it the three below are refused.
        stale: bool = false, is [live];
        /// Answers are served for so long whatever is written.
        ttl_only: Option<Time> = None, in NONE..=YEAR, is [live];
        /// What is out of date is served for so long while it is read again.
        stale_while_revalidate: Option<Time> = None, in NONE..=YEAR, is [live];
        /// The same when the database does not answer.
        stale_if_error: Option<Time> = None, in NONE..=YEAR, is [live];
        /// Rows of an answer at most.
        rows_max: Option<usize> = None, in 1..=1_000_000_000, is [live];
    }
}

section! {
    /// A rule for the statements that it fits; of several the first that fits acts.
    struct Rule {
        /// What `explain`, statistics and logs call it.
        name: String = String::new(), is [live];
        /// Statements by fingerprint, as `forebay explain` shows it.
        fingerprints: Vec<String> = Vec::new(), is [live];
        /// Statements by patterns over their normalised text: `*` is anything, `?` one character.
        texts: Vec<String> = Vec::new(), is [live];
        /// Statements by patterns over the tables that they read or write.
        tables: Vec<String> = Vec::new(), is [live];
        /// The namespace that says how answers are kept; what the rule says itself counts before.
        namespace: Option<String> = None, is [live];
        /// false: past the cache.
        cache: bool = true, is [live];
        /// No answer that is older.
        ttl: Option<Time> = None, in NONE..=YEAR, is [live];
        /// Answers may be stale: without it the three below are refused.
        stale: bool = false, is [live];
        /// Answers are served for so long whatever is written.
        ttl_only: Option<Time> = None, in NONE..=YEAR, is [live];
        /// What is out of date is served for so long while it is read again.
        stale_while_revalidate: Option<Time> = None, in NONE..=YEAR, is [live];
        /// The same when the database does not answer.
        stale_if_error: Option<Time> = None, in NONE..=YEAR, is [live];
        /// Names by which its answers can be deleted.
        tags: Vec<String> = Vec::new(), is [live];
        /// Rows of an answer at most.
        rows_max: Option<usize> = None, in 1..=1_000_000_000, is [live];
        /// The longest such a statement may run, instead of limits.statement_timeout.
        timeout: Option<Time> = None, in Duration::from_millis(1)..=YEAR, is [live];
        /// Refuse such statements, with this reason.
        deny: Option<String> = None, is [live];
    }
}
