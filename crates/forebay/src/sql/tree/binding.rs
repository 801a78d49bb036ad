//! What a bound value means to the server, as far as that is certain. A value whose meaning is not
//! certain here sends the call past the cache, since conditions on it could be missed.

use std::collections::BTreeMap;

use super::clock;
use super::kind::Kind;
use super::moment;
use super::typing::{BOOL, INT2, INT4, INT8, OID, TEXT, TIMETZ, UUID, VARCHAR, is_of_time};
use crate::sql::{Occurrence, Operand, Test};
use crate::value::Value;

/// The types of the parameters that a statement uses, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters(pub(super) BTreeMap<usize, u32>);

impl Parameters {
    /// Those that the conditions on a table use, of a statement whose parameters have these types.
    pub(crate) fn of_operands(occurrence: &Occurrence, types: &[u32]) -> Parameters {
        let operands = occurrence.conjuncts.iter().flat_map(|conjunct| match &conjunct.test {
            Test::OneOf(operands) => operands.iter().collect::<Vec<_>>(),
            Test::Range { low, high } => {
                low.iter().chain(high).map(|bound| &bound.operand).collect()
            }
            Test::Null => Vec::new(),
        });
        let numbers = operands.filter_map(|operand| match operand {
            Operand::Parameter(number) => Some(*number),
            Operand::Literal(_) => None,
        });
        let typed =
            numbers.filter_map(|number| Some((number, *types.get(number.checked_sub(1)?)?)));
        Parameters(typed.collect())
    }

    /// How many it uses.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The values as they are to be given to the dependency index, in place of the bound ones: an
    /// integer for whole numbers and truth values, a uuid as the server writes it. `None` when the
    /// call has to go past the cache.
    ///
    /// `values` are those of the parameters from the first one on. The bound values themselves
    /// belong into the key.
    pub(crate) fn meanings(&self, values: &[&Value]) -> Option<Vec<Value>> {
        let mut meanings: Vec<Value> = values.iter().map(|value| (*value).clone()).collect();
        for (number, type_oid) in &self.0 {
            let at = number.checked_sub(1)?;
            let value = meanings.get_mut(at)?;
            *value = meaning(*type_oid, value)?;
        }
        Some(meanings)
    }

    /// The values as they lie in ranges. One whose meaning is not certain becomes one that lies in
    /// no range for certain, and outside of none.
    pub(crate) fn points(&self, values: &[Value]) -> Vec<Value> {
        let mut points = values.to_vec();
        for (number, type_oid) in &self.0 {
            let value = number.checked_sub(1).and_then(|at| points.get_mut(at));
            if let (Some(value), Some(kind)) = (value, Kind::ranged(*type_oid)) {
                *value = point(*type_oid, value).unwrap_or_else(|| kind.unclear());
            }
        }
        points
    }
}

/// Where a value lies among those of a type whose ranges are told apart; `None` if its meaning to
/// the server is not certain.
pub(crate) fn point(type_oid: u32, value: &Value) -> Option<Value> {
    let read = match Kind::ranged(type_oid)? {
        Kind::Date => moment::date,
        Kind::Timestamp => moment::timestamp,
        Kind::Timestamptz => moment::timestamptz,
        Kind::Integer | Kind::Text | Kind::Uuid => return meaning(type_oid, value),
    };
    match value {
        Value::Null => Some(Value::Null),
        Value::Text(text) => read(text).map(Value::Integer),
        _ => None,
    }
}

fn meaning(type_oid: u32, value: &Value) -> Option<Value> {
    match (type_oid, value) {
        (_, Value::Null) => Some(Value::Null),
        (TIMETZ, _) => None,
        (BOOL, Value::Integer(n)) => (0..=1).contains(n).then_some(Value::Integer(*n)),
        (BOOL, Value::Text(text)) => match text.as_str() {
            "t" | "true" => Some(Value::Integer(1)),
            "f" | "false" => Some(Value::Integer(0)),
            _ => None,
        },
        // The server takes a negative number for an oid, and wraps it around.
        (OID, Value::Integer(n)) => u32::try_from(*n).is_ok().then_some(Value::Integer(*n)),
        (INT2 | INT4 | INT8, Value::Integer(n)) => Some(Value::Integer(*n)),
        (INT2 | INT4 | INT8, Value::Text(text)) => integer(text).map(Value::Integer),
        (UUID, Value::Text(text)) => uuid(text).map(Value::from),
        (TEXT | VARCHAR, Value::Text(_)) => Some(value.clone()),
        (oid, _) if Kind::of(oid).is_some() => None,
        (oid, Value::Text(text)) if is_of_time(oid) => clock::is_fixed(text).then(|| value.clone()),
        (oid, _) if is_of_time(oid) => None,
        // No condition rests on it.
        (_, value) => Some(value.clone()),
    }
}

/// The number that digits without frills stand for.
fn integer(text: &str) -> Option<i64> {
    let n: i64 = text.parse().ok()?;
    (n.to_string() == text).then_some(n)
}

/// A uuid as the server writes it, from 32 digits in either case with its four hyphens or none.
fn uuid(text: &str) -> Option<String> {
    let is_hyphenated = text.len() == 36;
    let mut plain = String::with_capacity(36);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'-' if is_hyphenated && matches!(at, 8 | 13 | 18 | 23) => {}
            byte if byte.is_ascii_hexdigit() => {
                if matches!(plain.len(), 8 | 13 | 18 | 23) {
                    plain.push('-');
                }
                plain.push(char::from(byte.to_ascii_lowercase()));
            }
            _ => return None,
        }
    }
    (plain.len() == 36).then_some(plain)
}
