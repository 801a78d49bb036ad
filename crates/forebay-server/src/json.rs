//! JSON written straight into a bounded buffer: no tree of values in between. The forms of a row
//! belong to the doors; here is what they share.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
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
    held: Held,
    /// How long it was when other tasks had their turn last.
    yielded_at: usize,
}

/// A place in an answer to go back to.
#[derive(Clone, Copy)]
pub(crate) struct Mark(usize);

impl Answer {
    pub(crate) fn new(bytes_max: usize, held: Held) -> Answer {
        Answer { bytes: Vec::new(), bytes_max, held, yielded_at: 0 }
    }

    /// The buffer to append to; [`Answer::check`] must follow within a row.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(crate) fn raw(&mut self, json: &str) {
        self.bytes.extend_from_slice(json.as_bytes());
    }

    pub(crate) fn put(&mut self, value: &impl Serialize) {
        put(&mut self.bytes, value);
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark(self.bytes.len())
    }

    /// Forgets what was written since `mark`.
    pub(crate) fn undo(&mut self, mark: Mark) {
        self.bytes.truncate(mark.0);
    }

    /// Bytes that may still be written.
    pub(crate) fn room(&self) -> usize {
        self.bytes_max.saturating_sub(self.bytes.len())
    }

    /// Fails when the answer is beyond its bound, or the service as a whole is.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        if self.bytes.len() > self.bytes_max {
            return Err(Failure::response_too_large(format!(
                "the answer is larger than {} bytes (response_bytes_max); ask for fewer rows \
                 with LIMIT, or read it with a cursor",
                self.bytes_max
            )));
        }
        self.held.grow_to(self.bytes.capacity())
    }

    /// Lets other tasks have a turn now and then, so that a large answer holds up nobody. To be
    /// called within a row.
    pub(crate) async fn breathe(&mut self) {
        if self.bytes.len().saturating_sub(self.yielded_at) > TURN_BYTES {
            self.yielded_at = self.bytes.len();
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn finish(self) -> (Vec<u8>, Held) {
        (self.bytes, self.held)
    }
}

/// Appends anything that serialises.
pub(crate) fn put(out: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(out, value).expect("a Vec takes every write, and keys are strings");
}

/// Appends a float. JSON has no infinity, but `1e999` is a number to its grammar, and reads as
/// infinity where numbers are doubles; `null` would be another value. SQLite has no NaN.
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
        answer.put(&"far too long");
        assert_eq!(answer.check().unwrap_err().code, "RESPONSE_TOO_LARGE");
        assert_eq!(answer.room(), 0);
        answer.undo(mark);
        answer.raw("]");
        answer.check().unwrap();
        let (bytes, held) = answer.finish();
        assert_eq!(bytes, b"[1]");
        drop(held);
        assert_eq!(memory.free(), 1 << 20);
    }
}
