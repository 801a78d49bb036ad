//! JSON written straight into a bounded buffer: no tree of values in between. The forms of a row
//! belong to the doors; here is what they share.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use forebay::Value;
use serde::Serialize;

use crate::failure::Failure;
use crate::memory::Held;

/// Written without padding, as libSQL's own server does; read with or without it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes that are written in one turn of a task: about a millisecond.
const TURN_BYTES: usize = 256 << 10;

/// The JSON of an answer while it is written.
pub(crate) struct Answer {
    bytes: Vec<u8>,
    bytes_max: usize,
    /// Bytes of the bound that are kept for what must be told in any case.
    reserved: usize,
    held: Held,
    held_bytes: usize,
    /// How long it was when other tasks had their turn last.
    yielded_at: usize,
}

/// A place in an answer to go back to.
#[derive(Clone, Copy)]
pub(crate) struct Mark(usize);

impl Answer {
    pub(crate) fn new(bytes_max: usize, held: Held) -> Answer {
        let (reserved, held_bytes, yielded_at) = (0, 0, 0);
        Answer { bytes: Vec::new(), bytes_max, reserved, held, held_bytes, yielded_at }
    }

    /// The buffer to append to; [`Answer::check`] must follow within a row.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Appends what stands between values, or what has its space reserved. It is not checked.
    pub(crate) fn raw(&mut self, json: &str) {
        self.bytes.extend_from_slice(json.as_bytes());
    }

    /// Appends a value, and fails when the answer is then beyond its bounds.
    pub(crate) fn put(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        put(&mut self.bytes, value);
        self.check()
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark(self.bytes.len())
    }

    /// Forgets what was written since `mark`, and gives back the memory that was refused to it.
    pub(crate) fn undo(&mut self, mark: Mark) {
        self.bytes.truncate(mark.0);
        if self.bytes.capacity() > self.held_bytes {
            self.bytes.shrink_to(self.held_bytes);
        }
    }

    /// Keeps `bytes` free for what must be told later, whatever comes in between.
    pub(crate) fn reserve(&mut self, bytes: usize) -> Result<(), Failure> {
        if self.room() < bytes {
            return Err(Failure::response_too_large(format!(
                "there are more results than fit into an answer of {} bytes \
                 (response_bytes_max); ask for fewer at a time",
                self.bytes_max
            )));
        }
        self.reserved += bytes;
        self.check().inspect_err(|_| self.reserved -= bytes)
    }

    /// Gives back reserved space, to write to it or because it was not needed.
    pub(crate) fn release(&mut self, bytes: usize) {
        self.reserved = self.reserved.saturating_sub(bytes);
    }

    /// Bytes that may still be written.
    pub(crate) fn room(&self) -> usize {
        self.bytes_max.saturating_sub(self.bytes.len() + self.reserved)
    }

    /// Fails when the answer is beyond its bound, or the service as a whole is.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        let needed = self.bytes.len() + self.reserved;
        if needed > self.bytes_max {
            return Err(self.too_large());
        }
        self.hold(self.bytes.capacity().max(needed))
    }

    fn hold(&mut self, bytes: usize) -> Result<(), Failure> {
        self.held.grow_to(bytes)?;
        self.held_bytes = self.held_bytes.max(bytes);
        Ok(())
    }

    /// Fails when there is no room for `bytes` more. Otherwise they are held, and so much can be
    /// told of what is done now.
    pub(crate) fn make_room(&mut self, bytes: usize) -> Result<(), Failure> {
        if self.room() < bytes {
            return Err(Failure::not_run());
        }
        self.hold(self.bytes.len() + self.reserved + bytes)
    }

    /// Fails when `row` alone is beyond the bounds, before any of it is written: as JSON it may be
    /// several times as long as its values are.
    pub(crate) fn admit(&mut self, row: &[Value]) -> Result<(), Failure> {
        let bytes: usize = row.iter().map(value_bytes_max).sum();
        if bytes <= TURN_BYTES.min(self.room()) {
            return Ok(());
        }
        let bytes: usize = row.iter().map(value_bytes_min).sum();
        if bytes > self.room() {
            return Err(self.too_large());
        }
        self.hold(self.bytes.len() + self.reserved + bytes)
    }

    /// Lets other tasks have a turn now and then, so that a large answer holds up nobody. To be
    /// called within a row.
    pub(crate) async fn breathe(&mut self) {
        if self.bytes.len().saturating_sub(self.yielded_at) > TURN_BYTES {
            self.yielded_at = self.bytes.len();
            tokio::task::yield_now().await;
        }
    }

    fn too_large(&self) -> Failure {
        Failure::response_too_large(format!(
            "the answer is larger than {} bytes (response_bytes_max); ask for fewer rows with \
             LIMIT, or read it with a cursor",
            self.bytes_max
        ))
    }

    pub(crate) fn finish(self) -> (Vec<u8>, Held) {
        (self.bytes, self.held)
    }
}

/// The most that a value takes as JSON of any door.
fn value_bytes_max(value: &Value) -> usize {
    64 + match value {
        Value::Text(text) => 6 * text.len(),
        Value::Blob(blob) => 2 * blob.len(),
        Value::Null | Value::Integer(_) | Value::Real(_) => 0,
    }
}

/// The least: its text or base64 without what a door writes around it.
fn value_bytes_min(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.bytes().map(escaped_bytes).sum(),
        Value::Blob(blob) => blob.len() / 3 * 4,
        Value::Null | Value::Integer(_) | Value::Real(_) => 1,
    }
}

