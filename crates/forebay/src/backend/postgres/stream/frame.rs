//! The frames of a connection in streaming replication: what the server sends around the messages
//! of the plugin, and what it is told about the progress. It opens no message.
//!
//! Source: "Streaming Replication Protocol" in the documentation of PostgreSQL.

use super::cursor::{Cursor, Malformed};
use crate::invalidate::Lsn;

/// A frame of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A message of the plugin. The places in its header are not read: they are those of single
    /// changes, which say nothing about commits.
    Data(&'a [u8]),
    /// Everything up to `end` has been decoded, and sent where it was to be sent.
    Keepalive { end: Lsn, wants_reply: bool },
}

/// What the server is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) written: Lsn,
    pub(crate) flushed: Lsn,
    pub(crate) applied: Lsn,
    /// Microseconds since the year 2000 in UTC, for people who look at the server.
    pub(crate) clock_us: i64,
    pub(crate) wants_reply: bool,
}

/// Bytes of an encoded [`Status`].
pub(crate) const STATUS_BYTES: usize = 34;

impl Frame<'_> {
    /// Reads the payload of one CopyData.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Frame<'_>, Malformed> {
        let mut cursor = Cursor::new(bytes);
        match cursor.u8()? {
            b'w' => {
                // Where it begins, where the log ends, and the time.
                cursor.take(24)?;
                Ok(Frame::Data(cursor.rest()))
            }
            b'k' => {
                let end = cursor.lsn()?;
                cursor.u64()?;
                let wants_reply = cursor.u8()? != 0;
                cursor.end()?;
                Ok(Frame::Keepalive { end, wants_reply })
            }
            _ => Err(Malformed("a frame is neither data nor a keepalive")),
        }
    }
}

impl Status {
    /// The payload of a CopyData.
    pub(crate) fn encode(&self) -> [u8; STATUS_BYTES] {
        let mut bytes = [0; STATUS_BYTES];
        bytes[0] = b'r';
        bytes[1..9].copy_from_slice(&self.written.0.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.flushed.0.to_be_bytes());
        bytes[17..25].copy_from_slice(&self.applied.0.to_be_bytes());
        bytes[25..33].copy_from_slice(&self.clock_us.to_be_bytes());
        bytes[33] = u8::from(self.wants_reply);
        bytes
    }
}
