//! Arrays in binary, into a JSON list, with a list in it for each element where there are several
//! dimensions. Where the indices begin is not kept; the server's `array_lower` tells.

use super::decode;
use super::element;
use super::oid::codec;
use super::read::Reader;

/// The server's own limit.
pub(super) const DIMENSIONS_MAX: usize = 6;

/// Bytes of a list at most, as many as the server can put into one value. Without it a few bytes
/// for each element could become a hundred thousand.
const LIST_BYTES_MAX: usize = 1 << 30;

/// An array whose elements must be of the type `element`.
pub(super) fn json(element: u32, bytes: &[u8]) -> Option<String> {
    list(element, bytes, LIST_BYTES_MAX)
}

/// Elements that are not there end it, whatever number of them the dimensions claim.
pub(super) fn list(element: u32, bytes: &[u8], bytes_max: usize) -> Option<String> {
    let mut reader = Reader::new(bytes);
    let dimensions = usize::try_from(reader.i32()?).ok().filter(|n| *n <= DIMENSIONS_MAX)?;
    let _has_nulls = reader.i32()?;
    if reader.u32()? != element {
        return None;
    }
    // Elements in a list of each dimension, from the outermost in.
    let mut sizes = [1_usize; DIMENSIONS_MAX];
    for dimension in 0..dimensions {
        let len = usize::try_from(reader.i32()?).ok()?;
        let _lower_bound = reader.i32()?;
        for size in &mut sizes[..=dimension] {
            *size = size.checked_mul(len)?;
        }
    }
    let sizes = &sizes[..dimensions];
    let len = sizes.first().copied().unwrap_or(0);
    if len == 0 {
        return reader.end("[]".to_owned());
    }
    let codec = codec(element);
    let mut out = String::with_capacity(bytes.len());
    for index in 0..len {
        out.push_str(if index > 0 { "," } else { "" });
        sizes.iter().filter(|size| index % **size == 0).for_each(|_| out.push('['));
        match reader.i32()? {
            -1 => out.push_str("null"),
            size => {
                let bytes = reader.take(usize::try_from(size).ok()?)?;
                element::push(codec, &decode::binary(codec, bytes)?, &mut out);
            }
        }
        sizes.iter().filter(|size| (index + 1) % **size == 0).for_each(|_| out.push(']'));
        if out.len() > bytes_max {
            return None;
        }
    }
    reader.end(out)
}
