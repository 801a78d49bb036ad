//! The comparison operators that are evaluated here, by oid: those of the server's own btree
//! operator families for whole numbers, truth values, oids, texts, uuids, dates and points in time.
//! Their oids are fixed in the server's sources and are the same from version 14 to 18, which a
//! test compares.

use super::kind::Kind;
use super::typing::{BOOL, DATE, INT2, INT4, INT8, OID, TEXT, TIMESTAMP, TIMESTAMPTZ, UUID};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessEqual,
    Equal,
    GreaterEqual,
    Greater,
}

/// An operator of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) comparison: Comparison,
    pub(super) kind: Kind,
    /// The types of its operands.
    pub(super) left: u32,
    pub(super) right: u32,
}

/// The types of both sides, and the oids of `<`, `<=`, `=`, `>=` and `>` between them.
const OPERATORS: &[(u32, u32, [u32; 5])] = &[
    (BOOL, BOOL, [58, 1694, 91, 1695, 59]),
    (INT8, INT8, [412, 414, 410, 415, 413]),
    (INT8, INT2, [1870, 1872, 1868, 1873, 1871]),
    (INT8, INT4, [418, 420, 416, 430, 419]),
    (INT2, INT8, [1864, 1866, 1862, 1867, 1865]),
    (INT2, INT2, [95, 522, 94, 524, 520]),
    (INT2, INT4, [534, 540, 532, 542, 536]),
    (INT4, INT8, [37, 80, 15, 82, 76]),
    (INT4, INT2, [535, 541, 533, 543, 537]),
    (INT4, INT4, [97, 523, 96, 525, 521]),
    (OID, OID, [609, 611, 607, 612, 610]),
    (TEXT, TEXT, [664, 665, 98, 667, 666]),
    (UUID, UUID, [2974, 2976, 2972, 2977, 2975]),
    (DATE, DATE, [1095, 1096, 1093, 1098, 1097]),
    (TIMESTAMP, TIMESTAMP, [2062, 2063, 2060, 2065, 2064]),
    (TIMESTAMPTZ, TIMESTAMPTZ, [1322, 1323, 1320, 1325, 1324]),
];

/// In the order of the list.
const COMPARISONS: [Comparison; 5] = [
    Comparison::Less,
    Comparison::LessEqual,
    Comparison::Equal,
    Comparison::GreaterEqual,
    Comparison::Greater,
];

/// The operator with this oid, if it is on the list.
pub(super) fn operator(oid: u32) -> Option<Operator> {
    OPERATORS.iter().find_map(|(left, right, oids)| {
        let at = oids.iter().position(|known| *known == oid)?;
        let comparison = COMPARISONS[at];
        Some(Operator { comparison, kind: Kind::ranged(*left)?, left: *left, right: *right })
    })
}

impl Comparison {
    /// The same with its operands exchanged.
    pub(super) fn mirrored(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessEqual => Comparison::GreaterEqual,
            Comparison::Equal => Comparison::Equal,
            Comparison::GreaterEqual => Comparison::LessEqual,
            Comparison::Greater => Comparison::Less,
        }
    }

    /// What it says of the first parts of two rows that it orders.
    pub(super) fn of_first(self) -> Comparison {
        match self {
            Comparison::Less | Comparison::LessEqual => Comparison::LessEqual,
            Comparison::Greater | Comparison::GreaterEqual => Comparison::GreaterEqual,
            Comparison::Equal => Comparison::Equal,
        }
    }
}

impl Operator {
    /// The oid of another operator between the same types.
    pub(super) fn with(self, comparison: Comparison) -> Option<u32> {
        let at = COMPARISONS.iter().position(|known| *known == comparison)?;
        let row =
            OPERATORS.iter().find(|(left, right, _)| (*left, *right) == (self.left, self.right));
        row.map(|(_, _, oids)| oids[at])
    }
}
