//! The statement for many values of one parameter, and which values it takes.

use std::sync::Arc;

use crate::array::Array;
use crate::backend::postgres::type_name;
use crate::error::Result;
use crate::params::Params;
use crate::sql::lateral;
use crate::value::Value;

/// A statement for many values at once.
#[derive(Debug)]
pub(super) struct Joint {
    pub(super) sql: Arc<str>,
    takes: Takes,
}

/// Which values go into a list as what they are alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// Integers within these bounds.
    Integers(i64, i64),
    /// Texts that the server can hold.
    Texts,
    /// Texts of 32 digits with hyphens.
    Uuids,
}

impl Joint {
    /// The statement for a text whose parameters are of these types; else why there is none, as the
    /// end of a sentence that begins with "the statement".
    pub(super) fn new(sql: &str, parameters: &[u32]) -> Result<Joint, &'static str> {
        let [oid] = parameters else {
            return Err("has no parameter, or more than one");
        };
        let name = type_name(*oid).unwrap_or_default();
        let takes = match name {
            "int2" => Takes::Integers(i64::from(i16::MIN), i64::from(i16::MAX)),
            "int4" => Takes::Integers(i64::from(i32::MIN), i64::from(i32::MAX)),
            "int8" => Takes::Integers(i64::MIN, i64::MAX),
            "text" | "varchar" => Takes::Texts,
            "uuid" => Takes::Uuids,
            _ => {
                return Err(
                    "has a parameter of another type than int2, int4, int8, text, varchar \
                     and uuid",
                );
            }
        };
        Ok(Joint { sql: lateral(sql, name)?.into(), takes })
    }

    /// The value of a call, if it is one that goes into the list.
    pub(super) fn value(&self, params: &Params) -> Option<Value> {
        let mut positional = params.positional();
        let value = positional.next()?;
        let is_single = positional.next().is_none() && params.named().next().is_none();
        let is_taken = match (self.takes, value) {
            (Takes::Integers(min, max), Value::Integer(n)) => (min..=max).contains(n),
            (Takes::Texts, Value::Text(text)) => !text.contains('\0'),
            (Takes::Uuids, Value::Text(text)) => is_uuid(text),
            _ => false,
        };
        (is_single && is_taken).then(|| value.clone())
    }
}

/// The list of values as the parameter of the statement.
pub(super) fn list(values: &[Value]) -> Result<Params> {
    let mut params = Params::default();
    params.push(Value::try_from(Array(values))?);
    Ok(params)
}

fn is_uuid(text: &str) -> bool {
    let is_right = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_mean_the_same_in_a_list() {
        let check = |oid: u32, value: Value, expect: bool| {
            let joint = Joint::new("SELECT a FROM t WHERE b = $1", &[oid]).unwrap();
            let mut params = Params::default();
            params.push(value.clone());
            assert_eq!(joint.value(&params), expect.then_some(value.clone()), "{oid}: {value:?}");
            params.push(value);
            assert_eq!(joint.value(&params), None);
        };
        check(23, Value::from(7), true);
        check(23, Value::from(i64::from(i32::MAX) + 1), false);
        check(20, Value::from(i64::MIN), true);
        check(20, Value::from(1.0), false);
        check(20, Value::from("1"), false);
        check(20, Value::Null, false);
        check(25, Value::from("a,\"b{}\\"), true);
        check(25, Value::from(""), true);
        check(25, Value::from("a\0"), false);
        check(25, Value::from(1), false);
        check(2950, Value::from("67e55044-10b1-426f-9247-bb680e5fe0c8"), true);
        check(2950, Value::from("67E55044-10B1-426F-9247-BB680E5FE0C8"), true);
        check(2950, Value::from("67e5504410b1426f9247bb680e5fe0c8"), false);
    }

    #[test]
    fn statements_that_are_run_alone() {
        let check = |sql, types: &[u32], expect: &str| {
            let why = Joint::new(sql, types).unwrap_err();
            assert!(why.contains(expect), "{why}");
        };
        check("SELECT a FROM t WHERE b = $1", &[], "no parameter");
        check("SELECT a FROM t WHERE b = $1", &[20, 20], "more than one");
        check("SELECT a FROM t WHERE b = $1", &[1700], "of another type");
        check("SELECT a FROM t WHERE b = $1", &[20_000], "of another type");
        check("SELECT a FROM t WHERE b = $1 OR c = $1", &[20], "more than once");
    }
}
