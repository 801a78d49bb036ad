//! Which names on a disk are in use, so that two who would overtake one another's deletions do not
//! both use one. It does not know what the names are of.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The names in use. There are as many as there are caches on the disk.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<HashSet<Box<str>>>);

/// A name in use, until this is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    claims: Arc<Claims>,
    name: Box<str>,
}

impl Claims {
    /// None if somebody else uses it.
    pub(super) fn claim(self: &Arc<Claims>, name: &str) -> Option<Claim> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.into()).then(|| Claim { claims: self.clone(), name: name.into() })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut names = self.claims.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.remove(&self.name);
    }
}
