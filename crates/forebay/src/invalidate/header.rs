//! The WAL-index header as a position in SQLite's commit order, and what a commit of our own
//! must have done to it. It reads no shared memory; the backend does.
//!
//! Layout: `WalIndexHdr` in SQLite's wal.c, 48 bytes in native byte order; two copies stand at
//! the beginning of the shared memory file.

use std::ops::RangeInclusive;

/// One copy of the header, as six words in native byte order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Header(pub(crate) [u64; 6]);

impl PartialEq for Header {
    /// Word by word: every hit compares two headers, and the derived way is a call of `memcmp`.
    #[inline]
    fn eq(&self, other: &Header) -> bool {
        self.0.iter().zip(&other.0).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }
}

impl Eq for Header {}

/// What happened between two looks at the header around a commit of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The header did not move: nothing was committed.
    Nothing,
    /// Exactly our commit took place, upon a state that the cache already reflects.
    Explained,
    /// Something else took place too, or before: what the cache holds may be out of date.
    Unexplained,
}

/// The last frame of the log, as a header describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastFrame {
    /// Counted from 1.
    pub(crate) number: u32,
    pub(crate) page_bytes: u32,
    /// As they stand in each frame since the log began.
    pub(crate) salts: [[u8; 4]; 2],
    pub(crate) checksum: [u32; 2],
}

impl Header {
    /// The layout that this module understands (`WALINDEX_MAX_VERSION` in wal.c).
    const VERSION: u32 = 3_007_000;

    /// The header as twelve 32-bit fields.
    fn fields(self) -> [u32; 12] {
        let mut fields = [0; 12];
        for (pair, word) in fields.chunks_exact_mut(2).zip(self.0) {
            let bytes = word.to_ne_bytes();
            pair[0] = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            pair[1] = u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        }
        fields
    }

    /// The counter that every commit raises by one (`iChange`).
    pub(crate) fn change(self) -> u32 {
        self.fields()[2]
    }

    /// The number of valid frames in the write-ahead log (`mxFrame`).
    pub(crate) fn frames(self) -> u32 {
        self.fields()[4]
    }

    /// The pages of the file as of the last commit in the log (`nPage`).
    pub(crate) fn pages(self) -> u32 {
        self.fields()[5]
    }

    /// Drawn anew whenever the log begins again (`aSalt`).
    fn salts(self) -> [u32; 2] {
        [self.fields()[8], self.fields()[9]]
    }

    /// The frames that every commit since `earlier` is in, if that can be told: the log has not
    /// begun again in between, nor was its index built anew.
    pub(crate) fn frames_since(self, earlier: Header) -> Option<RangeInclusive<u32>> {
        let commits = self.change().wrapping_sub(earlier.change());
        let frames = self.frames().checked_sub(earlier.frames())?;
        // A commit has one frame at least.
        let is_plain = self.salts() == earlier.salts() && (1..=frames).contains(&commits);
        is_plain.then(|| earlier.frames() + 1..=self.frames())
    }

    /// Whether the log has begun again since `earlier`, and only once: the first salt is counted
    /// up then (`walRestartHdr`).
    pub(crate) fn has_restarted_once(self, earlier: Header) -> bool {
        let count = |header: Header| u32::from_be_bytes(header.salts()[0].to_ne_bytes());
        count(self) == count(earlier).wrapping_add(1)
    }

    /// The frame of the log that the header ends with; `None` if the log is empty.
    pub(crate) fn last_frame(self) -> Option<LastFrame> {
        let fields = self.fields();
        let sizes = self.0[1].to_ne_bytes();
        let size = u32::from(u16::from_ne_bytes([sizes[6], sizes[7]]));
        let [first, second] = self.salts().map(u32::to_ne_bytes);
        (self.frames() > 0).then(|| LastFrame {
            number: self.frames(),
            // 65,536 does not fit, and stands there as 1.
            page_bytes: (size & 0xfe00) + ((size & 1) << 16),
            salts: [first, second],
            checksum: [fields[6], fields[7]],
        })
    }

    /// The frames of the commit that led from `before` here, when there was no other. The log
    /// may have begun again just before it.
    pub(crate) fn frames_of_one(self, before: Header) -> Option<RangeInclusive<u32>> {
        let known = if self.salts() == before.salts() { before.frames() } else { 0 };
        (self.frames() > known).then(|| known + 1..=self.frames())
    }

    /// Whether the layout is the known one and the checksum is right, as `walIndexTryHdr` asks.
    pub(crate) fn is_valid(self) -> bool {
        let fields = self.fields();
        let (mut first, mut second) = (0u32, 0u32);
        for pair in fields[..10].chunks_exact(2) {
            first = first.wrapping_add(pair[0]).wrapping_add(second);
            second = second.wrapping_add(pair[1]).wrapping_add(first);
        }
        fields[0] == Header::VERSION && (first, second) == (fields[10], fields[11])
    }

    /// Whether it is valid and no other state of the database has had it or will have it.
    ///
    /// Salts are drawn at random when the first frame is written or the log begins again, and
    /// every commit changes the checksum of the last frame. But an index that is built anew from a
    /// log without a frame has no salts, whatever the file holds (`walIndexRecover`).
    pub(crate) fn is_position(self) -> bool {
        self.has_salts() && self.is_valid()
    }

    /// Whether it has what tells it from others.
    #[inline]
    pub(crate) fn has_salts(self) -> bool {
        self.salts() != [0, 0]
    }

