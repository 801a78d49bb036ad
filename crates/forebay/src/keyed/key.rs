//! What an entry is found under: its key's bytes in a namespace, compared whole.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::Equivalent;

use super::space::Space;
use crate::cache::Resident;

/// An owned key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) space: Arc<Space>,
    pub(crate) bytes: Arc<[u8]>,
}

/// The same, borrowed, to look up without allocating.
#[derive(Clone, Copy)]
pub(crate) struct KeyRef<'a> {
    pub(crate) space: &'a Arc<Space>,
    pub(crate) bytes: &'a [u8],
}

impl Key {
    pub(crate) fn as_ref(&self) -> KeyRef<'_> {
        KeyRef { space: &self.space, bytes: &self.bytes }
    }
}

impl KeyRef<'_> {
    pub(crate) fn to_key(self) -> Key {
        Key { space: self.space.clone(), bytes: self.bytes.into() }
    }

    #[inline]
    fn is(self, other: KeyRef<'_>) -> bool {
        let is_same_space =
            Arc::ptr_eq(self.space, other.space) || self.space.path() == other.space.path();
        is_same_space && self.bytes == other.bytes
    }
}

impl Resident for Key {
    /// The namespace is shared by its keys.
    fn size(&self) -> usize {
        size_of::<Key>() + size_of::<usize>() * 2 + self.bytes.len()
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.space.path());
        state.write(self.bytes);
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.as_ref().is(other.as_ref())
    }
}

impl Eq for Key {}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.is(key.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foldhash::fast::FixedState;
    use std::hash::BuildHasher;

    #[test]
    fn a_borrowed_key_finds_its_owned_one_and_no_other() {
        let root = Arc::new(Space::default());
        let [a, again, b] = ["a", "a", "b"].map(|name| Arc::new(root.child(name)));
        let key = KeyRef { space: &a, bytes: b"1" }.to_key();
        let check = |space, bytes: &[u8], expect| {
            assert_eq!(KeyRef { space, bytes }.equivalent(&key), expect);
        };
        check(&a, b"1", true);
        check(&again, b"1", true);
        check(&b, b"1", false);
        check(&root, b"1", false);
        check(&a, b"11", false);
        let state = FixedState::with_seed(1);
        let borrowed = KeyRef { space: &again, bytes: b"1" };
        assert_eq!(state.hash_one(borrowed), state.hash_one(&key));
    }
}
