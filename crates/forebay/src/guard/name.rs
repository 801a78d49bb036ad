//! What a guard is called in errors and logs.

use std::fmt;

/// A name, or none. Displayed as it stands in a sentence: behind a space, or not at all.
#[derive(Clone, Debug, Default)]
pub(super) struct Name(pub(super) String);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            "" => Ok(()),
            name => write!(f, " `{name}`"),
        }
    }
}
