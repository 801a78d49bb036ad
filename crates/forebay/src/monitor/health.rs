//! How the parts are that can be told so without asking anybody.

/// How a part of an application is: a disk tier, a tier in Redis, a breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartHealth {
    /// `disk`, `redis` or `breaker`.
    pub part: &'static str,
    /// The name that it was given.
    pub name: String,
    /// Whether it does all that it should.
    pub is_well: bool,
    /// How it is, in a word: `working` and `closed` (of a breaker) are well.
    pub word: &'static str,
    /// Why it is not well, in words without keys and secrets, where that is known.
    pub why: Option<String>,
}
