//! Messages put together to transactions: what is noted of rows, and what is out of order.

use super::super::catalogue::Catalogue;
use super::super::ended::Ended;
use super::super::message::Message;
use super::super::transaction::{Assembler, Committed, Extent};
use super::build::{
    V, begin, cells, column_row, commit, delete, insert, note, relation, truncate, update,
};
use super::noted::Noted;
use crate::invalidate::Lsn;
use V::{N, T, U};

/// Table 7: id int4 key, a dropped column, name text, price numeric, a generated column.
/// Table 8: a partition of 7 with its columns in another order.
/// Table 9: of the same kind, which the stream will describe otherwise.
fn catalogue() -> Catalogue {
    let mut rows = Vec::new();
    for (oid, root, numbers) in [(7, 7, [1, 3, 4, 5]), (8, 7, [2, 1, 3, 4]), (9, 9, [1, 2, 3, 4])] {
        let mut columns = vec![
            (numbers[0], "id", 23, false),
            (numbers[1], "name", 25, false),
            (numbers[2], "price", 1700, false),
            (numbers[3], "twice", 23, true),
        ];
        columns.sort_unstable();
        rows.extend(columns.into_iter().map(|column| column_row((oid, root, 5), column)));
    }
    Catalogue::read(cells(&rows)).unwrap()
}

const COLUMNS: [(&str, bool, u32); 3] =
    [("id", true, 23), ("name", false, 25), ("price", false, 1700)];
const TURNED: [(&str, bool, u32); 3] =
    [("name", false, 25), ("id", true, 23), ("price", false, 1700)];

fn take(
    assembler: &mut Assembler<Noted>,
    messages: &[Vec<u8>],
) -> Result<Vec<Committed<Noted>>, Ended> {
    let mut done = Vec::new();
    for message in messages {
        done.extend(assembler.take(Message::decode(message)?, Noted::default)?);
    }
    Ok(done)
}

/// What is noted of one message in a transaction.
fn check(identity: u8, message: Vec<u8>, expect: &[&str]) {
    let mut assembler = Assembler::new();
    assembler.adopt(Some(catalogue()));
    let described = [
        relation(7, identity, &COLUMNS),
        relation(8, identity, &TURNED),
        relation(9, identity, &COLUMNS[..2]),
        relation(10, identity, &COLUMNS),
    ];
    take(&mut assembler, &described).unwrap();
    let messages = [begin(10, 5), message, commit(10, 11)];
    let done = take(&mut assembler, &messages).unwrap();
    let extent = match expect {
        ["everything"] => Extent::Everything,
        lines => Extent::Noted(Noted(lines.iter().map(|line| (*line).to_owned()).collect())),
    };
    let (commit, end) = (Lsn(10), Lsn(11));
    let expect = Committed { xid: 5, commit, end, extent, is_ddl: false, alters_table: false };
    assert_eq!(done, [expect]);
}

#[test]
fn rows_are_told_by_column_number() {
    let new = [T("1"), T("a"), T("2.0")];
    check(b'd', insert(7, &new), &["I 7 ?>1 ?>? ?>a ?>? ?>?"]);
    // A partition is told as its root.
    check(b'd', insert(8, &[T("a"), T("1"), N]), &["I 7 ?>1 ?>? ?>a ?>NULL ?>?"]);
    check(b'd', insert(7, &[T("x"), T("1"), N]), &["I 7 ?>? ?>? ?>1 ?>NULL ?>?"]);
}

