//! The parameters of one statement: values in order, some of them named.

use std::hash::{Hash, Hasher};

use smallvec::SmallVec;

use crate::value::Value;

/// Values bound to a statement. Few parameters take no heap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    values: SmallVec<[Value; 4]>,
    /// Empty when no value is named; else one name per value, empty for a positional one.
    names: Vec<Box<str>>,
}

impl Params {
    #[inline]
    pub(crate) fn push(&mut self, value: Value) {
        if self.names.is_empty() {
            self.values.push(value);
        } else {
            self.push_named("", value);
        }
    }

    pub(crate) fn push_named(&mut self, name: &str, value: Value) {
        self.names.resize(self.values.len(), "".into());
        self.names.push(name.into());
        self.values.push(value);
    }

    /// All values, in the order in which they were bound.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }

    /// The names of the values, empty for those without; none where no value is named.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// Values without a name, in order.
    pub(crate) fn positional(&self) -> impl Iterator<Item = &Value> {
        let names = &self.names;
        self.values
            .iter()
            .enumerate()
            .filter(move |(index, _)| names.get(*index).is_none_or(|name| name.is_empty()))
            .map(|(_, value)| value)
    }

    /// Values with a name, in order.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.names.iter().map(|name| &**name).zip(&self.values).filter(|(name, _)| !name.is_empty())
    }

    /// Bytes on the heap and inline.
    pub(crate) fn size(&self) -> usize {
        let names: usize = self.names.iter().map(|name| size_of::<Box<str>>() + name.len()).sum();
        size_of::<Params>() + names + self.values.iter().map(Value::size).sum::<usize>()
    }
}

// By hand, because the derived ones are calls out of line for each of the two lists.

impl PartialEq for Params {
    #[inline]
    fn eq(&self, other: &Params) -> bool {
        self.values.len() == other.values.len()
            && self.values.iter().zip(&other.values).all(|(a, b)| a == b)
            && (self.names.is_empty() && other.names.is_empty() || self.names == other.names)
    }
}

impl Eq for Params {}

impl Hash for Params {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.values.len());
        for value in &self.values {
            value.hash(state);
        }
        if !self.names.is_empty() {
            self.names.hash(state);
        }
    }
}
