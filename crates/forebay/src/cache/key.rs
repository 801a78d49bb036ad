//! What tells one cached answer from another. Keys are compared whole; the hash only finds them.

use std::any::TypeId;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::Equivalent;

use crate::params::Params;

/// In which form an answer is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// As rows.
    Rows,
    /// Decoded into this type.
    Typed(TypeId),
}

/// A key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) sql: Arc<str>,
    pub(crate) params: Params,
    pub(crate) shape: Shape,
}

/// A key as it is looked up, without a copy of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRef<'a> {
    pub(crate) sql: &'a str,
    pub(crate) params: &'a Params,
    pub(crate) shape: Shape,
}

impl Key {
    /// Bytes that the key takes; the text is shared, but counted, since it may be the last one.
    pub(crate) fn size(&self) -> usize {
        size_of::<Key>() + self.sql.len() + self.params.size()
    }

    #[inline]
    pub(crate) fn as_ref(&self) -> KeyRef<'_> {
        KeyRef { sql: &self.sql, params: &self.params, shape: self.shape }
    }
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}

impl Hash for KeyRef<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sql.hash(state);
        self.params.hash(state);
        self.shape.hash(state);
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    #[inline]
    fn equivalent(&self, key: &Key) -> bool {
        self.shape == key.shape && *self.sql == *key.sql && *self.params == key.params
    }
}
