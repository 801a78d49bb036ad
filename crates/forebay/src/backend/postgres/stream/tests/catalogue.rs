//! Rows of the catalogue, and tables of the stream beside them.

use super::super::catalogue::Catalogue;
use super::super::message::{ColumnDescription, Description};
use super::super::relation::Meaning;
use super::build::{cells, column_row};

#[test]
fn a_table_is_known_only_if_it_is_described_as_it_stands() {
    // Table 7: a at 2, b at 3, g (generated) at 4, c at 6, of 6 ever made.
    let rows: Vec<_> =
        [(2, "a", 23, false), (3, "b", 25, false), (4, "g", 25, true), (6, "c", 16, false)]
            .map(|column| column_row((7, 7, 6), column))
            .to_vec();
    let catalogue = Catalogue::read(cells(&rows)).unwrap();
    let check = |columns: &[(&str, u32)], expect: Option<&[Option<u16>]>| {
        let column = |(name, type_oid): &(&'static str, u32)| ColumnDescription {
            is_key: false,
            name: name.as_bytes(),
            type_oid: *type_oid,
        };
        // The names are literals of this test.
        let columns: Vec<(&'static str, u32)> =
            columns.iter().map(|(name, oid)| (String::from(*name).leak() as &str, *oid)).collect();
        let described = Description {
            oid: 7,
            namespace: b"public",
            name: b"t",
            identity: b'd',
            columns: columns.iter().map(column).collect(),
        };
        match (catalogue.meaning(&described), expect) {
            (Meaning::Rows(mapping), Some(expect)) => assert_eq!(&*mapping.positions, expect),
            (Meaning::Whole(table), None) => assert_eq!(&*table, "7"),
            (meaning, _) => panic!("{columns:?}: {meaning:?}"),
        }
    };
    let all = [None, Some(0), Some(1), None, None, Some(2)];
    check(&[("a", 23), ("b", 25), ("c", 16)], Some(&all));
    let generated = [None, Some(0), Some(1), Some(2), None, Some(3)];
    check(&[("a", 23), ("b", 25), ("g", 25), ("c", 16)], Some(&generated));
    check(&[("a", 23), ("b", 25)], None);
    check(&[("a", 23), ("c", 16)], None);
    check(&[("b", 25), ("a", 23), ("c", 16)], None);
    check(&[("a", 23), ("b", 1043), ("c", 16)], None);
    check(&[("a", 23), ("b", 25), ("c", 16), ("d", 16)], None);
    check(&[("a", 23), ("b", 25), ("d", 16)], None);
    check(&[], None);
}

#[test]
fn what_is_no_catalogue_is_refused() {
    let good = column_row((7, 7, 6), (2, "a", 23, false));
    assert!(Catalogue::read(cells(std::slice::from_ref(&good))).is_some());
    for cell in 0..good.len() {
        let mut row = good.clone();
        row[cell] = None;
        assert!(Catalogue::read(cells(&[row])).is_none(), "{cell}");
    }
    for (cell, text) in [(0, "x"), (2, "-1"), (3, "0"), (3, "7"), (3, "70000"), (5, "")] {
        let mut row = good.clone();
        row[cell] = Some(text.to_owned());
        assert!(Catalogue::read(cells(&[row])).is_none(), "{cell} {text}");
    }
    assert!(Catalogue::read(cells(&[good[1..].to_vec()])).is_none());
}
