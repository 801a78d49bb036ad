//! Which transactions a snapshot of PostgreSQL sees, from the text of `pg_current_snapshot()`. It
//! asks nobody, and knows nothing of what the transactions have done.

/// Transactions that a snapshot may name as running: PostgreSQL's own limit of connections.
const RUNNING_MAX: usize = 262_143;

/// Half of the numbers there are: what is further ahead is behind.
const HALF: u32 = u32::MAX / 2;

/// A transaction, by the number that the stream tells. The numbers go round; PostgreSQL takes care
/// that those in use lie within half a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Xid(pub(crate) u32);

/// What a snapshot sees: every transaction that has ended before it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Every transaction before this one has ended, and what it committed is seen.
    xmin: Xid,
    /// Neither this one nor any later one is seen.
    xmax: Xid,
    /// Those between that had not ended, as distances from `xmin`, in order.
    running: Vec<u32>,
}

impl Xid {
    /// A full number of 64 bits, as the stream would tell it.
    pub(crate) fn of_full(full: u64) -> Xid {
        let [.., a, b, c, d] = full.to_be_bytes();
        Xid(u32::from_be_bytes([a, b, c, d]))
    }

    /// Whether its number was given before that of `other`.
    pub(super) fn precedes(self, other: Xid) -> bool {
        self.0.wrapping_sub(other.0) > HALF
    }

    /// The number after it.
    pub(super) fn next(self) -> Xid {
        Xid(self.0.wrapping_add(1))
    }
}

impl Snapshot {
    /// Reads `xmin:xmax:xip,xip…`, whose numbers are full ones; `None` if it is anything else.
    pub(crate) fn parse(text: &str) -> Option<Snapshot> {
        let mut parts = text.splitn(3, ':');
        let [xmin, xmax] = [number(parts.next()?)?, number(parts.next()?)?];
        let listed = parts.next()?;
        // Beyond half a round the short numbers could not be told apart.
        if xmax < xmin || xmax - xmin > u64::from(HALF) {
            return None;
        }
        let mut running = Vec::new();
        let mut last = None;
        for text in listed.split(',').filter(|_| !listed.is_empty()) {
            let full = number(text)?;
            let is_in_order = last.is_none_or(|last| last < full);
            if !is_in_order || full < xmin || full >= xmax || running.len() >= RUNNING_MAX {
                return None;
            }
            running.push(u32::try_from(full - xmin).ok()?);
            last = Some(full);
        }
        Some(Snapshot { xmin: Xid::of_full(xmin), xmax: Xid::of_full(xmax), running })
    }

    /// Whether what this transaction has committed is seen. Not so for one that was still running
    /// for others, though its commit may already be in the log.
    pub(crate) fn sees(&self, xid: Xid) -> bool {
        if xid.precedes(self.xmin) {
            return true;
        }
        let distance = xid.0.wrapping_sub(self.xmin.0);
        xid.precedes(self.xmax) && self.running.binary_search(&distance).is_err()
    }

    /// Whether every transaction that was running in an earlier snapshot has ended in this.
    pub(crate) fn outlives(&self, earlier: &Snapshot) -> bool {
        let running = earlier.running.iter().map(|after| Xid(earlier.xmin.0.wrapping_add(*after)));
        running.into_iter().all(|xid| self.sees(xid))
    }

    /// Whether every transaction before this one has ended.
    pub(crate) fn sees_all_before(&self, xid: Xid) -> bool {
        !self.xmin.precedes(xid)
    }
}

/// Decimal digits and nothing else.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_snapshot_sees_what_had_ended() {
        let check = |text: &str, seen: &[u32], unseen: &[u32]| {
            let snapshot = Snapshot::parse(text).unwrap();
            for xid in seen {
                assert!(snapshot.sees(Xid(*xid)), "{xid} in {text}");
            }
            for xid in unseen {
                assert!(!snapshot.sees(Xid(*xid)), "{xid} in {text}");
            }
        };
        check("10:10:", &[3, 9], &[10, 11, 2_000_000_000]);
        check("10:14:10,12", &[9, 11, 13], &[10, 12, 14, 15]);
        // The long fork of the survey: the later commit is seen, the earlier one is not.
        check("789933:789935:789933", &[789_934], &[789_933, 789_935]);
        // Around the end of a round: 2^32 is 4294967296.
        check(
            "4294967290:4294967300:4294967295,4294967298",
            &[u32::MAX - 1, 0, 1, 3],
            &[u32::MAX, 2, 4, 1_000],
        );
        // Rounds later, and the number of the stream is a short one.
        check("12884901890:12884901895:12884901893", &[0, 1, 2, 3, 4, 6], &[5, 7, 8]);
    }

    #[test]
    fn all_before_are_seen_up_to_xmin() {
        let check = |text: &str, xid: u32, expect: bool| {
            assert_eq!(Snapshot::parse(text).unwrap().sees_all_before(Xid(xid)), expect, "{text}");
        };
        check("10:14:10,12", 9, true);
        check("10:14:10,12", 10, true);
        check("10:14:10,12", 11, false);
        check("14:14:", 14, true);
        check("4294967300:4294967301:4294967300", u32::MAX, true);
        check("4294967290:4294967301:4294967290", 0, false);
    }

    #[test]
    fn a_snapshot_outlives_what_was_running() {
        let check = |later: &str, earlier: &str, expect: bool| {
            let parse = |text| Snapshot::parse(text).unwrap();
            assert_eq!(parse(later).outlives(&parse(earlier)), expect, "{later} {earlier}");
        };
        check("10:20:10,14", "10:15:10,14", false);
        check("14:20:14", "10:15:10,14", false);
        check("17:20:17", "10:15:10,14", true);
        check("10:10:", "10:10:", true);
    }

    #[test]
    fn other_texts_are_no_snapshot() {
        let check = |text: &str| assert_eq!(Snapshot::parse(text), None, "{text}");
        for text in [
            "",
            "10",
            "10:20",
            "10:20:x",
            "-1:20:",
            "+1:20:",
            "10:9:",
            "10:20:9",
            "10:20:20",
            "10:20:15,12",
            "10:20:12,12",
            "10:20:12,",
            "10:20:12:13",
            "10:20: 12",
            "10:20:,",
            "99999999999999999999:99999999999999999999:",
            "0:4294967296:",
            ":20:",
            "10::",
        ] {
            check(text);
        }
        let many: Vec<String> = (0..300_000).map(|n| n.to_string()).collect();
        check(&format!("0:300000:{}", many.join(",")));
    }

    proptest! {
        /// Short numbers say the same as full ones, wherever in a round they lie.
        #[test]
        fn short_numbers_are_enough(
            xmin in prop_oneof![
                0..200u64,
                0xffff_ffc0..0x1_0000_0040u64,
                0x5_ffff_ffc0..0x6_0000_0040u64,
            ],
            running in proptest::collection::btree_set(0..40u64, 0..8),
            length in 40..60u64,
            asked in -60..120i64,
        ) {
            let listed: Vec<String> = running.iter().map(|n| (xmin + n).to_string()).collect();
            let text = format!("{xmin}:{}:{}", xmin + length, listed.join(","));
            let snapshot = Snapshot::parse(&text).unwrap();
            if let Some(full) = xmin.checked_add_signed(asked) {
                let place = full.checked_sub(xmin);
                let is_seen = full < xmin + length && !place.is_some_and(|n| running.contains(&n));
                prop_assert_eq!(snapshot.sees(Xid::of_full(full)), is_seen);
                prop_assert_eq!(snapshot.sees_all_before(Xid::of_full(full)), full <= xmin);
            }
        }
    }
}
