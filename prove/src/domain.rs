//! Values: a small domain of every storage class, so that predicates hit and so that values meet
//! which are equal in one sense and different in another. It knows no table.

use fastrand::Rng;
use forebay::Value;

/// How a column converts what is stored in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Affinity {
    Integer,
    Text,
    Real,
    Numeric,
    /// No conversion: columns without a type, BLOB and ANY.
    None,
}

const INTEGERS: &[i64] = &[0, 1, 2, 3, 4, 5, 6];
const WIDE_INTEGERS: &[i64] = &[-1, 10, 9_007_199_254_740_993, 9_007_199_254_740_992];
const REALS: &[f64] = &[0.5, 1.0, 1.5, 2.0, 3.0, 4.5];
const ODD_REALS: &[f64] = &[-0.0, 1e300, 9_007_199_254_740_992.0, -1.0];
const TEXTS: &[&str] = &["a", "b", "c", "A", "B", "ab", "d"];
const ODD_TEXTS: &[&str] = &["a ", "b  ", "", "1", "2", "1.0", "a\0b", "é", "É", "01", " a", "1e0"];
/// Texts that an affinity may turn into a number, and that have another form then or not.
const NUMERALS: &[&str] = &["0", "1", "2", "3", "01", "02", "1.0", "2.0", "1e0", " 1"];

const BLOBS: &[&[u8]] = &[b"a", b"1", b"", b"\0", b"A"];

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

/// A value as it is apt to stand in a column of that affinity; now and then one of another class.
pub(crate) fn draw(rng: &mut Rng, affinity: Affinity) -> Value {
    match (rng.u8(..100), affinity) {
        (0..82, Affinity::Integer) => integer(rng),
        (0..74, Affinity::Text) => text(rng),
        (74..82, Affinity::Text) => rng.i64(0..3).into(),
        (0..50, Affinity::Real) => real(rng),
        (50..82, Affinity::Real) | (0..55, Affinity::Numeric) => integer(rng),
        (55..70, Affinity::Numeric) => real(rng),
        (70..82, Affinity::Numeric) => text(rng),
        (0..40, Affinity::None) => integer(rng),
        (40..65, Affinity::None) => text(rng),
        (65..76, Affinity::None) => real(rng),
        (76..82, Affinity::None) => blob(rng),
        (82..90, _) => Value::Null,
        _ => any(rng),
    }
}

/// For a text in a column of the collation with this name: now and then the same text under it, or
/// one of few that meet others which differ.
pub(crate) fn variant(rng: &mut Rng, value: Value, collation: &str) -> Value {
    let Value::Text(text) = &value else { return value };
    match (collation, rng.u8(..3)) {
        ("NOCASE", 0) if text.to_uppercase() == **text => text.to_lowercase().into(),
        ("NOCASE", 0) => text.to_uppercase().into(),
        ("NOCASE", 1) => pick(rng, &["a", "A", "b", "B"]).into(),
        ("RTRIM", 0) => format!("{text} ").into(),
        ("RTRIM", 1) => pick(rng, &["a", "a ", "b", "b  "]).into(),
        _ => value,
    }
}

/// The value, or one that is equal to it under some collation or as another class.
pub(crate) fn near(rng: &mut Rng, value: &Value) -> Value {
    let kind = rng.u8(..10);
    match value {
        _ if kind < 4 => value.clone(),
        Value::Text(text) => match kind {
            4 | 5 if text.to_uppercase() == **text => text.to_lowercase().into(),
            4 | 5 => text.to_uppercase().into(),
            6 | 7 if text.ends_with(' ') => text.trim_end().into(),
            6 | 7 => format!("{text} ").into(),
            8 => text.trim().parse().map_or_else(|_| value.clone(), Value::Integer),
            _ => format!("0{text}").into(),
        },
        Value::Integer(n) => match kind {
            4 | 5 => Value::Real(*n as f64),
            6 => n.to_string().into(),
            7 => format!("0{n}").into(),
            8 => n.saturating_add(1).into(),
            _ => n.saturating_sub(1).into(),
        },
        Value::Real(x) if kind < 7 && x.fract() == 0.0 && x.abs() < 1e15 => {
            Value::Integer(*x as i64)
        }
        Value::Real(x) if kind < 9 => format!("{x:?}").into(),
        _ => value.clone(),
    }
}

