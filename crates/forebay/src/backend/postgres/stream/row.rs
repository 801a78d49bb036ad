//! One changed row of the stream, as the index asks about it. What the stream does not carry is
//! unknown, which matches every condition and counts as changed.

use super::message::Old;
use super::relation::{Mapping, Relation};
use super::tuple::{Datum, Tuple};
use crate::invalidate::{Op, RowChange, Scalar};

/// One changed row.
pub(super) struct Row<'a, 'b> {
    pub(super) relation: &'a Relation,
    pub(super) mapping: &'a Mapping,
    pub(super) old: &'a Old<'b>,
    /// Of a delete, none.
    pub(super) new: Option<&'a Tuple<'b>>,
    pub(super) op: Op,
}

/// A value of an image, as far as it is carried.
#[derive(Clone, Copy)]
enum Seen<'a> {
    Null,
    Text(&'a [u8]),
    Nothing,
}

impl<'b> Row<'_, 'b> {
    fn position(&self, column: u16) -> Option<usize> {
        self.mapping.positions.get(usize::from(column)).copied().flatten().map(usize::from)
    }

    fn seen_before(&self, position: usize) -> Seen<'b> {
        match self.old {
            Old::Full(old) => seen(old, position),
            // Where only the key is carried, a NULL may stand for anything.
            Old::Key(old) => match seen(old, position) {
                Seen::Null => Seen::Nothing,
                seen => seen,
            },
            Old::None if self.relation.is_kept_without_image(position) => {
                self.new.map_or(Seen::Nothing, |new| seen(new, position))
            }
            Old::None => Seen::Nothing,
        }
    }

    fn seen_after(&self, position: usize) -> Seen<'b> {
        match self.new {
            Some(new) if new.at(position) == Some(Datum::UnchangedToast) => {
                self.seen_before(position)
            }
            Some(new) => seen(new, position),
            None => Seen::Nothing,
        }
    }

    fn scalar(&self, position: usize, seen: Seen<'b>) -> Scalar<'b> {
        match (seen, self.mapping.kinds.get(position)) {
            (Seen::Null, _) => Scalar::Null,
            (Seen::Text(text), Some(kind)) => kind.scalar(text),
            _ => Scalar::Unknown,
        }
    }
}

fn seen<'a>(tuple: &Tuple<'a>, position: usize) -> Seen<'a> {
    match tuple.at(position) {
        Some(Datum::Null) => Seen::Null,
        Some(Datum::Text(text)) => Seen::Text(text),
        Some(Datum::UnchangedToast | Datum::Binary(_)) | None => Seen::Nothing,
    }
}

impl RowChange for Row<'_, '_> {
    fn op(&self) -> Op {
        self.op
    }

    fn width(&self) -> u16 {
        u16::try_from(self.mapping.positions.len()).unwrap_or(u16::MAX)
    }

    fn before(&self, column: u16) -> Scalar<'_> {
        let position = self.position(column).filter(|_| self.op != Op::Insert);
        position
            .map_or(Scalar::Unknown, |position| self.scalar(position, self.seen_before(position)))
    }

    fn after(&self, column: u16) -> Scalar<'_> {
        let position = self.position(column).filter(|_| self.op != Op::Delete);
        position
            .map_or(Scalar::Unknown, |position| self.scalar(position, self.seen_after(position)))
    }

    fn is_moved(&self) -> bool {
        false
    }

    fn is_changed(&self, column: u16) -> bool {
        let Some(position) = self.position(column).filter(|_| self.op == Op::Update) else {
            return true;
        };
        let is_kept =
            matches!(self.old, Old::None) && self.relation.is_kept_without_image(position);
        let is_toast = |new: &Tuple<'_>| new.at(position) == Some(Datum::UnchangedToast);
        if is_kept || self.new.is_some_and(is_toast) {
            return false;
        }
        match (
            self.seen_before(position),
            self.seen_after(position),
            self.mapping.kinds.get(position),
        ) {
            (Seen::Null, Seen::Null, _) => false,
            (Seen::Text(old), Seen::Text(new), Some(kind)) => !kind.is_same(old, new),
            _ => true,
        }
    }
}