#[test]
fn images_are_told_as_far_as_they_are_carried() {
    let new = [T("1"), T("a"), T("2.0")];
    // Without an old image the key is as it was, and of the rest nothing is known.
    check(b'd', update(7, None, &new), &["U 7 1=1 ?>? ?>a ?>? ?>?"]);
    check(b'i', update(7, None, &new), &["U 7 1=1 ?>? ?>a ?>? ?>?"]);
    // Where the identity is the whole row, there has to be one.
    check(b'f', update(7, None, &new), &["U 7 ?>1 ?>? ?>a ?>? ?>?"]);
    check(b'n', update(7, None, &new), &["U 7 ?>1 ?>? ?>a ?>? ?>?"]);
    // NULL beside a key means nothing.
    let old: (u8, &[V<'_>]) = (b'K', &[T("2"), N, N]);
    check(b'd', update(7, Some(old), &new), &["U 7 2>1 ?>? ?>a ?>? ?>?"]);
    let old: (u8, &[V<'_>]) = (b'O', &[T("1"), N, T("2.0")]);
    check(b'f', update(7, Some(old), &new), &["U 7 1=1 ?>? NULL>a ?=? ?>?"]);
    let old: (u8, &[V<'_>]) = (b'O', &[T("1"), T("a"), T("2.00")]);
    check(b'f', update(7, Some(old), &new), &["U 7 1=1 ?>? a=a ?>? ?>?"]);
    check(b'd', delete(7, b'K', &[T("1"), N, N]), &["D 7 1>? ?>? ?>? ?>? ?>?"]);
    check(b'f', delete(7, b'O', &[T("1"), N, N]), &["D 7 1>? ?>? NULL>? NULL>? ?>?"]);
}

#[test]
fn a_large_value_that_is_left_out_is_as_it_was() {
    let new = [T("1"), U, T("2.0")];
    check(b'd', update(7, None, &new), &["U 7 1=1 ?>? ?=? ?>? ?>?"]);
    let old: (u8, &[V<'_>]) = (b'O', &[T("1"), T("long"), N]);
    check(b'f', update(7, Some(old), &new), &["U 7 1=1 ?>? long=long NULL>? ?>?"]);
    let old: (u8, &[V<'_>]) = (b'K', &[T("2"), N, N]);
    check(b'd', update(7, Some(old), &new), &["U 7 2>1 ?>? ?=? ?>? ?>?"]);
}

#[test]
fn what_is_not_understood_is_the_whole_table_or_everything() {
    check(b'd', truncate(&[7, 9]), &["* 7", "* 9"]);
    check(b'd', truncate(&[8]), &["* 7"]);
    // A column is missing beside the catalogue.
    check(b'd', insert(9, &[T("1"), T("a")]), &["* 9"]);
    // A table that the catalogue does not have may be a partition of any.
    check(b'd', insert(10, &[T("1"), T("a"), N]), &["everything"]);
    check(b'd', truncate(&[10]), &["everything"]);
    check(b'd', note(true, "forebay_refresh", "55"), &["* 55"]);
    check(b'd', note(true, "somebody", "else"), &[]);
    check(b'd', note(false, "forebay_ddl", "ALTER TABLE"), &[]);
}

#[test]
fn a_change_of_the_schema_is_everything_and_voids_the_catalogue() {
    for note in [
        note(true, "forebay_ddl", "ALTER TABLE"),
        note(true, "forebay_refresh", "not a number"),
        note(true, "forebay_refresh", ""),
    ] {
        let mut assembler = Assembler::new();
        assembler.adopt(Some(catalogue()));
        let row = || insert(7, &[T("1"), T("a"), N]);
        let messages = [relation(7, b'd', &COLUMNS), begin(10, 5), row(), note, commit(10, 11)];
        let done = take(&mut assembler, &messages).unwrap();
        assert_eq!((&done[0].extent, done[0].is_ddl), (&Extent::Everything, true));
        assert!(!assembler.has_catalogue());
        let done = take(&mut assembler, &[begin(20, 6), row(), commit(20, 21)]).unwrap();
        assert_eq!((&done[0].extent, done[0].is_ddl), (&Extent::Everything, false));
        assembler.adopt(Some(catalogue()));
        let done = take(&mut assembler, &[begin(30, 7), row(), commit(30, 31)]).unwrap();
        let expect = vec!["I 7 ?>1 ?>? ?>a ?>NULL ?>?".to_owned()];
        assert_eq!(done[0].extent, Extent::Noted(Noted(expect)));
    }
}

#[test]
fn what_is_out_of_order_ends_the_stream() {
    let check = |messages: &[Vec<u8>], expect: bool| {
        let mut assembler = Assembler::new();
        let ended = take(&mut assembler, messages).is_err();
        assert_eq!(ended, expect, "{messages:?}");
    };
    let described = || relation(7, b'd', &COLUMNS);
    let row = || insert(7, &[T("1"), N, N]);
    check(&[described(), begin(10, 5), row(), commit(10, 11)], false);
    check(&[begin(10, 5), begin(20, 6)], true);
    check(&[commit(10, 11)], true);
    check(&[begin(10, 5), commit(20, 21)], true);
    check(&[begin(10, 5), commit(10, 10)], true);
    check(&[described(), row()], true);
    check(&[begin(10, 5), row()], true);
    check(&[begin(10, 5), truncate(&[7])], true);
    check(&[described(), truncate(&[7])], true);
    check(&[note(true, "forebay_ddl", "")], true);
    check(&[note(false, "forebay_ddl", "")], false);
    check(&[described(), begin(10, 5), insert(7, &[T("1"), N])], true);
    check(&[described(), begin(10, 5), delete(7, b'K', &[T("1")])], true);
}
