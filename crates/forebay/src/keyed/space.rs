//! Namespaces: a path of names before a key. One path is within another if it begins with it; the
//! names carry their lengths, so that no bytes in a name or a key can reach another namespace.

use smallvec::SmallVec;

/// A namespace. The root has no names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Space {
    path: Box<[u8]>,
    /// Where each name ends.
    ends: SmallVec<[usize; 4]>,
}

impl Space {
    pub(crate) fn child(&self, name: &str) -> Space {
        let length = (name.len() as u64).to_le_bytes();
        let path: Box<[u8]> = [&*self.path, &length, name.as_bytes()].concat().into();
        let mut ends = self.ends.clone();
        ends.push(path.len());
        Space { path, ends }
    }

    /// Its whole path, which no other has.
    #[inline]
    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }

    /// The names that it consists of, from the outermost on.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let length = size_of::<u64>();
        starts.zip(&self.ends).map(move |(start, end)| &self.path[start + length..*end])
    }

    /// Whether `other` is this one or lies within it.
    pub(crate) fn holds(&self, other: &Space) -> bool {
        other.path.starts_with(&self.path)
    }

    /// The paths of all namespaces that it lies within, from the root to itself.
    pub(crate) fn around(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(0).chain(self.ends.iter().copied()).map(|end| &self.path[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(names: &[&str]) -> Space {
        names.iter().fold(Space::default(), |space, name| space.child(name))
    }

    fn check(outer: &[&str], inner: &[&str], expect: bool) {
        assert_eq!(space(outer).holds(&space(inner)), expect, "{outer:?} and {inner:?}");
    }

    #[test]
    fn a_namespace_holds_what_begins_with_its_path() {
        check(&[], &[], true);
        check(&[], &["a", "b"], true);
        check(&["a"], &["a", "b"], true);
        check(&["a", "b"], &["a"], false);
        check(&["a"], &["ab"], false);
        check(&["a"], &["b", "a"], false);
        check(&["a", "b"], &["a\u{1}\0\0\0\0\0\0\0b"], false);
        check(&[""], &["a"], false);
    }

    #[test]
    fn it_gives_back_its_names() {
        for names in [&[][..], &["a"], &["", "b/c", "\u{1}"]] {
            let space = space(names);
            let found: Vec<&[u8]> = space.names().collect();
            assert_eq!(found, names.iter().map(|name| name.as_bytes()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_around_it_goes_from_the_root_to_itself() {
        let (root, a, b) = (space(&[]), space(&["a"]), space(&["a", "b"]));
        let around: Vec<&[u8]> = b.around().collect();
        assert_eq!(around, [root.path(), a.path(), b.path()]);
        assert_eq!(root.around().count(), 1);
    }
}
