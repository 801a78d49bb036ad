//! Which route a request has taken: the pattern of its path, never the path itself, so that there
//! are few of them and no value is in one.

use axum::extract::MatchedPath;
use http::Extensions;

/// What requests are counted under that have no route, or one too many.
pub(super) const OTHER: &str = "other";

/// The pattern that a router of axum has matched.
pub(super) fn matched(extensions: &Extensions) -> Option<&str> {
    extensions.get::<MatchedPath>().map(MatchedPath::as_str)
}
