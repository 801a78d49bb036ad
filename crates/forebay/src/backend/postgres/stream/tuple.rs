//! The values of a row as a message carries them, borrowed from its bytes. It does not know the
//! columns' names or types.

use smallvec::SmallVec;

use super::cursor::{Cursor, Malformed};

/// Columns of a row; the server's own limit is 1,600.
pub(super) const COLUMNS_MAX: u16 = 1_664;

/// One value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Datum<'a> {
    /// NULL; in an old image that carries only the key, also every column outside it.
    Null,
    /// A large value that is as it was in the old row.
    UnchangedToast,
    /// The value as the output function of its type writes it.
    Text(&'a [u8]),
    /// The value as the send function of its type writes it; never sent unless asked for.
    Binary(&'a [u8]),
}

/// The values of a row, in the order of the columns in the message that describes its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tuple<'a>(pub(crate) SmallVec<[Datum<'a>; 6]>);

impl<'a> Tuple<'a> {
    pub(super) fn decode(cursor: &mut Cursor<'a>) -> Result<Tuple<'a>, Malformed> {
        let count = cursor.u16()?;
        if count > COLUMNS_MAX {
            return Err(Malformed("a row has too many columns"));
        }
        let mut columns = SmallVec::with_capacity(usize::from(count));
        for _ in 0..count {
            columns.push(match cursor.u8()? {
                b'n' => Datum::Null,
                b'u' => Datum::UnchangedToast,
                b't' => Datum::Text(cursor.counted()?),
                b'b' => Datum::Binary(cursor.counted()?),
                _ => return Err(Malformed("a value is of an unknown kind")),
            });
        }
        Ok(Tuple(columns))
    }

    /// The value of the column at a position of the message.
    pub(super) fn at(&self, position: usize) -> Option<Datum<'a>> {
        self.0.get(position).copied()
    }
}
