//! The text of a statement together with its hash, so that whoever looks something up by it reads
//! it once. Texts are compared whole; the hash only finds them.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use quick_cache::Equivalent;

/// What hashes texts. A hash means something only beside others of the same one.
#[derive(Debug, Default)]
pub(crate) struct TextHasher(RandomState);

/// A text as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) sql: Arc<str>,
    hash: u64,
}

/// A text as it is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextRef<'a> {
    pub(crate) sql: &'a str,
    /// The same with what is around it, such as comments. It has no part in any comparison.
    pub(crate) whole: &'a str,
    hash: u64,
    /// The text behind it, if it is kept already.
    kept: Option<&'a Arc<str>>,
}

impl TextHasher {
    #[cfg(test)]
    pub(crate) fn text<'a>(&self, sql: &'a str) -> TextRef<'a> {
        self.text_within(sql, sql)
    }

    /// A text out of a larger one.
    #[inline]
    pub(crate) fn text_within<'a>(&self, sql: &'a str, whole: &'a str) -> TextRef<'a> {
        TextRef { sql, whole, hash: self.0.hash_one(sql), kept: None }
    }
}

impl Text {
    #[inline]
    pub(crate) fn as_ref(&self) -> TextRef<'_> {
        TextRef { sql: &self.sql, whole: &self.sql, hash: self.hash, kept: Some(&self.sql) }
    }
}

impl TextRef<'_> {
    /// The same to be kept; copied only if it is not yet.
    pub(crate) fn to_text(self) -> Text {
        let sql = self.kept.map_or_else(|| self.sql.into(), Arc::clone);
        Text { sql, hash: self.hash }
    }
}

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Text) -> bool {
        self.as_ref().equivalent(other)
    }
}

impl Eq for Text {}

impl Equivalent<Text> for TextRef<'_> {
    #[inline]
    fn equivalent(&self, text: &Text) -> bool {
        let is_same = std::ptr::eq(self.sql, &raw const *text.sql);
        self.hash == text.hash && (is_same || *self.sql == *text.sql)
    }
}

impl Hash for Text {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hash for TextRef<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_compared_whole() {
        let hasher = TextHasher::default();
        let text = hasher.text("SELECT 1").to_text();
        assert!(hasher.text("SELECT 1").equivalent(&text));
        assert!(text.as_ref().equivalent(&text));
        assert!(Arc::ptr_eq(&text.as_ref().to_text().sql, &text.sql), "it is not copied");
        for other in ["SELECT 2", "SELECT 1 ", "select 1", ""] {
            assert!(!hasher.text(other).equivalent(&text), "{other}");
            let collides = TextRef { sql: other, whole: other, hash: text.hash, kept: None };
            assert!(!collides.equivalent(&text), "{other}, with the same hash");
        }
    }
}
