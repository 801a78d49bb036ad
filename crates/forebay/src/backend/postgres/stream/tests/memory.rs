//! A large transaction takes no more memory than what is noted of it.

use std::sync::Arc;

use super::super::catalogue::Catalogue;
use super::super::message::Message;
use super::super::transaction::{Assembler, Extent};
use super::build::{V, begin, cells, column_row, commit, relation, update};
use crate::invalidate::{Author, Authors, Basis, Bindings, Changes, ColumnSet, Index};
use crate::sql::{Affinity, Collation, Conjunct, Occurrence, Operand, Test};
use crate::value::Value;
use V::T;

const ROWS: i64 = 100_000;

/// An answer that rests on one row of table 7, by its id.
fn basis(id: i64) -> Basis {
    let conjunct = Conjunct {
        column: 0,
        affinity: Affinity::Integer,
        collation: Collation::Binary,
        test: Test::OneOf(vec![Operand::Literal(Value::Integer(id))]),
    };
    let occurrence =
        Occurrence { table: "7".into(), conjuncts: vec![conjunct], top: None, partner: None };
    Basis::new([(occurrence, ColumnSet::ALL)])
}

#[test]
fn rows_are_not_kept() {
    let index = Arc::new(Index::new());
    let ticket = |id| index.draft(&basis(id), Bindings(&[])).close(&index, 0, |_| None);
    let (hit, other) = (ticket(5), ticket(1_000_000));
    let rows = [(1, "id", 23, false), (2, "name", 25, false)];
    let rows: Vec<_> = rows.map(|column| column_row((7, 7, 2), column)).to_vec();
    let mut assembler: Assembler<Changes> = Assembler::new();
    assembler.adopt(Some(Catalogue::read(cells(&rows)).unwrap()));
    let mut run = |rows: i64| {
        let mut take = |message: &[u8]| {
            let message = Message::decode(message).unwrap();
            assembler.take(message, || Changes::new(index.clone())).unwrap()
        };
        take(&relation(7, b'f', &[("id", true, 23), ("name", true, 25)]));
        take(&begin(10, 5));
        for id in 0..rows {
            let id = id.to_string();
            let old: (u8, &[V<'_>]) = (b'O', &[T(&id), T("a")]);
            take(&update(7, Some(old), &[T(&id), T("b")]));
        }
        take(&commit(10, 11)).unwrap()
    };
    let small = run(10);
    let Extent::Noted(changes) = small.extent else { panic!() };
    index.apply_changes(&changes, &Authors::all(Author::UNKNOWN));
    assert!(!index.is_valid(&hit));
    assert!(index.is_valid(&other));
    let mut done = None;
    let info = allocation_counter::measure(|| done = Some(run(ROWS)));
    assert!(info.bytes_max < 8_000_000, "{info:?}");
    let Some(Extent::Noted(changes)) = done.map(|done| done.extent) else { panic!() };
    let hits = [0, ROWS / 2, ROWS - 1].map(ticket);
    index.apply_changes(&changes, &Authors::all(Author::UNKNOWN));
    assert!(hits.iter().all(|hit| !index.is_valid(hit)));
}
