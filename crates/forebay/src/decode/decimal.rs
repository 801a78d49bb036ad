//! Decimal digits into Rust's numbers. Integers come out exactly or not at all. A float is the
//! nearest one, for numbers of which it holds the whole part; digits after the point are rounded,
//! since a type whose every second value has too many of them would be of no use.

use super::fault::Fault;

const HINT: &str = "use String or a decimal type, or CAST in the statement";

macro_rules! integers {
    ($($type:ident)*) => {$(
        /// The integer that these digits are; zeros after the point do not matter.
        pub(super) fn $type(digits: &str) -> Result<$type, Fault> {
            match whole(digits) {
                Ok(whole) => whole.parse::<$type>().map_err(|_| {
                    let range = format!(
                        "a number outside of {} to {}", $type::MIN, $type::MAX
                    );
                    Fault::mismatch(stringify!($type), range, Some(HINT.into()))
                }),
                Err(found) => Err(Fault::mismatch(stringify!($type), found, Some(HINT.into()))),
            }
        }
    )*};
}

integers! { i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 }

macro_rules! floats {
    ($($type:ident)*) => {$(
        /// The float nearest to these digits; from 2 to the power of its precision on, only the
        /// float that they are.
        pub(super) fn $type(digits: &str) -> Result<$type, Fault> {
            let x = digits.parse::<$type>().unwrap_or($type::NAN);
            let is_held = match whole(digits) {
                _ if matches!(digits, "NaN" | "Infinity" | "-Infinity") => true,
                _ if !x.is_finite() => false,
                _ if x == 0.0 => !digits.bytes().any(|digit| matches!(digit, b'1'..=b'9')),
                _ if x.abs() < (2.0 as $type).powi($type::MANTISSA_DIGITS as i32) => true,
                Ok(whole) => whole == format!("{x:.0}"),
                Err(_) => false,
            };
            if is_held {
                return Ok(x);
            }
            let found = concat!("a number that no ", stringify!($type), " is close enough to");
            Err(Fault::mismatch(stringify!($type), found, Some(HINT.into())))
        }
    )*};
}

floats! { f32 f64 }

/// The digits before the point if there is nothing after it, or else what was found.
fn whole(digits: &str) -> Result<&str, &'static str> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = whole.bytes().all(|byte| matches!(byte, b'-' | b'0'..=b'9'));
    match fraction.bytes().all(|byte| byte == b'0') {
        _ if !is_number || fraction.contains(['e', 'E']) => {
            Err("a number with an exponent, or none")
        }
        true if whole == "-0" => Ok("0"),
        true => Ok(whole),
        false => Err("a number with a fraction"),
    }
}
