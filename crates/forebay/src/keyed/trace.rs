//! What a load looks like to who traces: one span, without keys and values. It is a child of the
//! span of the caller who waits for it, or follows from it if nobody does.

use tracing::Span;
use tracing::field::Empty;

/// The span of one load of so many keys. Cost: a comparison while nobody listens.
pub(super) fn of_load(cache: &str, keys: usize, is_behind: bool) -> Span {
    if !is_behind {
        return tracing::debug_span!("forebay.load", cache, keys, behind = false, outcome = Empty);
    }
    // A span lasts as long as its children: the caller's is not to last until this has ended.
    let asker = Span::current();
    let span = tracing::debug_span!(
        parent: None, "forebay.load", cache, keys, behind = true, outcome = Empty
    );
    span.follows_from(asker);
    span
}

/// How a load has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It gave something, whether that was kept or not.
    Loaded,
    /// It failed, panicked or took too long.
    Failed,
    /// A tier had it.
    Found,
    /// Another process has loaded it meanwhile, or it was overtaken: whoever waits asks again.
    Elsewhere,
}

impl Outcome {
    pub(super) fn tell(self, span: &Span) {
        let word = match self {
            Outcome::Loaded => "loaded",
            Outcome::Failed => "failed",
            Outcome::Found => "found",
            Outcome::Elsewhere => "elsewhere",
        };
        span.record("outcome", word);
    }
}
