//! Values as SQLite compares them: by storage class, then by number, text under a collation, or
//! bytes. What cannot be compared here exactly as SQLite does it is refused, and then counts as
//! a match.
//!
//! Source: "Datatypes In SQLite", sections 4 (comparison) and 7 (collations), and
//! `sqlite3MemCompare`, `nocaseCollatingFunc` and `rtrimCollFunc` in its source.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use crate::sql::{Affinity, Collation};
use crate::value::Value;

/// A value of a stored row, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Integer(i64),
    Real(f64),
    /// Bytes in UTF-8, not necessarily valid.
    Text(&'a [u8]),
    Blob(&'a [u8]),
    /// It cannot be told.
    Unknown,
}

impl Scalar<'_> {
    /// Whether two images of a column are the same, bit by bit; what cannot be told is not.
    pub(crate) fn is_same(self, other: Scalar<'_>) -> bool {
        match (self, other) {
            (Scalar::Null, Scalar::Null) => true,
            (Scalar::Integer(a), Scalar::Integer(b)) => a == b,
            (Scalar::Real(a), Scalar::Real(b)) => a.to_bits() == b.to_bits(),
            (Scalar::Text(a), Scalar::Text(b)) | (Scalar::Blob(a), Scalar::Blob(b)) => a == b,
            _ => false,
        }
    }
}

impl<'a> From<&'a Value> for Scalar<'a> {
    fn from(value: &'a Value) -> Scalar<'a> {
        match value {
            Value::Null => Scalar::Null,
            Value::Integer(n) => Scalar::Integer(*n),
            Value::Real(x) => Scalar::Real(*x),
            Value::Text(text) => Scalar::Text(text.as_bytes()),
            Value::Blob(blob) => Scalar::Blob(blob),
        }
    }
}

/// A value in the form that decides comparisons under one collation. Equal in SQL means equal
/// here, and the order is SQL's, NULL first as in ORDER BY.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Comparand {
    Null,
    Number(Number),
    Text(Box<[u8]>),
    Blob(Box<[u8]>),
}

/// A comparand that borrows its bytes.
#[derive(Hash)]
enum Form<'a> {
    Null,
    Number(Number),
    Text(Cow<'a, [u8]>),
    Blob(&'a [u8]),
}

/// A number; an integral one has one form, whichever way it is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Integer(i64),
    /// Not integral, or beyond 64 bits; never NaN, which SQLite stores as NULL.
    Real(f64),
}

/// What a constant of a statement means in a comparison with a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    /// This value.
    Is(Comparand),
    /// NULL: no comparison with it is true.
    Never,
    /// It cannot be told here what SQLite would make of it.
    Unclear,
}

impl Comparand {
    /// The form of a stored value under `collation`; `None` when it cannot be told.
    pub(crate) fn of(scalar: Scalar<'_>, collation: Collation) -> Option<Comparand> {
        Form::of(scalar, collation).map(|form| match form {
            Form::Null => Comparand::Null,
            Form::Number(number) => Comparand::Number(number),
            Form::Text(bytes) => Comparand::Text(bytes.into()),
            Form::Blob(bytes) => Comparand::Blob(bytes.into()),
        })
    }

    /// Adds the form of a stored value under `collation` to a hash, as the comparand of an equal
    /// constant adds itself; `false` when it cannot be told. Allocates nothing under BINARY.
    pub(crate) fn hash_of<H: Hasher>(
        scalar: Scalar<'_>,
        collation: Collation,
        state: &mut H,
    ) -> bool {
        Form::of(scalar, collation).map(|form| form.hash(state)).is_some()
    }

    /// Bytes that it takes.
    pub(crate) fn size(&self) -> usize {
        let heap = match self {
            Comparand::Null | Comparand::Number(_) => 0,
            Comparand::Text(bytes) | Comparand::Blob(bytes) => bytes.len(),
        };
        size_of::<Comparand>() + heap
    }
}

