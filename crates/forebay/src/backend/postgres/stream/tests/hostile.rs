//! Bytes that no server sends: made up, and real messages cut off or with a byte changed. They
//! are refused or understood; nothing panics, and nothing is set aside for lengths that they claim.

use proptest::prelude::*;

use super::super::frame::{Frame, Status};
use super::super::message::Message;
use super::build::{
    V, begin, commit, data, delete, insert, keepalive, note, relation, truncate, update,
};
use crate::invalidate::Lsn;
use V::{N, T, U};

pub(super) fn messages() -> Vec<Vec<u8>> {
    let old: &[V<'_>] = &[T("1"), N];
    vec![
        begin(10, 5),
        commit(10, 11),
        [&b"O"[..], &[0; 8], b"origin\0"].concat(),
        [&b"Y"[..], &[0; 4], b"public\0mood\0"].concat(),
        relation(7, b'd', &[("id", true, 23), ("name", false, 25)]),
        insert(7, &[T("1"), T("a")]),
        update(7, None, &[T("1"), U]),
        update(7, Some((b'K', old)), &[T("1"), T("")]),
        update(7, Some((b'O', old)), &[T("1"), T("b")]),
        delete(7, b'K', old),
        delete(7, b'O', old),
        truncate(&[7, 8]),
        note(true, "forebay_ddl", "ALTER TABLE"),
        note(false, "x", ""),
    ]
}

/// A message that is cut off or continued is refused, wherever that is.
pub(super) fn check_cuts(message: &[u8]) {
    Message::decode(message).unwrap();
    for end in 0..message.len() {
        assert!(Message::decode(&message[..end]).is_err(), "{:?}", &message[..end]);
    }
    assert!(Message::decode(&[message, &[0]].concat()).is_err(), "{message:?}");
}

#[test]
fn cut_messages_are_refused() {
    messages().iter().for_each(|message| check_cuts(message));
    let frame = keepalive(10, true);
    assert_eq!(Frame::decode(&frame), Ok(Frame::Keepalive { end: Lsn(10), wants_reply: true }));
    for end in 0..frame.len() {
        assert!(Frame::decode(&frame[..end]).is_err());
    }
    let frame = data(b"B");
    assert_eq!(Frame::decode(&frame), Ok(Frame::Data(b"B")));
    for end in 0..frame.len() - 1 {
        assert!(Frame::decode(&frame[..end]).is_err());
    }
    assert!(Frame::decode(b"r").is_err());
}

#[test]
fn claimed_lengths_are_not_believed() {
    let check = |bytes: &[u8]| assert!(Message::decode(bytes).is_err(), "{bytes:?}");
    check(b"I\0\0\0\x07N\xff\xff");
    check(b"I\0\0\0\x07N\0\x01t\xff\xff\xff\xff");
    check(b"T\xff\xff\xff\xff\0\0\0\0\x07");
    check(b"R\0\0\0\x07a\0b\0d\xff\xff");
    check(b"M\x01\0\0\0\0\0\0\0\0a\0\xff\xff\xff\xff");
    check(b"R\0\0\0\x07a\0b\0x\0\0");
    check(b"U\0\0\0\x07X");
    check(b"S");
    check(b"");
}

#[test]
fn a_status_is_written_as_the_server_reads_it() {
    let status = Status {
        written: Lsn(1),
        flushed: Lsn(2),
        applied: Lsn(3),
        clock_us: 4,
        wants_reply: true,
    };
    let expect = [
        &b"r"[..],
        &[0, 0, 0, 0, 0, 0, 0, 1],
        &[0, 0, 0, 0, 0, 0, 0, 2],
        &[0, 0, 0, 0, 0, 0, 0, 3],
        &[0, 0, 0, 0, 0, 0, 0, 4],
        &[1],
    ]
    .concat();
    assert_eq!(&status.encode()[..], expect);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn made_up_bytes_do_not_panic(
        kind in proptest::sample::select(b"BCORYIUDTMwkS".to_vec()),
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        bytes.insert(0, kind);
        let _ = Message::decode(&bytes);
        let _ = Frame::decode(&bytes);
    }

    #[test]
    fn changed_bytes_do_not_panic(
        which in 0..14usize, at in any::<proptest::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut message = messages().swap_remove(which);
        let at = at.index(message.len());
        message[at] = byte;
        let _ = Message::decode(&message);
    }
}
