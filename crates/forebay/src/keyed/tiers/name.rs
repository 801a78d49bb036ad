//! The names under which a cache keeps things in its tiers: its own name, the namespaces, and the
//! key or the tag. Each name carries its length, so that no bytes in one can reach another cache or
//! namespace. It knows no tier.

use super::super::key::KeyRef;
use super::super::space::Space;

/// What stands between the namespaces and the bytes of a key.
const KEY: u8 = b'=';

/// The same for a tag.
const TAG: u8 = b'#';

/// Stands for all tags of a namespace.
const ANY: u8 = b'~';

/// The names of one cache: `3:app/5:pages=42`.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    cache: Box<[u8]>,
}

impl Names {
    pub(crate) fn new(cache: &str) -> Names {
        Names { cache: format!("{}:{cache}", cache.len()).into_bytes().into() }
    }

    /// What all names in a namespace and within it begin with, and no others.
    pub(crate) fn space(&self, space: &Space) -> Vec<u8> {
        self.levels(space).last().expect("the root is one")
    }

    pub(crate) fn key(&self, key: KeyRef<'_>) -> Vec<u8> {
        let mut name = self.keys(key.space);
        name.extend_from_slice(key.bytes);
        name
    }

    /// What the names of the keys of a namespace begin with, and not those within it.
    pub(crate) fn keys(&self, space: &Space) -> Vec<u8> {
        let mut name = self.space(space);
        name.push(KEY);
        name
    }

    /// A tag as it is deleted in a namespace.
    pub(crate) fn tag(&self, space: &Space, tag: &[u8]) -> Vec<u8> {
        with(self.space(space), TAG, tag)
    }

    /// The names of a tag of a key in `space`: in each namespace in which it may be deleted, the
    /// outermost first.
    pub(crate) fn tags<'a>(
        &self,
        space: &'a Space,
        tag: &'a [u8],
    ) -> impl Iterator<Item = Vec<u8>> + use<'_, 'a> {
        self.levels(space).map(move |level| with(level, TAG, tag))
    }

    /// What is raised with every tag that is deleted in a namespace.
    pub(crate) fn any(&self, space: &Space) -> Vec<u8> {
        with(self.space(space), ANY, &[])
    }

    /// The same for each namespace in which a tag of a key in `space` may be deleted.
    pub(crate) fn anys(&self, space: &Space) -> Vec<Vec<u8>> {
        self.levels(space).map(|level| with(level, ANY, &[])).collect()
    }

    fn levels<'a>(&self, space: &'a Space) -> impl Iterator<Item = Vec<u8>> + use<'_, 'a> {
        let mut names = space.names();
        let mut next = Some(self.cache.to_vec());
        std::iter::from_fn(move || {
            let level = next.take()?;
            next = names.next().map(|name| {
                let mut inner = level.clone();
                inner.extend(format!("/{}:", name.len()).into_bytes());
                inner.extend_from_slice(name);
                inner
            });
            Some(level)
        })
    }
}

fn with(mut level: Vec<u8>, mark: u8, bytes: &[u8]) -> Vec<u8> {
    level.push(mark);
    level.extend_from_slice(bytes);
    level
}

/// A pattern that stands for these very bytes.
pub(crate) fn literally(bytes: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(bytes.len() + 8);
    for byte in bytes {
        if b"*?\\".contains(byte) {
            pattern.push(b'\\');
        }
        pattern.push(*byte);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glob::Glob;
    use std::collections::HashSet;
    use std::sync::Arc;

    fn space(names: &[&str]) -> Arc<Space> {
        Arc::new(names.iter().fold(Space::default(), |space, name| space.child(name)))
    }

    #[test]
    fn names_can_be_read() {
        let (names, pages) = (Names::new("app"), space(&["pages", ""]));
        let key = KeyRef { space: &pages, bytes: b"4=2" };
        assert_eq!(names.key(key), b"3:app/5:pages/0:=4=2");
        assert_eq!(names.tag(&pages, b"t"), b"3:app/5:pages/0:#t");
        let tags: Vec<Vec<u8>> = names.tags(&pages, b"t").collect();
        assert_eq!(tags, [&b"3:app#t"[..], b"3:app/5:pages#t", b"3:app/5:pages/0:#t"]);
        assert_eq!(names.anys(&space(&[])), [b"3:app~".to_vec()]);
    }

    /// Whatever the bytes are, no two things have one name, and a namespace begins only what lies
    /// within it.
    #[test]
    fn no_two_things_have_one_name() {
        let texts = ["", "a", "1:a", "/1:a", "=a", "a=", "#", "~", "a/1:a"];
        let mut seen = HashSet::new();
        let mut spaces = vec![vec![]];
        for a in texts {
            spaces.push(vec![a]);
            spaces.extend(texts.map(|b| vec![a, b]));
        }
        for cache in texts {
            let names = Names::new(cache);
            for path in &spaces {
                let space = space(path);
                for text in texts {
                    let bytes = text.as_bytes();
                    assert!(seen.insert(names.key(KeyRef { space: &space, bytes })), "{path:?}");
                    assert!(seen.insert(names.tag(&space, bytes)), "{path:?}");
                }
                assert!(seen.insert(names.any(&space)));
                for other in &spaces {
                    let key = names.key(KeyRef { space: &self::space(other), bytes: b"k" });
                    let expect = other.starts_with(path);
                    assert_eq!(key.starts_with(&names.space(&space)), expect, "{path:?} {other:?}");
                    assert_eq!(key.starts_with(&names.keys(&space)), path == other);
                }
            }
        }
    }

    #[test]
    fn a_literal_pattern_matches_nothing_else() {
        let bytes = b"a*b?c\\d";
        let pattern = Glob::new(&literally(bytes));
        assert!(pattern.matches(bytes));
        for other in [&b"axb?c\\d"[..], b"a*bxc\\d", b"a*b?cd"] {
            assert!(!pattern.matches(other));
        }
    }
}
