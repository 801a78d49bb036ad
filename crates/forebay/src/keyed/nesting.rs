//! How deep MessagePack is nested, found without recursion: whoever decodes it afterwards recurses,
//! and bytes that somebody else has written could exhaust his stack. It does not look at what the
//! values are.

/// How deep values may be nested. Deeper ones are not kept outside of memory.
pub(super) const DEPTH_MAX: usize = 128;

/// What follows a first byte.
enum Part {
    /// So many bytes of its own.
    Bytes(u64),
    /// So many values.
    Values(u64),
}

/// Whether these bytes are one value, all of it, and not nested too deep.
pub(super) fn is_one_value(bytes: &[u8]) -> bool {
    is_whole(bytes).unwrap_or(false)
}

fn is_whole(mut rest: &[u8]) -> Option<bool> {
    // How many values are still to come, of each level.
    let mut open = vec![1_u64];
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        match next(&mut rest)? {
            Part::Bytes(length) => rest = rest.get(usize::try_from(length).ok()?..)?,
            Part::Values(_) if open.len() > DEPTH_MAX => return None,
            Part::Values(count) => open.push(count),
        }
    }
    Some(rest.is_empty())
}

fn next(rest: &mut &[u8]) -> Option<Part> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    let part = match *first {
        0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => Part::Bytes(0),
        0x80..=0x8f => Part::Values(u64::from(first & 0x0f) * 2),
        0x90..=0x9f => Part::Values(u64::from(first & 0x0f)),
        0xa0..=0xbf => Part::Bytes(u64::from(first & 0x1f)),
        0xc4 | 0xd9 => Part::Bytes(length(rest, 1)?),
        0xc5 | 0xda => Part::Bytes(length(rest, 2)?),
        0xc6 | 0xdb => Part::Bytes(length(rest, 4)?),
        // What is extended has a byte that says how.
        0xc7 => Part::Bytes(length(rest, 1)? + 1),
        0xc8 => Part::Bytes(length(rest, 2)? + 1),
        0xc9 => Part::Bytes(length(rest, 4)? + 1),
        0xcc | 0xd0 => Part::Bytes(1),
        0xcd | 0xd1 => Part::Bytes(2),
        0xca | 0xce | 0xd2 => Part::Bytes(4),
        0xcb | 0xcf | 0xd3 => Part::Bytes(8),
        0xd4..=0xd8 => Part::Bytes((1 << (first - 0xd4)) + 1),
        0xdc => Part::Values(length(rest, 2)?),
        0xdd => Part::Values(length(rest, 4)?),
        0xde => Part::Values(length(rest, 2)? * 2),
        0xdf => Part::Values(length(rest, 4)? * 2),
        0xc1 => return None,
    };
    Some(part)
}

/// A number of so many bytes, the highest first.
fn length(rest: &mut &[u8], bytes: usize) -> Option<u64> {
    let (number, after) = rest.split_at_checked(bytes)?;
    *rest = after;
    Some(number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_whole_value_is_told_from_anything_else() {
        let check = |bytes: &[u8], expect: bool| {
            assert_eq!(is_one_value(bytes), expect, "{bytes:x?}");
        };
        check(&[], false);
        check(&[0xc1], false);
        check(&[0x00], true);
        check(&[0x00, 0x00], false);
        check(&[0x92, 0x01, 0x02], true);
        check(&[0x92, 0x01], false);
        check(&[0x81, 0xa1, b'a', 0x90], true);
        check(&[0xd9, 2, b'a', b'b'], true);
        check(&[0xd9, 3, b'a', b'b'], false);
        check(&[0xd4, 7, 1], true);
        check(&[0xd8, 7], false);
        check(&[0xc7, 0, 7], true);
        check(&[0xdd, 0xff, 0xff, 0xff, 0xff], false);
        check(&[0xdf, 0, 0, 0, 0], true);
        check(&[0xc6, 0xff, 0xff, 0xff, 0xff, 0], false);
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let nested = |levels: usize| [vec![0x91; levels], vec![0xc0]].concat();
        assert!(is_one_value(&nested(DEPTH_MAX)));
        assert!(!is_one_value(&nested(DEPTH_MAX + 1)));
        assert!(!is_one_value(&nested(1_000_000)));
    }

    proptest! {
        /// What the decoder takes as some value is one here as well.
        #[test]
        fn it_agrees_with_the_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut rest = &bytes[..];
            let mut decoder = rmp_serde::Deserializer::new(&mut rest);
            let decoded: Result<serde::de::IgnoredAny, _> =
                serde::Deserialize::deserialize(&mut decoder);
            let is_whole = decoded.is_ok() && rest.is_empty();
            prop_assert!(!is_whole || is_one_value(&bytes), "{:x?}", bytes);
        }
    }
}
