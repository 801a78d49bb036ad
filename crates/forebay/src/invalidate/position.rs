//! Positions in PostgreSQL's log, and how far the stream of its commits has been followed: the
//! cache serves only while it is. It reads no stream, and applies nothing.

use std::fmt;

/// A position in the log of one server and timeline, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lsn(pub(crate) u64);

/// Lengths of the header of a page: that of any page, and that of the first of a segment.
const HEADERS: [u64; 2] = [24, 40];

/// How far the stream has been followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Not at all, for this reason. Next: `Starting`, or `Sole`.
    Off(Box<str>),
    /// A slot exists, and every commit after its beginning is applied, but the position that was
    /// current afterwards has not been passed. Next: `Live`, or `Off`.
    Starting { must_pass: Lsn },
    /// Every commit up to there has been applied. Next: `Off`.
    Live { applied: Lsn },
    /// There is no stream, for this reason, and none is needed: nobody writes but through here.
    /// Next: `Off`.
    Sole(Box<str>),
}

impl Lsn {
    /// Reads a text such as `16/B374D848`; `None` if it is anything else.
    pub(crate) fn parse(text: &str) -> Option<Lsn> {
        let (high, low) = text.split_once('/')?;
        Some(Lsn((u64::from(half(high)?) << 32) | u64::from(half(low)?)))
    }

    /// The end of the last record before this place, where the server says where it will write
    /// next: behind the header of a page, while that record ended before it. A stream that is
    /// waited for would get there only with the next record. `page_bytes` is `wal_block_size`.
    ///
    /// Nothing is lost: a record that ends right behind a header began on the page before, so no
    /// record ends between the two places.
    pub(crate) fn reachable(self, page_bytes: u64) -> Lsn {
        match self.0.checked_rem(page_bytes) {
            Some(within) if HEADERS.contains(&within) => Lsn(self.0 - within),
            _ => self,
        }
    }
}

/// Eight hexadecimal digits at most.
fn half(text: &str) -> Option<u32> {
    let is_plain = text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_plain.then(|| u32::from_str_radix(text, 16).ok())?
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & u64::from(u32::MAX))
    }
}

impl Stream {
    /// Whether it has been followed far enough for the cache to serve.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Stream::Live { .. })
    }

    /// Everything up to `position` has been applied.
    pub(super) fn reach(&mut self, position: Lsn) {
        match self {
            Stream::Off(_) | Stream::Sole(_) => {}
            Stream::Starting { must_pass } if position < *must_pass => {}
            Stream::Starting { .. } => *self = Stream::Live { applied: position },
            Stream::Live { applied } => *applied = position.max(*applied),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn positions_are_texts() {
        let check = |text: &str, expect: u64| {
            assert_eq!(Lsn::parse(text), Some(Lsn(expect)), "{text}");
            assert_eq!(Lsn(expect).to_string(), text);
        };
        check("16/B374D848", 0x16_B374_D848);
        check("0/0", 0);
        check("0/1", 1);
        check("FFFFFFFF/FFFFFFFF", u64::MAX);
        assert_eq!(Lsn::parse("0000000a/00ff"), Some(Lsn(0xa_0000_00ff)));
        for text in ["", "/", "1/", "/1", "1", "1/2/3", "1/123456789", "+1/2", "1/ 2", "x/1", "1/é"]
        {
            assert_eq!(Lsn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn positions_are_ordered_as_numbers() {
        let lsn = |text| Lsn::parse(text).unwrap();
        assert!(lsn("9/FFFFFFFF") < lsn("A/0"));
        assert!(lsn("A/9") < lsn("A/10"));
    }

    #[test]
    fn headers_of_pages_are_not_waited_for() {
        let check = |lsn: u64, expect: u64| {
            assert_eq!(Lsn(lsn).reachable(8192), Lsn(expect));
        };
        check(8192 + 24, 8192);
        check(8192 + 40, 8192);
        check(8192, 8192);
        check(8192 + 32, 8192 + 32);
        assert_eq!(Lsn(24).reachable(0), Lsn(24));
    }

    #[test]
    fn a_stream_is_live_once_it_has_passed_what_was_current() {
        let mut stream = Stream::Starting { must_pass: Lsn(5) };
        let mut check = |position, expect| {
            stream.reach(Lsn(position));
            assert_eq!(stream, expect);
        };
        check(4, Stream::Starting { must_pass: Lsn(5) });
        check(5, Stream::Live { applied: Lsn(5) });
        check(9, Stream::Live { applied: Lsn(9) });
        check(7, Stream::Live { applied: Lsn(9) });
        for unmoved in [Stream::Off("not yet".into()), Stream::Sole("not there".into())] {
            let mut stream = unmoved.clone();
            stream.reach(Lsn(9));
            assert_eq!(stream, unmoved);
            assert!(!stream.is_live());
        }
    }

    proptest! {
        #[test]
        fn texts_are_read_back(position: u64) {
            prop_assert_eq!(Lsn::parse(&Lsn(position).to_string()), Some(Lsn(position)));
        }

        #[test]
        fn no_text_panics(text: String) {
            Lsn::parse(&text);
        }
    }
}
