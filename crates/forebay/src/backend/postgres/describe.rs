//! The messages that describe a statement and carry its rows, read in place: no length in them is
//! believed.

use std::sync::Arc;

use super::garbage::Garbage;
use super::types::{self, Format};
use crate::error::Error;
use crate::row::Column;
use crate::value::Value;

/// What a row of a statement looks like on the wire.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) columns: Arc<[Column]>,
    pub(super) fields: Box<[Field]>,
}

/// One column on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) oid: u32,
    pub(super) format: Format,
}

impl Shape {
    pub(super) fn none() -> Shape {
        Shape { columns: Arc::new([]), fields: Box::new([]) }
    }

    /// Reads a RowDescription. The formats are those that we ask for, or text for everything.
    pub(super) fn read(mut body: &[u8], format: fn(u32) -> Format) -> Result<Shape, Garbage> {
        let count = usize::from(u16::from_be_bytes(chunk(&mut body)?));
        let (mut columns, mut fields) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let end = body.iter().position(|byte| *byte == 0).ok_or(SHORT)?;
            let name = String::from_utf8_lossy(&body[..end]).into();
            body = &body[end + 1..];
            // The table's oid and the number of the column in it.
            let _: [u8; 6] = chunk(&mut body)?;
            let oid = u32::from_be_bytes(chunk(&mut body)?);
            // The type's size and modifier, and a format that is not known yet.
            let _: [u8; 8] = chunk(&mut body)?;
            let declared = types::type_name(oid).map(Box::from);
            columns.push(Column { name, declared, kind: types::kind(oid) });
            fields.push(Field { oid, format: format(oid) });
        }
        if body.is_empty() {
            Ok(Shape { columns: columns.into(), fields: fields.into() })
        } else {
            Err(LONG)
        }
    }
}

/// Reads a ParameterDescription: the types of the parameters.
pub(super) fn parameters(mut body: &[u8]) -> Result<Box<[u32]>, Garbage> {
    let count = usize::from(u16::from_be_bytes(chunk(&mut body)?));
    if body.len() != count * 4 {
        return Err(SHORT);
    }
    Ok(body.as_chunks().0.iter().map(|oid| u32::from_be_bytes(*oid)).collect())
}

/// Why a row could not be read.
#[derive(Debug)]
pub(super) enum BadRow {
    Garbage(Garbage),
    /// The row is whole, and a value in it is none that we know.
    Value(Error),
}

impl From<Garbage> for BadRow {
    fn from(garbage: Garbage) -> BadRow {
        BadRow::Garbage(garbage)
    }
}

/// Appends the values of a DataRow.
pub(super) fn row(
    mut body: &[u8],
    fields: &[Field],
    values: &mut Vec<Value>,
) -> Result<(), BadRow> {
    let count = u16::from_be_bytes(chunk(&mut body)?);
    if usize::from(count) != fields.len() {
        return Err(Garbage("a row has another number of columns than its statement").into());
    }
    for field in fields {
        let length = i32::from_be_bytes(chunk(&mut body)?);
        if length == -1 {
            values.push(Value::Null);
            continue;
        }
        let length = usize::try_from(length).map_err(|_| Garbage("a value has no length"))?;
        let (value, rest) = body.split_at_checked(length).ok_or(SHORT)?;
        body = rest;
        values.push(types::decode(field.oid, field.format, value).map_err(BadRow::Value)?);
    }
    if body.is_empty() { Ok(()) } else { Err(LONG.into()) }
}

const SHORT: Garbage = Garbage("a message ends before what it announces");
const LONG: Garbage = Garbage("a message goes on after its end");

fn chunk<const N: usize>(body: &mut &[u8]) -> Result<[u8; N], Garbage> {
    let (chunk, rest) = body.split_first_chunk().ok_or(SHORT)?;
    *body = rest;
    Ok(*chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INT8: Field = Field { oid: 20, format: Format::Text };

    #[test]
    fn rows() {
        let whole = [&[0, 2][..], &[0, 0, 0, 1], b"7", &[0xff; 4]].concat();
        let mut values = Vec::new();
        row(&whole, &[INT8, INT8], &mut values).unwrap();
        assert_eq!(values, [Value::Integer(7), Value::Null]);
        for length in 0..whole.len() {
            assert!(matches!(
                row(&whole[..length], &[INT8, INT8], &mut Vec::new()),
                Err(BadRow::Garbage(_))
            ));
        }
        for garbage in [
            &[0, 1, 0, 0, 0, 1, b'7'][..],
            &[0, 2, 0x7f, 0xff, 0xff, 0xff, b'7'],
            &[0, 2, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff],
            &[0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
        ] {
            let read = row(garbage, &[INT8, INT8], &mut Vec::new());
            assert!(matches!(read, Err(BadRow::Garbage(_))), "{garbage:?}");
        }
        let value = row(&[0, 1, 0, 0, 0, 1, b'x'], &[INT8], &mut Vec::new());
        assert!(matches!(value, Err(BadRow::Value(_))));
    }

    #[test]
    fn descriptions() {
        let mut whole = vec![0, 1];
        whole.extend_from_slice(b"id\0");
        whole.extend_from_slice(&[0; 6]);
        whole.extend_from_slice(&20u32.to_be_bytes());
        whole.extend_from_slice(&[0; 8]);
        let shape = Shape::read(&whole, |_| Format::Binary).unwrap();
        assert_eq!(*shape.fields, [Field { oid: 20, format: Format::Binary }]);
        let kind = crate::row::ColumnKind::Plain;
        let expect = Column { name: "id".into(), declared: Some("int8".into()), kind };
        assert_eq!(*shape.columns, [expect]);
        for length in 0..whole.len() {
            assert!(Shape::read(&whole[..length], |_| Format::Text).is_err(), "{length}");
        }
        whole.push(0);
        assert!(Shape::read(&whole, |_| Format::Text).is_err());
        assert_eq!(*parameters(&[0, 1, 0, 0, 0, 20]).unwrap(), [20]);
        for garbage in [&[][..], &[0], &[0, 1], &[0, 1, 0, 0, 0], &[0xff, 0xff, 1], &[0, 0, 1]] {
            assert!(parameters(garbage).is_err(), "{garbage:?}");
        }
    }
}
