//! What the fields of a column are: said on the command line, or found out from the first of them.

use forebay::Value;

use crate::exit::Usage;

/// The kind of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Real,
    Boolean,
    Text,
    Json,
    Bytes,
}

impl Kind {
    /// Reads `column=kind`.
    pub(super) fn parse(given: &str) -> Result<(String, Kind), Usage> {
        let wrong = || {
            Usage(format!(
                "--type {given}: write COLUMN=KIND, with a kind of integer, real, boolean, text, \
                 json or bytes"
            ))
        };
        let (column, kind) = given.rsplit_once('=').ok_or_else(wrong)?;
        let kind = match kind {
            "integer" => Kind::Integer,
            "real" => Kind::Real,
            "boolean" => Kind::Boolean,
            "text" => Kind::Text,
            "json" => Kind::Json,
            "bytes" => Kind::Bytes,
            _ => return Err(wrong()),
        };
        Ok((column.to_owned(), kind))
    }

    /// The value of a field that must be of this kind.
    pub(super) fn value(self, field: &str) -> Result<Value, String> {
        let value = match self {
            Kind::Integer => field.parse::<i64>().ok().map(Value::from),
            Kind::Real => field.parse::<f64>().ok().map(Value::from),
            Kind::Boolean => match field {
                "true" | "t" | "1" | "yes" => Some(true.into()),
                "false" | "f" | "0" | "no" => Some(false.into()),
                _ => None,
            },
            Kind::Text => Some(field.into()),
            Kind::Json => {
                serde_json::from_str::<serde_json::Value>(field).ok().map(|_| field.into())
            }
            Kind::Bytes => bytes(field).map(Value::from),
        };
        value.ok_or_else(|| format!("is not of the kind {self:?}").to_lowercase())
    }
}

fn bytes(field: &str) -> Option<Vec<u8>> {
    let digits = field.strip_prefix("\\x").unwrap_or(field).as_bytes();
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let (pairs, odd) = digits.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    bytes.collect::<Option<Vec<u8>>>().filter(|_| odd.is_empty())
}

/// What is found out of a column whose kind nobody has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    /// No field so far that is not NULL.
    Nothing,
    Integer,
    Real,
    Text,
}

impl Guess {
    /// The same after one more field.
    pub(super) fn after(self, field: &str) -> Guess {
        let found = match () {
            () if is_integer(field) => Guess::Integer,
            () if is_real(field) => Guess::Real,
            () => Guess::Text,
        };
        match (self, found) {
            (Guess::Nothing, found) => found,
            (Guess::Integer, Guess::Real) | (Guess::Real, Guess::Integer) => Guess::Real,
            (guess, found) if guess == found => guess,
            _ => Guess::Text,
        }
    }

    /// The value of a field. It loses nothing: what is not written as a number is stays text.
    pub(super) fn value(self, field: &str) -> Value {
        match self {
            Guess::Integer | Guess::Real if is_integer(field) => {
                field.parse::<i64>().map_or_else(|_| field.into(), Value::from)
            }
            Guess::Real if is_real(field) => {
                field.parse::<f64>().map_or_else(|_| field.into(), Value::from)
            }
            _ => field.into(),
        }
    }
}

/// Whether it is what an integer is written as: not `007`, `+7` or `7 `.
fn is_integer(field: &str) -> bool {
    field.parse::<i64>().is_ok_and(|n| n.to_string() == field)
}

/// The same for a number with a fraction: not `1.50`, of which a column of text would lose a digit.
fn is_real(field: &str) -> bool {
    let is_same = |x: f64| x.is_finite() && (format!("{x}") == field || format!("{x:?}") == field);
    field.parse::<f64>().is_ok_and(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_out_and_nothing_is_lost() {
        let check = |fields: &[&str], expect: Guess| {
            let guess = fields.iter().fold(Guess::Nothing, |guess, field| guess.after(field));
            assert_eq!(guess, expect, "{fields:?}");
        };
        check(&[], Guess::Nothing);
        check(&["1", "-7"], Guess::Integer);
        check(&["1", "2.5"], Guess::Real);
        check(&["1", "007"], Guess::Text);
        check(&["1.50"], Guess::Text);
        check(&["1", "x", "2"], Guess::Text);
        check(&["NaN"], Guess::Text);
        check(&["99999999999999999999"], Guess::Text);
        assert_eq!(Guess::Integer.value("12"), Value::Integer(12));
        assert_eq!(Guess::Integer.value("012"), Value::from("012"));
        assert_eq!(Guess::Real.value("2.5"), Value::Real(2.5));
        assert_eq!(Guess::Text.value("12"), Value::from("12"));
    }

    #[test]
    fn kinds_that_are_said_are_kept_to() {
        let check = |given: &str, field: &str, expect: Option<Value>| {
            let (column, kind) = Kind::parse(given).unwrap();
            assert_eq!((column.as_str(), kind.value(field).ok()), ("a=b", expect), "{given}");
        };
        check("a=b=integer", "007", Some(7.into()));
        check("a=b=integer", "7.0", None);
        check("a=b=real", "1e3", Some(1000.0.into()));
        check("a=b=boolean", "yes", Some(true.into()));
        check("a=b=boolean", "maybe", None);
        check("a=b=text", "7", Some("7".into()));
        check("a=b=json", "[1, 2]", Some("[1, 2]".into()));
        check("a=b=json", "[1, 2", None);
        check("a=b=bytes", "00fF", Some(vec![0_u8, 255].into()));
        check("a=b=bytes", "\\x0", None);
        for wrong in ["a", "a=", "a=int"] {
            assert!(Kind::parse(wrong).is_err());
        }
    }
}