    /// Judges a commit of our own: `self` was read by the commit hook before it, `after` once
    /// it had returned, and `horizon` is the position that the cache reflects. `logged` is the
    /// frame that ours ends with, if it took place: without one, a step by one was somebody
    /// else's, and so is what ends with another. The counter of commits alone does not say so: it
    /// begins again at zero when the index is built anew.
    pub(crate) fn judge(self, after: Header, horizon: Header, logged: Option<u32>) -> Verdict {
        let is_ours = logged == Some(after.frames());
        if self == after {
            Verdict::Nothing
        } else if is_ours && self == horizon && after.change() == self.change().wrapping_add(1) {
            Verdict::Explained
        } else {
            Verdict::Unexplained
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(change: u32, frames: u32) -> Header {
        salted(change, frames, 3)
    }

    fn salted(change: u32, frames: u32, salt: u32) -> Header {
        sealed(change, frames, [salt, 4])
    }

    /// Of a log without a frame.
    fn bare(change: u32, salts: [u32; 2]) -> Header {
        sealed(change, 0, salts)
    }

    fn sealed(change: u32, frames: u32, salts: [u32; 2]) -> Header {
        let [low, high] = 4_096u16.to_ne_bytes();
        let sizes = u32::from_ne_bytes([1, 0, low, high]);
        let mut fields =
            [Header::VERSION, 0, change, sizes, frames, 9, 1, 2, salts[0], salts[1], 0, 0];
        let (mut first, mut second) = (0u32, 0u32);
        for pair in fields[..10].chunks_exact(2) {
            first = first.wrapping_add(pair[0]).wrapping_add(second);
            second = second.wrapping_add(pair[1]).wrapping_add(first);
        }
        (fields[10], fields[11]) = (first, second);
        let mut words = [0; 6];
        for (word, pair) in words.iter_mut().zip(fields.chunks_exact(2)) {
            let (low, high) = (pair[0].to_ne_bytes(), pair[1].to_ne_bytes());
            *word = u64::from_ne_bytes([
                low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3],
            ]);
        }
        Header(words)
    }

    #[test]
    fn fields_and_checksum() {
        let valid = header(7, 12);
        assert_eq!((valid.change(), valid.frames(), valid.pages()), (7, 12, 9));
        assert!(valid.is_valid());
        for word in 0..6 {
            let mut torn = valid;
            torn.0[word] ^= 1 << 40;
            assert!(!torn.is_valid(), "word {word}");
        }
        assert!(!Header::default().is_valid(), "an index that was never written");
    }

    #[test]
    fn only_a_header_with_salts_is_a_position() {
        let check = |header: Header, expect| assert_eq!(header.is_position(), expect, "{header:?}");
        check(header(7, 12), true);
        check(salted(7, 0, 3), true);
        check(bare(0, [0, 0]), false);
        check(bare(0, [0, 1]), true);
        check(bare(0, [1, 0]), true);
        let mut torn = header(7, 12);
        torn.0[0] ^= 1 << 40;
        check(torn, false);
    }

    #[test]
    fn verdicts() {
        let check = |before, after, horizon, expect| {
            assert_eq!(Header::judge(before, after, horizon, Some(after.frames())), expect);
            for logged in [None, Some(after.frames() - 1), Some(after.frames() + 1)] {
                let other = Header::judge(before, after, horizon, logged);
                assert_ne!(other, Verdict::Explained, "somebody else's, with {logged:?}");
                assert_eq!(other == Verdict::Nothing, expect == Verdict::Nothing);
            }
        };
        let [old, before, after, later] = [header(6, 1), header(7, 2), header(8, 3), header(9, 4)];
        check(before, before, before, Verdict::Nothing);
        check(before, before, old, Verdict::Nothing);
        check(before, after, before, Verdict::Explained);
        check(before, later, before, Verdict::Unexplained);
        check(before, after, old, Verdict::Unexplained);
        check(header(u32::MAX, 1), header(0, 2), header(u32::MAX, 1), Verdict::Explained);
        // The log was restarted by another connection: same counter, other frames.
        check(header(7, 1), after, before, Verdict::Unexplained);
    }

    #[test]
    fn frames_between_headers() {
        let check = |earlier: Header, later: Header, several, one| {
            assert_eq!(later.frames_since(earlier), several, "{earlier:?} {later:?}");
            assert_eq!(later.frames_of_one(earlier), one, "{earlier:?} {later:?}");
        };
        check(header(6, 10), header(7, 12), Some(11..=12), Some(11..=12));
        check(header(6, 10), header(9, 13), Some(11..=13), Some(11..=13));
        check(header(u32::MAX, 10), header(0, 11), Some(11..=11), Some(11..=11));
        // The log has begun again.
        check(header(6, 10), salted(7, 12, 5), None, Some(1..=12));
        check(header(6, 10), salted(7, 0, 5), None, None);
        // The index was built anew: the counter of commits begins again.
        check(header(6, 10), header(0, 12), None, Some(11..=12));
        check(header(6, 10), header(0, 10), None, None);
        check(header(6, 10), header(9, 12), None, Some(11..=12));
        check(header(6, 10), header(7, 9), None, None);
    }

    #[test]
    fn restarts_and_last_frames() {
        let salt = |count: u32| u32::from_ne_bytes(count.to_be_bytes());
        let check = |earlier, later, once| {
            let [earlier, later] = [earlier, later].map(|count| salted(7, 12, salt(count)));
            assert_eq!(later.has_restarted_once(earlier), once, "{earlier:?} {later:?}");
        };
        check(4, 5, true);
        check(u32::MAX, 0, true);
        check(4, 4, false);
        check(4, 6, false);
        let last = salted(7, 12, salt(4)).last_frame().unwrap();
        let salts = [4u32.to_be_bytes(), 4u32.to_ne_bytes()];
        assert_eq!(last, LastFrame { number: 12, page_bytes: 4_096, salts, checksum: [1, 2] });
        assert_eq!(header(7, 0).last_frame(), None);
    }
}
