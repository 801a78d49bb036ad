//! The list of the keys that were asked for most, as bytes: which keys are in it, and how a file of
//! it is written and read. It opens no file and knows no entries.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// What a file of it begins with; the digit is the form of the rest.
const MAGIC: &[u8] = b"forebay hot keys 1\n";

/// Before each key stands its length.
const LENGTH_BYTES: usize = 4;

/// Behind the last key stands a sum of all before.
const SUM_BYTES: usize = 8;

/// Bytes of a file of it.
pub(crate) const FILE_BYTES_MAX: usize = 16 << 20;

/// Keys in it.
pub(crate) const KEYS_MAX: usize = 100_000;

/// The file is not a list that was saved, or not as it was saved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

/// The keys that were asked for most, of all that it is told.
pub(crate) struct Hottest {
    most: usize,
    /// The least asked on top.
    keys: BinaryHeap<Reverse<(u32, Arc<[u8]>)>>,
}

impl Hottest {
    /// Holds at most so many.
    pub(crate) fn new(most: usize) -> Hottest {
        Hottest { most: most.min(KEYS_MAX), keys: BinaryHeap::new() }
    }

    /// A key, and how often it was asked for.
    pub(crate) fn add(&mut self, key: &Arc<[u8]>, asked: u32) {
        let is_full = self.keys.len() >= self.most;
        let is_hotter = |Reverse((least, _)): &Reverse<(u32, Arc<[u8]>)>| asked > *least;
        if is_full && !self.keys.peek().is_some_and(is_hotter) {
            return;
        }
        if is_full {
            self.keys.pop();
        }
        self.keys.push(Reverse((asked, key.clone())));
    }

    /// The keys, hottest first.
    pub(crate) fn into_keys(self) -> Vec<Arc<[u8]>> {
        self.keys.into_sorted_vec().into_iter().map(|Reverse((_, key))| key).collect()
    }
}

/// The bytes of a file of these keys, and how many of them are in it. Keys that would make it too
/// long are left out.
pub(crate) fn encode(keys: &[Arc<[u8]>]) -> (Vec<u8>, usize) {
    let mut file = MAGIC.to_vec();
    let mut count = 0;
    for key in keys.iter().take(KEYS_MAX) {
        let Ok(length) = u32::try_from(key.len()) else { continue };
        if file.len() + LENGTH_BYTES + key.len() + SUM_BYTES > FILE_BYTES_MAX {
            continue;
        }
        file.extend(length.to_le_bytes());
        file.extend(&**key);
        count += 1;
    }
    file.extend(sum(&file).to_le_bytes());
    (file, count)
}

/// The keys of a file, hottest first.
pub(crate) fn decode(file: &[u8]) -> Result<Vec<Vec<u8>>, Damaged> {
    let (list, seal) = file.split_last_chunk::<SUM_BYTES>().ok_or(Damaged)?;
    if file.len() > FILE_BYTES_MAX || u64::from_le_bytes(*seal) != sum(list) {
        return Err(Damaged);
    }
    let mut rest = list.strip_prefix(MAGIC).ok_or(Damaged)?;
    let mut keys = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<LENGTH_BYTES>().ok_or(Damaged)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Damaged)?;
        let (key, after) = after.split_at_checked(length).ok_or(Damaged)?;
        if keys.len() >= KEYS_MAX {
            return Err(Damaged);
        }
        keys.push(key.to_vec());
        rest = after;
    }
    Ok(keys)
}

