//! Values as they are remembered: as 32 bits that cannot be turned back. Two values may share them.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;

use crate::value::Value;

/// Bytes of a text or blob that may be a key.
const KEY_BYTES_MAX: usize = 64;

/// Numbers from here on do not meet by chance.
const WIDE: u64 = 1 << 20;

/// What is remembered of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digest(pub(super) u32);

/// Makes digests; those of another one mean nothing beside them.
#[derive(Debug, Default)]
pub(crate) struct Digester(RandomState);

/// The digest of a value that may be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) digest: Digest,
    /// It is unlikely that another value of another meaning is the same.
    pub(super) is_wide: bool,
}

impl Digester {
    /// The digest of a parameter. A number and its text are one.
    pub(crate) fn of(&self, value: &Value) -> Digest {
        let mut state = self.0.build_hasher();
        match value {
            Value::Null => state.write_u8(0),
            Value::Integer(number) => self.number(*number, &mut state),
            Value::Real(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                self.number(*number as i64, &mut state);
            }
            Value::Real(number) => state.write_u64(number.to_bits()),
            Value::Text(text) => match whole(text) {
                Some(number) => self.number(number, &mut state),
                None => {
                    state.write_u8(2);
                    state.write(text.as_bytes());
                }
            },
            Value::Blob(bytes) => {
                state.write_u8(3);
                state.write(bytes);
            }
        }
        Digest(state.finish() as u32)
    }

    /// The digest of a literal, by its text.
    pub(crate) fn of_literal(&self, text: &str) -> Digest {
        let inner = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
        match (inner, text.parse::<f64>()) {
            (Some(inner), _) => self.of(&Value::Text(inner.replace("''", "'").into())),
            (None, Ok(number)) => match whole(text) {
                Some(number) => self.of(&Value::Integer(number)),
                None => self.of(&Value::Real(number)),
            },
            (None, Err(_)) => self.of(&Value::Text(text.into())),
        }
    }

    /// Several as one.
    pub(super) fn all(&self, digests: &[Digest]) -> Digest {
        let mut state = self.0.build_hasher();
        digests.iter().for_each(|digest| state.write_u32(digest.0));
        Digest(state.finish() as u32)
    }

    /// The digest of a value of a result, if it may be a key.
    pub(super) fn key(&self, value: &Value) -> Option<Key> {
        let is_wide = match value {
            Value::Null | Value::Real(_) => return None,
            Value::Integer(number) => number.unsigned_abs() >= WIDE,
            Value::Text(text) if text.is_empty() || text.len() > KEY_BYTES_MAX => return None,
            Value::Text(text) => whole(text).is_none_or(|number| number.unsigned_abs() >= WIDE),
            Value::Blob(bytes) if bytes.is_empty() || bytes.len() > KEY_BYTES_MAX => return None,
            Value::Blob(_) => true,
        };
        Some(Key { digest: self.of(value), is_wide })
    }

    fn number(&self, number: i64, state: &mut impl Hasher) {
        state.write_u8(1);
        state.write_i64(number);
    }
}

/// The whole number that a text is, if it is written as numbers are.
fn whole(text: &str) -> Option<i64> {
    let first = *text.as_bytes().first()?;
    let is_plain = matches!(first, b'1'..=b'9' | b'-') || text == "0";
    if is_plain && text.len() <= 19 { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_value_has_one_digest() {
        let digester = Digester::default();
        let check = |a: Value, b: Value, expect: bool| {
            assert_eq!(digester.of(&a) == digester.of(&b), expect, "{a:?} and {b:?}");
        };
        check(7.into(), "7".into(), true);
        check(7.into(), 7.0.into(), true);
        check((-7).into(), "-7".into(), true);
        check(7.into(), "07".into(), false);
        check(7.into(), 8.into(), false);
        check(7.into(), 7.5.into(), false);
        check("a".into(), "a".into(), true);
        check("a".into(), "b".into(), false);
        check(0.into(), ().into(), false);
        let literal = |text: &str, value: Value| {
            assert_eq!(digester.of_literal(text), digester.of(&value), "{text}");
        };
        literal("17", 17.into());
        literal("'it''s'", "it's".into());
        literal("1.5", 1.5.into());
        let is_wide = |value: Value| digester.key(&value).map(|key| key.is_wide);
        assert_eq!(is_wide(59.into()), Some(false));
        assert_eq!(is_wide("59".into()), Some(false));
        assert_eq!(is_wide((1i64 << 40).into()), Some(true));
        assert_eq!(is_wide("9f0c".into()), Some(true));
        assert_eq!(is_wide(0.5.into()), None);
        assert_eq!(is_wide("x".repeat(65).as_str().into()), None);
    }
}