/// A value that a STRICT column of that affinity takes.
pub(crate) fn fitting(rng: &mut Rng, affinity: Affinity) -> Value {
    match affinity {
        Affinity::Integer => integer(rng),
        Affinity::Text => text(rng),
        Affinity::Real | Affinity::Numeric => real(rng),
        Affinity::None => any(rng),
    }
}

fn any(rng: &mut Rng) -> Value {
    match rng.u8(..5) {
        0 => Value::Null,
        1 => integer(rng),
        2 => real(rng),
        3 => text(rng),
        _ => blob(rng),
    }
}

fn integer(rng: &mut Rng) -> Value {
    Value::Integer(if rng.u8(..12) == 0 { pick(rng, WIDE_INTEGERS) } else { pick(rng, INTEGERS) })
}

fn real(rng: &mut Rng) -> Value {
    Value::Real(if rng.u8(..6) == 0 { pick(rng, ODD_REALS) } else { pick(rng, REALS) })
}

fn text(rng: &mut Rng) -> Value {
    Value::from(match rng.u8(..12) {
        0 | 1 => pick(rng, NUMERALS),
        2 | 3 => pick(rng, ODD_TEXTS),
        _ => pick(rng, TEXTS),
    })
}

fn blob(rng: &mut Rng) -> Value {
    Value::from(pick(rng, BLOBS))
}

/// The value as it is written in SQL. A text with a NUL has no literal; it is made from a blob.
pub(crate) fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(n) => n.to_string(),
        Value::Real(x) => format!("{x:?}"),
        Value::Text(text) if text.contains('\0') => {
            format!("CAST({} AS TEXT)", hex(text.as_bytes()))
        }
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Blob(blob) => hex(blob),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{digits}'")
}

/// A statement with its parameters, numbered from 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) params: Vec<Value>,
}

impl Statement {
    pub(crate) fn plain(sql: impl Into<String>) -> Statement {
        Statement { sql: sql.into(), params: Vec::new() }
    }

    /// The text with its parameters written out. Highest number first: `?1` begins `?12`.
    pub(crate) fn written_out(&self) -> String {
        let mut sql = self.sql.clone();
        for (index, value) in self.params.iter().enumerate().rev() {
            let name = format!("?{}", index + 1);
            sql = sql.replace(&name, &literal(value));
        }
        sql
    }

    /// The text for people: the parameters beside it.
    pub(crate) fn described(&self) -> String {
        if self.params.is_empty() {
            return format!("{};", self.sql);
        }
        let values: Vec<String> = self.params.iter().map(literal).collect();
        format!("{}; -- with {}", self.sql, values.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_what_they_stand_for() {
        let database = rusqlite::Connection::open_in_memory().unwrap();
        let mut rng = Rng::with_seed(1);
        for _ in 0..2_000 {
            let value = any(&mut rng);
            let sql = format!("SELECT {}", literal(&value));
            let found: rusqlite::types::Value =
                database.query_row(&sql, [], |row| row.get(0)).unwrap();
            let found = match found {
                rusqlite::types::Value::Null => Value::Null,
                rusqlite::types::Value::Integer(n) => Value::Integer(n),
                rusqlite::types::Value::Real(x) => Value::Real(x),
                rusqlite::types::Value::Text(text) => Value::from(text),
                rusqlite::types::Value::Blob(blob) => Value::from(blob),
            };
            // SQLite reads `-0.0` as the negative of zero, which it folds to 0.0.
            let is_zero = |value: &Value| matches!(value, Value::Real(x) if *x == 0.0);
            assert!(found == value || is_zero(&found) && is_zero(&value), "{sql}");
        }
    }

    #[test]
    fn parameters_are_written_out_by_their_whole_number() {
        let params = (1..=11).map(Value::from).collect();
        let statement = Statement { sql: "SELECT ?11, ?1, ?2".to_owned(), params };
        assert_eq!(statement.written_out(), "SELECT 11, 1, 2");
    }
}
