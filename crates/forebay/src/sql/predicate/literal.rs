//! Constants of a text as values, where it is certain that SQLite reads them the same. It applies
//! no affinity.

use sqlite3_parser::ast::{Expr, Literal, UnaryOperator};

use super::expression::bare;
use super::occurrence::Operand;
use super::place::unquoted;
use crate::value::Value;

/// Up to this many digits, and powers of ten up to the next, a decimal number is one rounding away
/// from the nearest float; then any correct way of reading it gives the same bits.
const DIGITS_MAX: usize = 15;
const POWER_MAX: i32 = 22;

/// The literal or parameter that an expression is.
pub(super) fn operand(expr: &Expr<'_>) -> Option<Operand> {
    let value = match bare(expr) {
        Expr::Variable(number) => return number.parse().ok().map(Operand::Parameter),
        Expr::Literal(Literal::Null) => Value::Null,
        Expr::Literal(Literal::Numeric(digits)) => number(digits, "")?,
        Expr::Literal(Literal::String(text)) => Value::Text(unquoted(text).into()),
        Expr::Literal(Literal::Blob(digits)) => Value::Blob(bytes(digits)?.into()),
        Expr::Unary(UnaryOperator::Negative, inner) => match bare(inner) {
            Expr::Literal(Literal::Numeric(digits)) => number(digits, "-")?,
            _ => return None,
        },
        _ => return None,
    };
    Some(Operand::Literal(value))
}

/// The number that these digits stand for behind a sign.
fn number(digits: &str, sign: &str) -> Option<Value> {
    if digits.bytes().all(|c| c.is_ascii_digit()) {
        // A whole number beyond 64 bits is a float with many digits.
        return format!("{sign}{digits}").parse().ok().map(Value::Integer);
    }
    if digits.starts_with("0x") || digits.starts_with("0X") {
        let bits = u64::from_str_radix(&digits[2..], 16).ok()?;
        return sign.is_empty().then_some(Value::Integer(bits.cast_signed()));
    }
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let power: i32 = exponent.parse().ok()?;
    let power = power.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let significant = whole.trim_start_matches('0').len() + fraction.len();
    if significant > DIGITS_MAX || power.abs() > POWER_MAX {
        return None;
    }
    format!("{sign}{digits}").parse().ok().map(Value::Real)
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
