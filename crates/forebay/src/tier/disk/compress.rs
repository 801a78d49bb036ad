//! Values made smaller with LZ4 where that pays. It keeps no state and knows no file.

use std::borrow::Cow;

/// How a stored value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// As it is.
    Plain,
    /// One LZ4 block.
    Lz4,
}

impl Codec {
    pub(super) fn code(self) -> u32 {
        match self {
            Codec::Plain => 0,
            Codec::Lz4 => 1,
        }
    }

    pub(super) fn from_code(code: u32) -> Option<Codec> {
        match code {
            0 => Some(Codec::Plain),
            1 => Some(Codec::Lz4),
            _ => None,
        }
    }
}

/// The bytes to store for `value`. One that is smaller than `from_bytes`, or that compressing
/// makes smaller by less than an eighth, is stored as it is: reading it costs less then.
pub(super) fn pack(value: &[u8], from_bytes: Option<usize>) -> (Codec, Cow<'_, [u8]>) {
    if from_bytes.is_none_or(|from| value.len() < from) {
        return (Codec::Plain, Cow::Borrowed(value));
    }
    let packed = lz4_flex::block::compress(value);
    if packed.len() > value.len() - value.len() / 8 {
        return (Codec::Plain, Cow::Borrowed(value));
    }
    (Codec::Lz4, Cow::Owned(packed))
}

/// The value that was packed into `body`; none if it does not give exactly `raw_bytes`.
pub(super) fn unpack(codec: Codec, body: &[u8], raw_bytes: usize) -> Option<Vec<u8>> {
    let value = match codec {
        Codec::Plain => body.to_vec(),
        Codec::Lz4 => lz4_flex::block::decompress(body, raw_bytes).ok()?,
    };
    (value.len() == raw_bytes).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_back() {
        let check = |value: &[u8], from: Option<usize>, expect: Codec| {
            let (codec, body) = pack(value, from);
            assert_eq!(codec, expect, "{} bytes from {from:?}", value.len());
            assert!(body.len() <= value.len());
            assert_eq!(unpack(codec, &body, value.len()).as_deref(), Some(value));
            assert_eq!(unpack(codec, &body, value.len() + 1), None);
        };
        let mut random = fastrand::Rng::with_seed(1);
        let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(5_000).collect();
        check(b"", Some(0), Codec::Plain);
        check(&[7; 5_000], Some(1_024), Codec::Lz4);
        check(&[7; 5_000], Some(5_001), Codec::Plain);
        check(&[7; 5_000], None, Codec::Plain);
        check(&noise, Some(1_024), Codec::Plain);
    }

    #[test]
    fn hostile_bytes_give_nothing() {
        let mut random = fastrand::Rng::with_seed(2);
        for _ in 0..2_000 {
            let length = random.usize(..200);
            let body: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
            let raw = random.usize(..10_000);
            if let Some(value) = unpack(Codec::Lz4, &body, raw) {
                assert_eq!(value.len(), raw);
            }
        }
        assert_eq!(Codec::from_code(2), None);
    }
}
