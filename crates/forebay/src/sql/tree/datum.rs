//! Constants out of the bytes that the server holds them in. What is not exactly of the form that
//! is expected is not read.

use super::kind::Kind;
use super::typing::{
    BOOL, DATE, INT2, INT4, INT8, OID, TEXT, TIMESTAMP, TIMESTAMPTZ, UUID, VARCHAR,
};
use crate::value::Value;

/// Members of one array.
const MEMBERS_MAX: usize = 1_000;

/// The order of bytes in the words of the server's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// A value of a type that is compared here, from the bytes of its datum.
    pub(super) fn value(self, type_oid: u32, bytes: &[u8]) -> Option<Value> {
        match type_oid {
            BOOL | INT2 | INT4 | INT8 | OID | DATE | TIMESTAMP | TIMESTAMPTZ => {
                self.by_value(type_oid, bytes)
            }
            TEXT | VARCHAR => text(self.varlena(bytes)?),
            UUID => uuid(bytes),
            _ => None,
        }
    }

    /// The members of an array of one dimension, or of none, whose members have this type; NULL
    /// among them is NULL.
    pub(super) fn members(self, type_oid: u32, bytes: &[u8]) -> Option<Vec<Value>> {
        let array = self.varlena(bytes)?;
        let word = |at: usize| -> Option<u32> {
            Some(self.word(array.get(at..at.checked_add(4)?)?.try_into().ok()?))
        };
        let (dimensions, start, element) = (word(0)?, word(4)?, word(8)?);
        if element != type_oid {
            return None;
        }
        let count = match dimensions {
            0 => return Some(Vec::new()),
            1 => usize::try_from(word(12)?).ok().filter(|count| *count <= MEMBERS_MAX)?,
            _ => return None,
        };
        // An array with NULL says where its values begin, counted with the length before it.
        let has_nulls = start != 0;
        let mut at = if has_nulls { usize::try_from(start).ok()?.checked_sub(4)? } else { 20 };
        let mut members = Vec::with_capacity(count);
        for number in 0..count {
            if has_nulls && array.get(20 + number / 8)? & (1 << (number % 8)) == 0 {
                members.push(Value::Null);
                continue;
            }
            let (value, end) = self.member(type_oid, array, at)?;
            members.push(value);
            at = end;
        }
        Some(members)
    }

    /// The member of an array that begins at or after `at`, and where it ends.
    fn member(self, type_oid: u32, array: &[u8], at: usize) -> Option<(Value, usize)> {
        // Alignment counts from the length that stands before the array, which has four bytes.
        let aligned = |to: usize| (at + 4).checked_next_multiple_of(to).map(|at| at - 4);
        let (at, size) = match type_oid {
            BOOL => (at, 1),
            INT2 => (aligned(2)?, 2),
            INT4 | OID | DATE => (aligned(4)?, 4),
            INT8 | TIMESTAMP | TIMESTAMPTZ => (aligned(8)?, 8),
            UUID => (at, 16),
            TEXT | VARCHAR => {
                let at = aligned(4)?;
                (at, self.length(array.get(at..)?)?)
            }
            _ => return None,
        };
        let end = at.checked_add(size)?;
        let bytes = array.get(at..end)?;
        let value = match Kind::ranged(type_oid)? {
            Kind::Integer | Kind::Date | Kind::Timestamp | Kind::Timestamptz => {
                self.integer(type_oid, bytes)?
            }
            Kind::Text => text(self.varlena(bytes)?)?,
            Kind::Uuid => uuid(bytes)?,
        };
        Some((value, end))
    }

    /// A value that is held in the word itself, at its end of lower significance.
    fn by_value(self, type_oid: u32, bytes: &[u8]) -> Option<Value> {
        let word: [u8; 8] = bytes.try_into().ok()?;
        let size = match type_oid {
            BOOL => 1,
            INT2 => 2,
            INT4 | OID | DATE => 4,
            _ => 8,
        };
        let part = match self {
            ByteOrder::Little => &word[..size],
            ByteOrder::Big => &word[8 - size..],
        };
        self.integer(type_oid, part)
    }

    fn integer(self, type_oid: u32, bytes: &[u8]) -> Option<Value> {
        let n = match (type_oid, self) {
            (BOOL, _) => match bytes {
                [0] => 0,
                [1] => 1,
                _ => return None,
            },
            (INT2, ByteOrder::Little) => i16::from_le_bytes(bytes.try_into().ok()?).into(),
            (INT2, ByteOrder::Big) => i16::from_be_bytes(bytes.try_into().ok()?).into(),
            (INT4 | DATE, _) => i64::from(self.word(bytes.try_into().ok()?).cast_signed()),
            (OID, _) => i64::from(self.word(bytes.try_into().ok()?)),
            (INT8 | TIMESTAMP | TIMESTAMPTZ, ByteOrder::Little) => {
                i64::from_le_bytes(bytes.try_into().ok()?)
            }
            (INT8 | TIMESTAMP | TIMESTAMPTZ, ByteOrder::Big) => {
                i64::from_be_bytes(bytes.try_into().ok()?)
            }
            _ => return None,
        };
        Some(Value::Integer(n))
    }

    fn word(self, bytes: [u8; 4]) -> u32 {
        match self {
            ByteOrder::Little => u32::from_le_bytes(bytes),
            ByteOrder::Big => u32::from_be_bytes(bytes),
        }
    }

    /// What follows the length of a value of variable length. Constants have it in four bytes,
    /// uncompressed.
    fn varlena(self, bytes: &[u8]) -> Option<&[u8]> {
        let is_all = self.length(bytes)? == bytes.len();
        bytes.get(4..).filter(|_| is_all)
    }

    /// The length that a value of variable length has by its first four bytes, these included.
    fn length(self, bytes: &[u8]) -> Option<usize> {
        let word = self.word(bytes.get(..4)?.try_into().ok()?);
        let (length, marks) = match self {
            ByteOrder::Little => (word >> 2, word & 3),
            ByteOrder::Big => (word & 0x3fff_ffff, word >> 30),
        };
        let length = usize::try_from(length).ok()?;
        (marks == 0 && length >= 4).then_some(length)
    }
}

fn text(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok().map(Value::from)
}

/// A uuid as the server writes it.
fn uuid(bytes: &[u8]) -> Option<Value> {
    let bytes: &[u8; 16] = bytes.try_into().ok()?;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    Some(Value::from(text))
}