fn escaped_bytes(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

/// Appends anything that serialises.
pub(crate) fn put(out: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(out, value).expect("a Vec takes every write, and keys are strings");
}

/// Appends a float. JSON has no infinity, but `1e999` is a number to its grammar, and reads as
/// infinity where numbers are doubles; `null` would be another value. For NaN there is nothing: it
/// is for the caller to say so in another way.
pub(crate) fn put_real(out: &mut Vec<u8>, x: f64) {
    if x == f64::INFINITY {
        out.extend_from_slice(b"1e999");
    } else if x == f64::NEG_INFINITY {
        out.extend_from_slice(b"-1e999");
    } else {
        put(out, &x);
    }
}

/// Appends `{"base64":".."}` without its braces.
pub(crate) fn put_base64(out: &mut Vec<u8>, blob: &[u8]) {
    out.extend_from_slice(b"\"base64\":\"");
    let start = out.len();
    let length = base64::encoded_len(blob.len(), false).expect("a blob is far below usize::MAX");
    out.resize(start + length, 0);
    let written = BASE64.encode_slice(blob, &mut out[start..]).expect("the space is what it takes");
    out.truncate(start + written);
    out.push(b'"');
}

/// The bytes of base64 text, padded or not.
pub(crate) fn base64_decode(text: &str) -> Result<Vec<u8>, String> {
    BASE64.decode(text).map_err(|error| format!("not base64: {error}"))
}

/// The same for text that is made for URLs and headers.
pub(crate) fn base64_url(bytes: &[u8]) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn base64_url_decode(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;

    #[test]
    fn floats_keep_their_value() {
        for (x, expect) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e300, "1e+300"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "1e999"),
            (f64::NEG_INFINITY, "-1e999"),
        ] {
            let mut out = Vec::new();
            put_real(&mut out, x);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text, expect);
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), x.to_bits());
        }
    }

    #[test]
    fn base64_is_read_with_and_without_padding() {
        for (text, expect) in [
            ("", Some(&b""[..])),
            ("AA==", Some(b"\0")),
            ("AA", Some(b"\0")),
            ("/+8", Some(b"\xff\xef")),
            ("A", None),
            ("_-8", None),
        ] {
            assert_eq!(base64_decode(text).ok().as_deref(), expect, "{text}");
        }
        let mut out = Vec::new();
        put_base64(&mut out, b"\xff\xef");
        assert_eq!(out, br#""base64":"/+8""#);
    }

    #[test]
    fn an_answer_is_bounded_and_can_be_taken_back() {
        let memory = Memory::new(1 << 20);
        let mut answer = Answer::new(8, memory.hold());
        answer.raw("[1");
        answer.check().unwrap();
        let mark = answer.mark();
        assert_eq!(answer.put(&"far too long").unwrap_err().code, "RESPONSE_TOO_LARGE");
        assert_eq!(answer.room(), 0);
        answer.undo(mark);
        answer.raw("]");
        answer.check().unwrap();
        let (bytes, held) = answer.finish();
        assert_eq!(bytes, b"[1]");
        drop(held);
        assert_eq!(memory.free(), 1 << 20);
    }

    #[test]
    fn a_row_is_measured_before_it_is_written() {
        for row in [
            [Value::from("a\"\\\n\u{1}\u{7f}ä😀"), Value::from(vec![1, 2, 3, 4])],
            [Value::Null, Value::Integer(i64::MIN)],
            [Value::Real(f64::MIN_POSITIVE), Value::from("")],
        ] {
            for value in &row {
                let mut out = Vec::new();
                match value {
                    Value::Text(text) => put(&mut out, &text.as_str()),
                    Value::Blob(blob) => put_base64(&mut out, blob),
                    Value::Null => put(&mut out, &()),
                    Value::Integer(n) => put(&mut out, n),
                    Value::Real(x) => put_real(&mut out, *x),
                }
                assert!(value_bytes_min(value) <= out.len(), "{value:?}");
                assert!(value_bytes_max(value) >= out.len() + 30, "{value:?}");
                if let Value::Text(_) = value {
                    assert_eq!(value_bytes_min(value) + 2, out.len(), "{value:?}");
                }
            }
        }
        let memory = Memory::new(1 << 20);
        let mut answer = Answer::new(5_000, memory.hold());
        answer.admit(&[Value::from("\u{1}".repeat(800))]).unwrap();
        let refused = answer.admit(&[Value::from("\u{1}".repeat(1_000))]).unwrap_err();
        assert_eq!(refused.code, "RESPONSE_TOO_LARGE");
        let mut answer = Answer::new(4 << 20, memory.hold());
        let refused = answer.admit(&[Value::from("x".repeat(2 << 20))]).unwrap_err();
        assert_eq!(refused.code, "MEMORY_EXHAUSTED");
    }

    #[test]
    fn reserved_space_is_nobody_elses() {
        let memory = Memory::new(1 << 20);
        let mut answer = Answer::new(8, memory.hold());
        answer.reserve(5).unwrap();
        assert_eq!(answer.room(), 3);
        let mark = answer.mark();
        assert_eq!(answer.put(&1234).unwrap_err().code, "RESPONSE_TOO_LARGE");
        answer.undo(mark);
        answer.put(&123).unwrap();
        assert_eq!(answer.reserve(1).unwrap_err().code, "RESPONSE_TOO_LARGE");
        answer.release(5);
        answer.put(&45678).unwrap();
        assert_eq!(answer.finish().0, b"12345678");
    }

    #[test]
    fn memory_that_was_refused_is_given_back() {
        let memory = Memory::new(4 << 10);
        let mut answer = Answer::new(1 << 20, memory.hold());
        answer.reserve(1_000).unwrap();
        let mark = answer.mark();
        let refused = answer.put(&"x".repeat(8 << 10)).unwrap_err();
        assert_eq!(refused.code, "MEMORY_EXHAUSTED");
        answer.undo(mark);
        answer.put(&"short").unwrap();
    }
}
