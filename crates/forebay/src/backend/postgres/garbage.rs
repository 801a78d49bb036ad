//! A server that does not keep to the protocol: said once, so that every reader of messages says it
//! the same way.

/// What was wrong with what the server sent. The connection cannot be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Garbage(pub(super) &'static str);

impl std::fmt::Display for Garbage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server does not keep to the protocol: {}", self.0)
    }
}

impl std::error::Error for Garbage {}
