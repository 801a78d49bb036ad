//! What an entry is outside of memory: bytes, which say of themselves what they are of. Pure. Bytes
//! that were not written here, that are damaged, or of another version or type are no record.

use smallvec::SmallVec;

/// Of how the bytes are laid out. Another number is another layout.
const FORMAT: u8 = 1;

/// The same of a record that holds only as long as nothing was heard since its stamp.
const FORMAT_STAMPED: u8 = 2;

/// Tags of a record. What has more is not kept outside of memory.
pub(crate) const TAGS_MAX: usize = 256;

/// Before the part that the sum is of: the format and the sum.
const SEAL: usize = 9;

const NOTHING: u8 = 0;
const VALUE: u8 = 1;

/// A tag with its numbers: one for each namespace in which it may be deleted, the outermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) tag: Box<[u8]>,
    pub(crate) numbers: SmallVec<[u64; 2]>,
}

/// An entry, written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Of the values' structure, as the application counts it.
    pub(crate) version: u32,
    /// Of the type's name.
    pub(crate) kind: u64,
    /// When it expires, in milliseconds of the time of day; `u64::MAX` for never.
    pub(crate) expires_ms: u64,
    /// How long it was to be kept, in milliseconds; `u64::MAX` for ever.
    pub(crate) ttl_ms: u64,
    /// How long its load took.
    pub(crate) took_us: u64,
    pub(crate) tags: Vec<Numbered>,
    /// `None`: there is none.
    pub(crate) payload: Option<&'a [u8]>,
}

/// A moment of what was heard of changes elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Since {
    pub(crate) run: u64,
    pub(crate) epoch: u64,
    pub(crate) number: u64,
}

impl Record<'_> {
    /// The bytes of it; none if it has too many tags, or too long ones.
    pub(crate) fn write(&self) -> Option<Vec<u8>> {
        let payload = self.payload.unwrap_or_default();
        let mut out = Vec::with_capacity(SEAL + 40 + 64 * self.tags.len() + payload.len());
        out.push(FORMAT);
        out.extend([0; SEAL - 1]);
        out.extend(self.version.to_le_bytes());
        for word in [self.kind, self.expires_ms, self.ttl_ms, self.took_us] {
            out.extend(word.to_le_bytes());
        }
        if self.tags.len() > TAGS_MAX {
            return None;
        }
        out.extend(u16::try_from(self.tags.len()).ok()?.to_le_bytes());
        for Numbered { tag, numbers } in &self.tags {
            out.extend(u16::try_from(tag.len()).ok()?.to_le_bytes());
            out.extend_from_slice(tag);
            out.push(u8::try_from(numbers.len()).ok()?);
            numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
        out.push(if self.payload.is_some() { VALUE } else { NOTHING });
        out.extend_from_slice(payload);
        let sum = sum(&out[SEAL..]);
        out[1..SEAL].copy_from_slice(&sum.to_le_bytes());
        Some(out)
    }

    /// The record that these bytes are, if they are one.
    pub(crate) fn read(bytes: &[u8]) -> Option<Record<'_>> {
        let mut rest = Rest(bytes);
        if rest.byte()? != FORMAT || rest.word()? != sum(bytes.get(SEAL..)?) {
            return None;
        }
        let version = u32::from_le_bytes(rest.array()?);
        let [kind, expires_ms, ttl_ms, took_us] =
            [rest.word()?, rest.word()?, rest.word()?, rest.word()?];
        let count = usize::from(rest.short()?);
        if count > TAGS_MAX {
            return None;
        }
        let mut tags = Vec::with_capacity(count);
        for _ in 0..count {
            let length = usize::from(rest.short()?);
            let tag = rest.take(length)?.into();
            let levels = usize::from(rest.byte()?);
            let numbers = (0..levels).map(|_| rest.word()).collect::<Option<_>>()?;
            tags.push(Numbered { tag, numbers });
        }
        let payload = match rest.byte()? {
            VALUE => Some(rest.0),
            NOTHING if rest.0.is_empty() => None,
            _ => return None,
        };
        Some(Record { version, kind, expires_ms, ttl_ms, took_us, tags, payload })
    }
}

