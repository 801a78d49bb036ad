//! Patterns over keys of any bytes: `*` for any bytes, `?` for one, `\` takes the next literally.
//! It knows no texts, no character classes and no paths.

/// A pattern. The whole key has to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob(Box<[Piece]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    One,
    Many,
}

impl Glob {
    /// Every text is a pattern; a `\` at its very end stands for itself.
    pub(crate) fn new(pattern: &[u8]) -> Glob {
        let mut pieces = Vec::with_capacity(pattern.len());
        let mut bytes = pattern.iter().copied();
        while let Some(byte) = bytes.next() {
            let piece = match byte {
                b'*' => Piece::Many,
                b'?' => Piece::One,
                b'\\' => Piece::Byte(bytes.next().unwrap_or(b'\\')),
                other => Piece::Byte(other),
            };
            // Stars in a row are as good as one.
            if piece != Piece::Many || pieces.last() != Some(&Piece::Many) {
                pieces.push(piece);
            }
        }
        Glob(pieces.into())
    }

    /// The pattern as a text that stands for the same.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.0.len());
        for piece in &self.0 {
            match piece {
                Piece::Many => text.push(b'*'),
                Piece::One => text.push(b'?'),
                Piece::Byte(byte) if b"*?\\".contains(byte) => text.extend([b'\\', *byte]),
                Piece::Byte(byte) => text.push(*byte),
            }
        }
        text
    }

    /// Takes time in proportion to the key for at most one star, and at most to the product of
    /// key and pattern.
    pub(crate) fn matches(&self, key: &[u8]) -> bool {
        let (mut piece, mut byte) = (0, 0);
        // Behind the last star, and the byte where what it stands for ends so far.
        let mut star: Option<(usize, usize)> = None;
        while byte < key.len() {
            match self.0.get(piece) {
                Some(Piece::Many) => {
                    piece += 1;
                    if piece == self.0.len() {
                        return true;
                    }
                    star = Some((piece, byte));
                }
                Some(Piece::One) => (piece, byte) = (piece + 1, byte + 1),
                Some(Piece::Byte(expected)) if *expected == key[byte] => {
                    (piece, byte) = (piece + 1, byte + 1);
                }
                _ => {
                    let Some((behind, end)) = star else { return false };
                    star = Some((behind, end + 1));
                    (piece, byte) = (behind, end + 1);
                }
            }
        }
        self.0[piece..].iter().all(|piece| *piece == Piece::Many)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let glob = Glob::new(pattern.as_bytes());
        for key in matching {
            assert!(glob.matches(key.as_bytes()), "{pattern} and {key}");
        }
        for key in others {
            assert!(!glob.matches(key.as_bytes()), "{pattern} and {key}");
        }
    }

    #[test]
    fn the_whole_key_has_to_match() {
        check("", &[""], &["a"]);
        check("a", &["a"], &["", "aa", "b"]);
        check("*", &["", "a", "a*b"], &[]);
        check("?", &["a", "*"], &["", "ab"]);
        check("search:*:42", &["search::42", "search:a:b:42"], &["search:42", "search:a:421"]);
        check("a*b*c", &["abc", "aXbYbZc"], &["ab", "acb", "abcd"]);
        check("***a?", &["ab", "xxab"], &["a", "xxa"]);
        check("a\\*b", &["a*b"], &["axb", "a\\*b"]);
        check("\\\\", &["\\"], &["\\\\"]);
        check("end\\", &["end\\"], &["end"]);
    }

    /// The obvious way, exponential in the stars.
    fn model(pattern: &[Piece], key: &[u8]) -> bool {
        match (pattern.split_first(), key.split_first()) {
            (None, None) => true,
            (Some((Piece::Many, rest)), _) => (0..=key.len()).any(|n| model(rest, &key[n..])),
            (Some((Piece::One, rest)), Some((_, key))) => model(rest, key),
            (Some((Piece::Byte(byte), rest)), Some((first, key))) => {
                byte == first && model(rest, key)
            }
            _ => false,
        }
    }

    fn text(letters: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(proptest::sample::select(letters), 0..8)
    }

    proptest! {
        #[test]
        fn it_matches_as_the_definition_says(pattern in text(b"*?\\ab"), key in text(b"*\\ab")) {
            let glob = Glob::new(&pattern);
            prop_assert_eq!(glob.matches(&key), model(&glob.0, &key));
            prop_assert_eq!(Glob::new(&glob.text()), glob);
        }
    }
}