impl Constant {
    /// What `value`, a literal or a parameter and so without an affinity of its own, means beside
    /// a column with `affinity` when the comparison uses `collation`.
    ///
    /// A column with a numeric affinity turns text into a number where it looks like one; only
    /// plain decimal integers are turned here. A TEXT column turns numbers into text; only
    /// integers are turned here.
    pub(crate) fn of(value: &Value, affinity: Affinity, collation: Collation) -> Constant {
        let is = |scalar| Comparand::of(scalar, collation).map_or(Constant::Unclear, Constant::Is);
        match (affinity, value) {
            (_, Value::Null) => Constant::Never,
            (_, Value::Real(x)) if x.is_nan() => Constant::Never,
            (Affinity::Numeric | Affinity::Integer | Affinity::Real, Value::Text(text)) => {
                match plain_integer(text) {
                    Some(n) => is(Scalar::Integer(n)),
                    None => Constant::Unclear,
                }
            }
            (Affinity::Text, Value::Integer(n)) => is(Scalar::Text(n.to_string().as_bytes())),
            (Affinity::Text, Value::Real(_)) => Constant::Unclear,
            (_, value) => is(Scalar::from(value)),
        }
    }
}

/// The number that a text of at most 18 digits without frills stands for.
fn plain_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = (1..=18).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (!digits.starts_with('0') || text == "0");
    if is_plain { text.parse().ok() } else { None }
}

impl Hash for Comparand {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let form = match self {
            Comparand::Null => Form::Null,
            Comparand::Number(number) => Form::Number(*number),
            Comparand::Text(bytes) => Form::Text(Cow::Borrowed(bytes)),
            Comparand::Blob(bytes) => Form::Blob(bytes),
        };
        form.hash(state);
    }
}

impl<'a> Form<'a> {
    fn of(scalar: Scalar<'a>, collation: Collation) -> Option<Form<'a>> {
        Some(match scalar {
            Scalar::Null => Form::Null,
            Scalar::Integer(n) => Form::Number(Number::Integer(n)),
            Scalar::Real(x) if x.is_nan() => Form::Null,
            Scalar::Real(x) => Form::Number(Number::of(x)),
            Scalar::Text(bytes) => Form::Text(fold(bytes, collation)?),
            Scalar::Blob(bytes) => Form::Blob(bytes),
            Scalar::Unknown => return None,
        })
    }
}

/// Text as `collation` sees it.
fn fold(bytes: &[u8], collation: Collation) -> Option<Cow<'_, [u8]>> {
    match collation {
        Collation::Binary => Some(Cow::Borrowed(bytes)),
        Collation::Rtrim => {
            let end = bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
            Some(Cow::Borrowed(&bytes[..end]))
        }
        // SQLite's comparison without case stops at a NUL byte, but then looks at the lengths.
        Collation::Nocase if bytes.contains(&0) => None,
        Collation::Nocase => Some(Cow::Owned(bytes.to_ascii_lowercase())),
    }
}

