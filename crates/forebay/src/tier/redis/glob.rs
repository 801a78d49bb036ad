//! Patterns over keys: `*` any bytes, `?` one byte, `\` takes the next one literally; the whole key
//! has to match. As Redis understands them, and as they are checked again here.

/// The pattern as Redis has to be told it, where `[` begins a class.
pub(super) fn for_redis(pattern: &[u8]) -> Vec<u8> {
    let mut told = Vec::with_capacity(pattern.len() + 8);
    for part in parts(pattern) {
        match part {
            Part::Any => told.push(b'*'),
            Part::One => told.push(b'?'),
            Part::Byte(byte) if b"*?[]\\^-".contains(&byte) => told.extend([b'\\', byte]),
            Part::Byte(byte) => told.push(byte),
        }
    }
    told
}

/// Whether all of `key` matches. Time in proportion to the product of both lengths, at most.
pub(super) fn matches(pattern: &[u8], key: &[u8]) -> bool {
    let parts: Vec<Part> = parts(pattern).collect();
    let (mut at, mut here) = (0, 0);
    // Where to go on when what follows the last star does not match: one byte further.
    let mut again: Option<(usize, usize)> = None;
    while here < key.len() {
        match parts.get(at) {
            Some(Part::Any) => {
                again = Some((at + 1, here));
                at += 1;
            }
            Some(Part::One) => (at, here) = (at + 1, here + 1),
            Some(Part::Byte(byte)) if *byte == key[here] => (at, here) = (at + 1, here + 1),
            _ => match again {
                Some((after, from)) => {
                    again = Some((after, from + 1));
                    (at, here) = (after, from + 1);
                }
                None => return false,
            },
        }
    }
    parts[at..].iter().all(|part| *part == Part::Any)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Byte(u8),
}

/// A `\` at the end stands for itself.
fn parts(pattern: &[u8]) -> impl Iterator<Item = Part> + '_ {
    let mut bytes = pattern.iter().copied();
    std::iter::from_fn(move || {
        Some(match bytes.next()? {
            b'*' => Part::Any,
            b'?' => Part::One,
            b'\\' => Part::Byte(bytes.next().unwrap_or(b'\\')),
            byte => Part::Byte(byte),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_keys() {
        let check = |pattern: &str, key: &str, expect: bool| {
            assert_eq!(matches(pattern.as_bytes(), key.as_bytes()), expect, "{pattern} {key}");
        };
        check("", "", true);
        check("", "a", false);
        check("*", "", true);
        check("a*c", "abbc", true);
        check("a*c", "abbcd", false);
        check("search:*:42", "search:a:b:42", true);
        check("search:*:42", "search:42", false);
        check("?", "", false);
        check("a?c", "abc", true);
        check("\\*", "*", true);
        check("\\*", "a", false);
        check("a\\", "a\\", true);
        check("[ab]", "[ab]", true);
        check("[ab]", "a", false);
        check("*a*a*b", "aaaaaaaaaaaaaaaa", false);
        check("***", "x", true);
    }

    /// By trying every split at a star.
    fn naive(parts: &[Part], key: &[u8]) -> bool {
        match (parts.first(), key.first()) {
            (None, _) => key.is_empty(),
            (Some(Part::Any), _) => (0..=key.len()).any(|skip| naive(&parts[1..], &key[skip..])),
            (Some(Part::One), Some(_)) => naive(&parts[1..], &key[1..]),
            (Some(Part::Byte(byte)), Some(first)) => byte == first && naive(&parts[1..], &key[1..]),
            _ => false,
        }
    }

    #[test]
    fn matching_agrees_with_a_naive_model() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut text = |letters: &[u8], max: usize| -> Vec<u8> {
            (0..random.usize(..max)).map(|_| letters[random.usize(..letters.len())]).collect()
        };
        for _ in 0..20_000 {
            let (pattern, key) = (text(b"ab*?\\", 8), text(b"ab*\\", 9));
            let expect = naive(&parts(&pattern).collect::<Vec<_>>(), &key);
            assert_eq!(matches(&pattern, &key), expect, "{pattern:?} {key:?}");
        }
    }
}
