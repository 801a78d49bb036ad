//! Cutting what the server sends into messages. Lengths are hostile until they are checked against
//! a bound of the caller's; what the messages mean is not known here.

use bytes::{Buf, Bytes, BytesMut};

use super::garbage::Garbage;

/// Room that is made for one read.
const READ_BYTES: usize = 32 * 1024;
/// Room that is made at once for the rest of a long message, whatever its length claims.
const AHEAD_BYTES: usize = 1024 * 1024;
/// A buffer that has become larger is given back when it is empty.
const KEPT_BYTES: usize = 4 * AHEAD_BYTES;
const HEADER_BYTES: usize = 5;

/// Bytes that have come and were not read yet.
#[derive(Default)]
pub(super) struct Inbox {
    bytes: BytesMut,
    /// Bytes to come that nobody wants.
    skip: usize,
}

/// The head of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) tag: u8,
    /// Bytes of the body.
    pub(super) length: usize,
}

impl Inbox {
    /// The next message's head, once it is here.
    pub(super) fn header(&mut self) -> Result<Option<Header>, Garbage> {
        let skipped = self.skip.min(self.bytes.len());
        self.bytes.advance(skipped);
        self.skip -= skipped;
        let Some((&[tag, a, b, c, d], _)) = self.bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        match length.checked_sub(4) {
            Some(length) => Ok(Some(Header { tag, length: length as usize })),
            None => Err(Garbage("the length of a message is less than 4")),
        }
    }

    pub(super) fn is_whole(&self, header: Header) -> bool {
        self.bytes.len() - HEADER_BYTES >= header.length
    }

    /// The body of the next message, which is whole.
    pub(super) fn body(&self, header: Header) -> &[u8] {
        &self.bytes[HEADER_BYTES..HEADER_BYTES + header.length]
    }

    /// Goes on to the message after this one, which is whole.
    pub(super) fn consume(&mut self, header: Header) {
        self.bytes.advance(HEADER_BYTES + header.length);
    }

    /// Takes the body of the next message, which is whole, and goes on.
    pub(super) fn take(&mut self, header: Header) -> Bytes {
        self.bytes.advance(HEADER_BYTES);
        self.bytes.split_to(header.length).freeze()
    }

    /// Goes on to the message after this one, whose body need not have come, and is never kept.
    pub(super) fn skip(&mut self, header: Header) {
        self.bytes.advance(HEADER_BYTES);
        self.skip += header.length;
    }

    /// The buffer to read into, with room in it.
    pub(super) fn room(&mut self) -> &mut BytesMut {
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT_BYTES {
            self.bytes = BytesMut::new();
        }
        let missing = match self.bytes.split_first_chunk::<HEADER_BYTES>() {
            Some((&[_, a, b, c, d], rest)) if self.skip == 0 => {
                (u32::from_be_bytes([a, b, c, d]) as usize).saturating_sub(rest.len())
            }
            _ => self.skip,
        };
        self.bytes.reserve(missing.clamp(READ_BYTES, AHEAD_BYTES));
        &mut self.bytes
    }

    #[cfg(test)]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.room().extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag][..], &length.to_be_bytes(), body].concat()
    }

    #[test]
    fn messages_come_out_whole_however_they_come_in() {
        let sent = [message(b'Z', b"I"), message(b'D', b""), message(b'C', b"SELECT 1\0")].concat();
        for step in 1..=sent.len() {
            let (mut inbox, mut got) = (Inbox::default(), Vec::new());
            for part in sent.chunks(step) {
                inbox.push(part);
                while let Some(header) = inbox.header().unwrap() {
                    if !inbox.is_whole(header) {
                        break;
                    }
                    got.push((header.tag, inbox.take(header).to_vec()));
                }
            }
            let expect =
                vec![(b'Z', b"I".to_vec()), (b'D', vec![]), (b'C', b"SELECT 1\0".to_vec())];
            assert_eq!(got, expect, "{step}");
        }
    }

    #[test]
    fn what_is_skipped_is_never_kept() {
        let mut inbox = Inbox::default();
        inbox.push(&[b'D', 0x40, 0, 0, 4]);
        let header = inbox.header().unwrap().unwrap();
        assert_eq!(header, Header { tag: b'D', length: 0x4000_0000 });
        inbox.skip(header);
        for _ in 0..0x4000_0000 / (1 << 20) {
            inbox.push(&vec![0; 1 << 20]);
            assert!(inbox.bytes.capacity() < KEPT_BYTES);
            assert!(inbox.header().unwrap().is_none());
        }
        inbox.push(&message(b'Z', b"I"));
        assert_eq!(inbox.header().unwrap(), Some(Header { tag: b'Z', length: 1 }));
    }

    #[test]
    fn a_claimed_length_makes_no_room_for_itself() {
        let mut inbox = Inbox::default();
        inbox.push(&[b'D', 0xff, 0xff, 0xff, 0xff]);
        assert!(inbox.room().capacity() <= 2 * AHEAD_BYTES);
        let mut inbox = Inbox::default();
        inbox.push(&[b'D', 0, 0, 0, 3]);
        assert!(inbox.header().is_err());
    }
}