impl Number {
    fn of(x: f64) -> Number {
        // 2^63 is the first float beyond; -2^63 itself is an integer.
        const BEYOND: f64 = 9_223_372_036_854_775_808.0;
        if x.trunc() == x && (-BEYOND..BEYOND).contains(&x) {
            Number::Integer(x as i64)
        } else {
            Number::Real(x)
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        match (*self, *other) {
            (Number::Integer(a), Number::Integer(b)) => a.cmp(&b),
            (Number::Real(a), Number::Real(b)) => a.total_cmp(&b),
            (Number::Integer(a), Number::Real(b)) => beside(a, b),
            (Number::Real(a), Number::Integer(b)) => beside(b, a).reverse(),
        }
    }
}

/// An integer beside a float that is not integral or beyond 64 bits; never equal.
fn beside(integer: i64, real: f64) -> Ordering {
    // The conversion saturates, so a float beyond all integers compares as it should; among the
    // others the floor is exact, and the float lies above it.
    if real < i64::MIN as f64 {
        Ordering::Greater
    } else if integer <= real.floor() as i64 {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Number::Integer(n) => n.hash(state),
            Number::Real(x) => x.to_bits().hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of every kind that comparisons treat in a way of its own.
    const NUMBERS: [f64; 9] = [
        0.0,
        -0.0,
        1.5,
        -1.5,
        1e300,
        -1e300,
        f64::INFINITY,
        f64::NEG_INFINITY,
        9_007_199_254_740_992.0,
    ];

    fn scalars() -> Vec<Value> {
        let mut values = vec![Value::Null];
        for n in [0, 1, -1, i64::MAX, i64::MIN, 9_007_199_254_740_993, i64::MAX - 1] {
            values.push(Value::from(n));
            values.push(Value::from(n as f64));
            values.push(Value::from(n.to_string()));
        }
        values.extend(NUMBERS.map(Value::from));
        for text in [
            "", "a", "A", "a ", "A  ", " a", "a\t", "ab", "a\u{e4}", "A\u{c4}", "[", "_", "1.0",
            "01", "1 ",
        ] {
            values.push(Value::from(text));
            values.push(Value::from(text.as_bytes()));
        }
        values
    }

    fn hash(value: &Comparand) -> u64 {
        use std::hash::BuildHasher;
        foldhash::fast::FixedState::with_seed(0).hash_one(value)
    }

    /// The order and equality of every pair are SQLite's own, under each collation.
    #[test]
    fn comparands_compare_as_sqlite_does() {
        let bare = rusqlite::Connection::open_in_memory().unwrap();
        for (name, collation) in [
            ("BINARY", Collation::Binary),
            ("NOCASE", Collation::Nocase),
            ("RTRIM", Collation::Rtrim),
        ] {
            let sql = format!("SELECT ?1 < ?2 COLLATE {name}, ?1 = ?2 COLLATE {name}");
            let mut ask = bare.prepare(&sql).unwrap();
            for a in scalars() {
                for b in scalars() {
                    let (less, equal): (Option<bool>, Option<bool>) =
                        ask.query_row([&a, &b], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
                    let of = |value| Comparand::of(Scalar::from(value), collation).unwrap();
                    let (x, y) = (of(&a), of(&b));
                    if let (Some(less), Some(equal)) = (less, equal) {
                        assert_eq!((x < y, x == y), (less, equal), "{a:?} {b:?} {name}");
                    }
                    assert!(x != y || hash(&x) == hash(&y), "{a:?} {b:?}");
                }
            }
        }
    }

    /// A stored value equals a constant here exactly when SQLite finds it equal in a column of
    /// that affinity; and what is unclear is never taken for a value.
    #[test]
    fn constants_meet_columns_as_in_sqlite() {
        let affinities = [
            ("BLOB", Affinity::Blob),
            ("TEXT", Affinity::Text),
            ("NUMERIC", Affinity::Numeric),
            ("INTEGER", Affinity::Integer),
            ("REAL", Affinity::Real),
        ];
        for (name, affinity) in affinities {
            let bare = rusqlite::Connection::open_in_memory().unwrap();
            bare.execute_batch(&format!("CREATE TABLE t (x {name})")).unwrap();
            for stored in scalars() {
                bare.execute("DELETE FROM t", []).unwrap();
                bare.execute("INSERT INTO t VALUES (?)", [&stored]).unwrap();
                let image: rusqlite::types::Value =
                    bare.query_row("SELECT x FROM t", [], |row| row.get(0)).unwrap();
                use rusqlite::types::Value as Stored;
                let scalar = match &image {
                    Stored::Null => Scalar::Null,
                    Stored::Integer(n) => Scalar::Integer(*n),
                    Stored::Real(x) => Scalar::Real(*x),
                    Stored::Text(text) => Scalar::Text(text.as_bytes()),
                    Stored::Blob(bytes) => Scalar::Blob(bytes),
                };
                let held = Comparand::of(scalar, Collation::Binary).unwrap();
                for value in scalars() {
                    let (equal, less): (Option<bool>, Option<bool>) = bare
                        .query_row("SELECT x = ?1, x < ?1 FROM t", [&value], |row| {
                            Ok((row.get(0)?, row.get(1)?))
                        })
                        .unwrap();
                    match Constant::of(&value, affinity, Collation::Binary) {
                        Constant::Never => assert_eq!(equal, None),
                        Constant::Is(constant) if scalar != Scalar::Null => assert_eq!(
                            (equal, less),
                            (Some(held == constant), Some(held < constant)),
                            "{name}: {stored:?} beside {value:?}"
                        ),
                        Constant::Is(_) | Constant::Unclear => {}
                    }
                }
            }
        }
    }
}
