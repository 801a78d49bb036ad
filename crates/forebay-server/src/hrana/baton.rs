//! Batons: what a client shows to go on with its stream. The id is random, so that nobody can
//! guess another one's stream; the sequence number makes each baton good for one request.

use crate::failure::Failure;
use crate::json::{base64_url, base64_url_decode};

/// Which stream, and which request on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Baton {
    pub(crate) stream: StreamId,
    pub(crate) seq: u64,
}

/// 128 bits from the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StreamId(u128);

impl StreamId {
    pub(crate) fn random() -> Result<StreamId, Failure> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| {
            Failure::new(500, "NO_RANDOMNESS", "the operating system gives no random numbers")
        })?;
        Ok(StreamId(u128::from_be_bytes(bytes)))
    }
}

impl Baton {
    pub(crate) fn encode(self) -> String {
        let mut bytes = [0; 24];
        bytes[..16].copy_from_slice(&self.stream.0.to_be_bytes());
        bytes[16..].copy_from_slice(&self.seq.to_be_bytes());
        base64_url(&bytes)
    }

    pub(crate) fn decode(text: &str) -> Option<Baton> {
        let bytes = base64_url_decode(text)?;
        let (id, seq) = bytes.split_at_checked(16)?;
        let stream = StreamId(u128::from_be_bytes(id.try_into().ok()?));
        Some(Baton { stream, seq: u64::from_be_bytes(seq.try_into().ok()?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baton_survives_the_trip_and_nothing_else_does() {
        let baton = Baton { stream: StreamId::random().unwrap(), seq: 7 };
        let text = baton.encode();
        assert_eq!(Baton::decode(&text), Some(baton));
        for wrong in ["", "x", "????", &text[1..], &format!("{text}AAAA"), &format!("{text}=")] {
            assert_eq!(Baton::decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ids_differ() {
        let ids = std::iter::repeat_with(|| StreamId::random().unwrap()).take(100);
        assert_eq!(ids.collect::<std::collections::HashSet<_>>().len(), 100);
    }
}
