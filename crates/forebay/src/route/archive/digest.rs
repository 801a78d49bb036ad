//! What rows are, whatever their order: how many, and a checksum of every value with its type.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;

use crate::row::Rows;

/// Two sets of rows with the same digest are the same, but for chance of 1 in 2^128.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) count: u64,
    sums: [u64; 2],
}

impl Digest {
    pub(super) fn of(rows: &Rows) -> Digest {
        let mut digest = Digest::default();
        for index in 0..rows.len() {
            digest.count += 1;
            for (sum, seed) in digest.sums.iter_mut().zip([0x5eed, 0xf0e5]) {
                let hash = FixedState::with_seed(seed).hash_one(rows.values(index));
                // A sum does not depend on the order, and unlike XOR counts what is there twice.
                *sum = sum.wrapping_add(hash);
            }
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Column, ColumnKind};
    use crate::value::Value;

    #[test]
    fn the_same_rows_have_the_same_digest() {
        let check = |a: &[[Value; 2]], b: &[[Value; 2]], expect: bool| {
            let column = Column { name: "c".into(), declared: None, kind: ColumnKind::Plain };
            let of = |rows: &[[Value; 2]]| {
                let columns: std::sync::Arc<[Column]> = [column.clone(), column.clone()].into();
                Digest::of(&Rows::new(columns, rows.concat()))
            };
            assert_eq!(of(a) == of(b), expect, "{a:?} {b:?}");
        };
        let [one, real, text] = [Value::from(1), Value::from(1.0), Value::from("1")];
        let pair = |a: &Value, b: &Value| [a.clone(), b.clone()];
        check(&[], &[], true);
        check(
            &[pair(&one, &text), pair(&real, &one)],
            &[pair(&real, &one), pair(&one, &text)],
            true,
        );
        check(&[pair(&one, &text)], &[pair(&text, &one)], false);
        check(&[pair(&one, &one)], &[pair(&one, &real)], false);
        check(&[pair(&one, &one)], &[pair(&one, &one), pair(&one, &one)], false);
        let twice = |value: &Value| [pair(value, value), pair(value, value)];
        check(&twice(&one), &twice(&text), false);
        check(
            &[pair(&Value::from("a"), &Value::from("bc"))],
            &[pair(&"ab".into(), &"c".into())],
            false,
        );
        check(&[pair(&Value::Null, &one)], &[pair(&one, &Value::Null)], false);
    }
}
