//! What tells one cached answer from another. Keys are compared whole; the hash only finds them.

use quick_cache::Equivalent;
use std::any::TypeId;
use std::hash::{Hash, Hasher};

use super::store::Resident;
use super::text::{Text, TextRef};
use crate::params::Params;

/// In which form an answer is kept: as rows, or decoded into a type. One word for both, because a
/// hit passes it on by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape(TypeId);

/// Stands for rows; nothing can be decoded into it.
struct AsRows;

impl Shape {
    #[inline]
    pub(crate) fn rows() -> Shape {
        Shape(TypeId::of::<AsRows>())
    }

    #[inline]
    pub(crate) fn typed<T: 'static>() -> Shape {
        Shape(TypeId::of::<T>())
    }
}

/// A key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) text: Text,
    pub(crate) params: Params,
    pub(crate) shape: Shape,
}

/// A key as it is looked up, without a copy of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRef<'a> {
    pub(crate) text: TextRef<'a>,
    pub(crate) params: &'a Params,
    pub(crate) shape: Shape,
}

impl Resident for Key {
    /// The text is shared, but counted, since it may be the last one.
    fn size(&self) -> usize {
        size_of::<Key>() + self.text.sql.len() + self.params.size()
    }
}

impl Key {
    #[inline]
    pub(crate) fn as_ref(&self) -> KeyRef<'_> {
        KeyRef { text: self.text.as_ref(), params: &self.params, shape: self.shape }
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
        self.text.hash(state);
        self.params.hash(state);
        self.shape.hash(state);
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    #[inline]
    fn equivalent(&self, key: &Key) -> bool {
        self.shape == key.shape && *self.params == key.params && self.text.equivalent(&key.text)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;
    use crate::cache::TextHasher;
    use crate::value::Value;

    fn params(values: &[(&str, Value)]) -> Params {
        let mut params = Params::default();
        for (name, value) in values {
            match *name {
                "" => params.push(value.clone()),
                name => params.push_named(name, value.clone()),
            }
        }
        params
    }

    #[test]
    fn keys_differ_where_answers_may() {
        let hasher = TextHasher::default();
        let hash = |key: &KeyRef<'_>| foldhash::fast::FixedState::default().hash_one(key);
        let shapes = [Shape::rows(), Shape::typed::<u8>(), Shape::typed::<u16>()];
        let lists = [
            params(&[]),
            params(&[("", 1.into())]),
            params(&[("", 1.0.into())]),
            params(&[("", "1".into())]),
            params(&[("", b"1".into())]),
            params(&[("", ().into())]),
            params(&[("", 0.0.into())]),
            params(&[("", (-0.0).into())]),
            params(&[("", 1.into()), ("", ().into())]),
            params(&[("", ().into()), ("", 1.into())]),
            params(&[("a", 1.into())]),
            params(&[("b", 1.into())]),
            params(&[("a", 1.into()), ("", 2.into())]),
            params(&[("", 1.into()), ("a", 2.into())]),
            params(&[("", "ab".into()), ("", "c".into())]),
            params(&[("", "a".into()), ("", "bc".into())]),
        ];
        let mut keys = Vec::new();
        for sql in ["SELECT 1", "SELECT 2"] {
            for params in &lists {
                keys.extend(shapes.map(|shape| KeyRef { text: hasher.text(sql), params, shape }));
            }
        }
        for (a, key) in keys.iter().enumerate() {
            for (b, other) in keys.iter().enumerate() {
                let kept = Key {
                    text: other.text.to_text(),
                    params: other.params.clone(),
                    shape: other.shape,
                };
                assert_eq!(key.equivalent(&kept), a == b, "{key:?} and {kept:?}");
                assert_eq!(hash(key) == hash(&kept.as_ref()), a == b, "{key:?} and {kept:?}");
            }
        }
    }
}