/// A record with the moment from which on changes elsewhere would have been heard.
pub(crate) fn stamped(since: Since, record: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(25 + record.len());
    out.push(FORMAT_STAMPED);
    for word in [since.run, since.epoch, since.number] {
        out.extend(word.to_le_bytes());
    }
    out.extend_from_slice(record);
    out
}

/// Takes such a record apart. The moment is covered by the sum of whoever keeps the bytes.
pub(crate) fn unstamped(bytes: &[u8]) -> Option<(Since, &[u8])> {
    let mut rest = Rest(bytes);
    if rest.byte()? != FORMAT_STAMPED {
        return None;
    }
    let since = Since { run: rest.word()?, epoch: rest.word()?, number: rest.word()? };
    Some((since, rest.0))
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn short(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn word(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

/// The sum over bytes that may have been damaged, and the digest of a name. The same in every
/// process and every version.
#[cfg(any(feature = "disk", feature = "redis"))]
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    twox_hash::XxHash3_64::oneshot(bytes)
}

/// Without a tier nothing is written down.
#[cfg(not(any(feature = "disk", feature = "redis")))]
pub(crate) fn sum(_: &[u8]) -> u64 {
    0
}

#[cfg(test)]
#[cfg(any(feature = "disk", feature = "redis"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbered() -> impl Strategy<Value = Numbered> {
        let tag = proptest::collection::vec(any::<u8>(), 0..20);
        let numbers = proptest::collection::vec(any::<u64>(), 0..4);
        (tag, numbers)
            .prop_map(|(tag, numbers)| Numbered { tag: tag.into(), numbers: numbers.into() })
    }

    fn word() -> impl Strategy<Value = u64> {
        prop_oneof![Just(u64::MAX), any::<u64>()]
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(
            version in any::<u32>(),
            words in [word(), word(), word(), word()],
            tags in proptest::collection::vec(numbered(), 0..5),
            payload in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..50)),
            flip in any::<(prop::sample::Index, u8)>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let [kind, expires_ms, ttl_ms, took_us] = words;
            let payload = payload.as_deref();
            let record = Record { version, kind, expires_ms, ttl_ms, took_us, tags, payload };
            let bytes = record.write().unwrap();
            prop_assert_eq!(Record::read(&bytes), Some(record));
            let since = Since { run: kind, epoch: ttl_ms, number: took_us };
            let with_stamp = stamped(since, &bytes);
            prop_assert_eq!(unstamped(&with_stamp), Some((since, &bytes[..])));
            prop_assert_eq!(unstamped(&bytes), None);
            prop_assert_eq!(Record::read(&with_stamp), None);
            prop_assert_eq!(Record::read(&bytes[..cut.index(bytes.len())]), None);
            let mut damaged = bytes.clone();
            damaged[flip.0.index(bytes.len())] ^= flip.1.max(1);
            prop_assert_eq!(Record::read(&damaged), None);
        }

        /// With the right sum, too: whoever writes to Redis may have made it.
        #[test]
        fn bytes_that_are_no_record_are_refused(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..120),
            is_sealed in any::<bool>(),
        ) {
            if is_sealed && bytes.len() >= SEAL {
                bytes[0] = FORMAT;
                let sum = sum(&bytes[SEAL..]);
                bytes[1..SEAL].copy_from_slice(&sum.to_le_bytes());
            }
            if let Some(record) = Record::read(&bytes) {
                prop_assert_eq!(record.write(), Some(bytes.clone()));
            }
            unstamped(&bytes);
        }
    }

    #[test]
    fn what_has_too_many_tags_is_not_written() {
        let check = |count: usize, length: usize, levels: usize, expect: bool| {
            let tag =
                Numbered { tag: vec![7; length].into(), numbers: (0..levels as u64).collect() };
            let record = Record {
                version: 1,
                kind: 2,
                expires_ms: 3,
                ttl_ms: 4,
                took_us: 5,
                tags: vec![tag; count],
                payload: None,
            };
            assert_eq!(record.write().is_some(), expect, "{count} tags of {length} and {levels}");
        };
        check(TAGS_MAX, 10, 2, true);
        check(TAGS_MAX + 1, 10, 2, false);
        check(1, 65_535, 255, true);
        check(1, 65_536, 2, false);
        check(1, 10, 256, false);
    }
}
