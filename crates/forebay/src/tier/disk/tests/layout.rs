//! Records as bytes.

use crate::tier::disk::compress::Codec;
use crate::tier::disk::layout::{
    self, FileHead, Opening, Record, SEGMENT_HEAD, Tail, parse_file_head, parse_record,
    parse_record_head, parse_segment_head,
};

const RECORD: Record<'_> = Record {
    key: b"key",
    body: b"a body of some length",
    codec: Codec::Plain,
    raw_bytes: 21,
    written_ms: 5,
    expires_ms: 6,
};

fn alive(record: &Record<'_>, seal: u64) -> Vec<u8> {
    let (mut bytes, life) = layout::record(record, seal);
    assert_eq!(parse_record(&bytes, seal), None, "it is not alive yet");
    bytes[8..16].copy_from_slice(&life);
    bytes
}

#[test]
fn a_record_comes_back_only_under_its_seal() {
    let bytes = alive(&RECORD, 7);
    assert_eq!(parse_record(&bytes, 7), Some(RECORD));
    assert_eq!(parse_record(&bytes, 8), None);
    for length in 0..bytes.len() {
        assert_eq!(parse_record(&bytes[..length], 7), None, "cut to {length}");
    }
}

#[test]
fn a_flipped_bit_leaves_nothing_or_the_record() {
    let bytes = alive(&RECORD, 7);
    let padding = bytes.len() - 56 - RECORD.key.len() - RECORD.body.len();
    let mut seen = 0;
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match parse_record(&flipped, 7) {
            Some(record) => {
                assert_eq!(record, RECORD);
                seen += 1;
            }
            None => assert!(bit / 8 < bytes.len() - padding, "bit {bit} is padding"),
        }
    }
    assert_eq!(seen, padding * 8);
}

#[test]
fn the_heads_come_back() {
    let check = |closed| {
        let head = FileHead { segment_bytes: 65_536, salt: 3, boot: [4; 16], closed };
        let mut bytes = layout::file_head(&head).to_vec();
        assert_eq!(parse_file_head(&bytes), Opening::Ours(head));
        for at in 0..bytes.len() {
            bytes[at] ^= 0x10;
            assert!(!matches!(parse_file_head(&bytes), Opening::Ours(_)), "byte {at}");
            bytes[at] ^= 0x10;
        }
        assert!(matches!(parse_file_head(&bytes[..71]), Opening::Unusable(_)));
    };
    check(None);
    check(Some(Tail { segment: 2, used: 900 }));
    assert_eq!(parse_file_head(b"SQLite format 3\0"), Opening::Foreign);
    assert_eq!(parse_file_head(b"fore"), Opening::Unusable("it was cut off"));

    let head = layout::segment_head(3, 1, 9);
    assert_eq!(parse_segment_head(&head, 3, 1), Some(9));
    assert_eq!(parse_segment_head(&head, 3, 2), None);
    assert_eq!(parse_segment_head(&head, 4, 1), None);
    assert_eq!(parse_segment_head(&[0; SEGMENT_HEAD as usize], 3, 1), None);
    assert_eq!(parse_segment_head(&layout::segment_head(3, 1, u64::MAX), 3, 1), None);
}

#[test]
fn random_bytes_are_no_records_and_no_panic() {
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..20_000 {
        let length = random.usize(..200);
        let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
        assert_eq!(parse_record_head(&bytes, 1), None);
        assert_eq!(parse_record(&bytes, 1), None);
        assert!(!matches!(parse_file_head(&bytes), Opening::Ours(_)));
    }
}

/// A value may contain anything, also the bytes of a record: only an unbroken row is walked.
#[test]
fn a_record_within_a_value_is_not_found() {
    let (salt, sequence, start) = (11, 1, 4_096);
    let inner_at = start + u64::from(SEGMENT_HEAD) + 56 + 3 + 5;
    let inner = alive(&RECORD, layout::seal(salt, sequence, inner_at));
    let body = [&b"12345"[..], &inner].concat();
    let outer = Record { body: &body, raw_bytes: body.len() as u32, ..RECORD };
    let seal = layout::seal(salt, sequence, start + u64::from(SEGMENT_HEAD));
    let mut bytes = vec![0; SEGMENT_HEAD as usize];
    bytes.extend(alive(&outer, seal));
    bytes.extend([0; 64]);
    let mut keys = 0;
    let end = layout::walk(&bytes, 65_536, start, salt, sequence, |_| keys += 1);
    assert_eq!((keys, end.is_marked), (1, false));
    // Without the head around it, nothing is found at all.
    bytes[20] ^= 1;
    let end = layout::walk(&bytes, 65_536, start, salt, sequence, |_| keys += 1);
    assert_eq!((keys, end.used), (1, SEGMENT_HEAD));
}
