//! `numeric` in binary, into the digits that the server would write: as many after the point as
//! the value's scale says.

use super::read::Reader;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;

/// The most digits after the point that the server writes.
const SCALE_MAX: u16 = 0x3fff;

/// Decimal digits in each of the digits that are sent, which have the base 10,000.
const GROUP: usize = 4;

/// A few bytes may stand for 131,072 digits before the point and 16,383 after it, as `1e131071`
/// does; there are no more.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let mut reader = Reader::new(bytes);
    let (len, weight) = (usize::from(reader.u16()?), reader.i16()?);
    let (sign, scale) = (reader.u16()?, reader.u16()?);
    let digits = reader.take(2 * len)?;
    reader.end(())?;
    match sign {
        POSITIVE | NEGATIVE if scale <= SCALE_MAX => (),
        NAN => return Some("NaN".to_owned()),
        INFINITY => return Some("Infinity".to_owned()),
        NEGATIVE_INFINITY => return Some("-Infinity".to_owned()),
        _ => return None,
    }
    let (pairs, _) = digits.as_chunks::<2>();
    if pairs.iter().any(|pair| u16::from_be_bytes(*pair) >= 10_000) {
        return None;
    }
    let group = |index: i32| {
        let pair = usize::try_from(index).ok().and_then(|index| pairs.get(index));
        pair.map_or(0, |pair| u16::from_be_bytes(*pair))
    };
    let (weight, scale) = (i32::from(weight), usize::from(scale));
    let mut out = String::with_capacity(2 + GROUP * (weight.max(0) as usize + 1) + scale);
    for index in 0..=weight {
        push(group(index), &mut out);
    }
    let zeros = out.bytes().take_while(|digit| *digit == b'0').count();
    out.drain(..zeros.min(out.len().saturating_sub(1)));
    if out.is_empty() {
        out.push('0');
    }
    if scale > 0 {
        out.push('.');
        let end = out.len() + scale;
        let mut index = weight + 1;
        if weight < 0 {
            // The groups between the point and the first digit are not sent.
            index = 0;
            let zeros = (-1 - weight) as usize * GROUP;
            out.extend(std::iter::repeat_n('0', zeros.min(scale)));
        }
        while out.len() < end {
            push(group(index), &mut out);
            index += 1;
        }
        out.truncate(end);
    }
    if sign == NEGATIVE {
        out.insert(0, '-');
    }
    Some(out)
}

fn push(group: u16, out: &mut String) {
    for unit in [1000, 100, 10, 1] {
        out.push(char::from(b'0' + u8::try_from(group / unit % 10).expect("it is one digit")));
    }
}