/// FNV-1a: it finds what a disk or an editor has done, not what somebody has forged.
fn sum(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(keys: &[&[u8]]) -> Vec<Arc<[u8]>> {
        keys.iter().map(|key| Arc::from(*key)).collect()
    }

    #[test]
    fn the_hottest_are_kept_in_their_order() {
        let check = |most: usize, asked: &[(&str, u32)], expect: &[&str]| {
            let mut hottest = Hottest::new(most);
            for (key, count) in asked {
                hottest.add(&Arc::from(key.as_bytes()), *count);
            }
            let found = hottest.into_keys();
            let expect: Vec<Arc<[u8]>> =
                expect.iter().map(|key| Arc::from(key.as_bytes())).collect();
            assert_eq!(found, expect, "{most} of {asked:?}");
        };
        check(0, &[("a", 1)], &[]);
        check(2, &[("a", 1), ("b", 3), ("c", 2)], &["b", "c"]);
        check(9, &[("a", 1), ("b", 3), ("c", 2)], &["b", "c", "a"]);
        check(1, &[("a", 0), ("b", 0)], &["a"]);
        check(2, &[], &[]);
    }

    #[test]
    fn files_that_were_not_saved_so_are_damaged() {
        let check = |file: &[u8]| assert_eq!(decode(file), Err(Damaged), "{file:?}");
        check(b"");
        check(b"forebay");
        check(MAGIC);
        let sealed = |list: &[u8]| [list, &sum(list).to_le_bytes()].concat();
        assert_eq!(decode(&sealed(MAGIC)), Ok(Vec::new()));
        check(&sealed(b"forebay hot keys 2\n"));
        check(&sealed(&[MAGIC, b"\x01\0\0"].concat()));
        check(&sealed(&[MAGIC, b"\x02\0\0\0a"].concat()));
        check(&sealed(&[MAGIC, b"\xff\xff\xff\xffa"].concat()));
        check(&sealed(&[MAGIC, &vec![0; FILE_BYTES_MAX]].concat()));
        check(&sealed(&[MAGIC, &vec![0; LENGTH_BYTES * (KEYS_MAX + 1)]].concat()));
    }

    #[test]
    fn keys_that_would_make_the_file_too_long_are_left_out() {
        let long = vec![7; FILE_BYTES_MAX / 2];
        let (file, count) = encode(&keys(&[&long, b"a", &long, b"b"]));
        assert_eq!(count, 3);
        assert!(file.len() <= FILE_BYTES_MAX);
        assert_eq!(decode(&file).unwrap(), [&long[..], b"a", b"b"]);
    }

    fn list() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let key = proptest::collection::vec(any::<u8>(), 0..8);
        proptest::collection::vec(key, 0..8)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(list in list()) {
            let all: Vec<Arc<[u8]>> = list.iter().map(|key| Arc::from(&**key)).collect();
            let (file, count) = encode(&all);
            prop_assert_eq!(count, list.len());
            prop_assert_eq!(decode(&file).unwrap(), list);
        }

        #[test]
        fn a_changed_byte_is_noticed(
            list in list(),
            at in any::<prop::sample::Index>(),
            by in 1_u8..,
        ) {
            let all: Vec<Arc<[u8]>> = list.iter().map(|key| Arc::from(&**key)).collect();
            let (mut file, _) = encode(&all);
            let at = at.index(file.len());
            file[at] ^= by;
            prop_assert_eq!(decode(&file), Err(Damaged));
            file[at] ^= by;
            prop_assert_eq!(decode(&file[..at]), Err(Damaged));
        }

        /// Hostile bytes do no harm.
        #[test]
        fn any_bytes_are_read_or_damaged(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let list = [MAGIC, &bytes].concat();
            let _ = decode(&[&list[..], &sum(&list).to_le_bytes()].concat());
            let _ = decode(&bytes);
        }

        /// A sorted list of all is the model.
        #[test]
        fn the_hottest_are_those_of_a_sorted_list(
            counts in proptest::collection::vec(0_u32..20, 0..40),
            most in 0_usize..12,
        ) {
            let mut hottest = Hottest::new(most);
            for (at, count) in counts.iter().enumerate() {
                hottest.add(&Arc::from(at.to_le_bytes().as_slice()), *count);
            }
            let of = |key: &Arc<[u8]>| counts[usize::from_le_bytes((**key).try_into().unwrap())];
            let found: Vec<u32> = hottest.into_keys().iter().map(of).collect();
            let mut expect = counts.clone();
            expect.sort_unstable_by(|a, b| b.cmp(a));
            expect.truncate(most);
            prop_assert_eq!(found, expect);
        }
    }
}
