//! Values as parts of keys and tags: written so that no value reaches beyond its part, and none is
//! taken for a wildcard. It knows neither templates nor patterns.

use std::fmt::{self, Display, Write};

/// A value as a part of a key or a tag, as [`cached`](macro@crate::cached) and
/// [`invalidates`](macro@crate::invalidates) write those of their templates: every ASCII character
/// but letters, digits and `-_.~@+` becomes `%` with two digits of base 16. So a `:` in a value
/// does not end the part, and a `*` in it is no wildcard of [`Cache::delete_pattern`].
///
/// For keys that are deleted by hand:
///
/// ```
/// use forebay::key_part;
/// assert_eq!(format!("search:{}:{}", key_part("a:*"), key_part(&42)), "search:a%3A%2A:42");
/// ```
///
/// [`Cache::delete_pattern`]: crate::Cache::delete_pattern
pub fn key_part<T: Display + ?Sized>(value: &T) -> KeyPart<'_, T> {
    KeyPart(value)
}

/// What [`key_part`] gives, to be written into a key.
#[derive(Clone, Copy)]
pub struct KeyPart<'a, T: ?Sized>(&'a T);

impl<T: Display + ?Sized> Display for KeyPart<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

impl<T: ?Sized> fmt::Debug for KeyPart<'_, T> {
    /// Without the value, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPart").finish_non_exhaustive()
    }
}

/// Escapes what is written through it.
struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_escaped) {
            self.0.write_str(&rest[..at])?;
            write!(self.0, "%{:02X}", rest.as_bytes()[at])?;
            rest = &rest[at + 1..];
        }
        self.0.write_str(rest)
    }
}

fn is_escaped(character: char) -> bool {
    character.is_ascii() && !character.is_ascii_alphanumeric() && !"-_.~@+".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glob::Glob;
    use proptest::prelude::*;

    #[test]
    fn what_could_be_a_separator_or_a_wildcard_is_escaped() {
        let check = |value: &str, expect: &str| assert_eq!(key_part(value).to_string(), expect);
        check("", "");
        check("a-Z_0.9~@+", "a-Z_0.9~@+");
        check("ada@example.org", "ada@example.org");
        check("1:2", "1%3A2");
        check("a*?\\b", "a%2A%3F%5Cb");
        check("%3A", "%253A");
        check(" \n\0\u{7f}", "%20%0A%00%7F");
        check("{/|}", "%7B%2F%7C%7D");
        check("grün \u{a0}", "grün%20\u{a0}");
    }

    #[test]
    fn only_what_can_separate_parts_is_escaped() {
        for character in (0..=u8::MAX).map(char::from) {
            let kept = character.is_alphanumeric() || "-_.~@+".contains(character);
            let expect = character.is_ascii() && !kept;
            assert_eq!(is_escaped(character), expect, "{character:?}");
        }
    }

    /// Texts in which what separates and what is special is frequent.
    fn text() -> impl Strategy<Value = String> {
        let letters = proptest::sample::select(vec!['a', ':', '*', '?', '\\', '%', '3', 'A', 'ü']);
        proptest::collection::vec(letters, 0..6).prop_map(|letters| letters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn two_lists_of_values_never_give_one_key(
            [a, b, c, d] in [text(), text(), text(), text()],
        ) {
            let key = |x: &str, y: &str| format!("a:{}:{}", key_part(x), key_part(y));
            prop_assert_eq!(key(&a, &b) == key(&c, &d), a == c && b == d);
        }

        #[test]
        fn a_value_in_a_pattern_stands_for_itself(a in text(), b in text(), rest in text()) {
            let glob = Glob::new(format!("s:{}:*", key_part(&a)).as_bytes());
            let key = format!("s:{}:{}", key_part(&b), key_part(&rest));
            prop_assert_eq!(glob.matches(key.as_bytes()), a == b);
        }
    }
}
