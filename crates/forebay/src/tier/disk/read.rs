//! Reading one record: bytes from the file, checks, and the value. It does not know the index.

use super::compress::unpack;
use super::handle::Handle;
use super::index::Place;
use super::layout;

/// What a place turned out to hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Value(Vec<u8>),
    /// A record of another key with the same hash.
    Other,
    /// Not what was written there. Either the record was overwritten or killed since its place
    /// was looked up, or it is damaged.
    Spoiled,
    /// The operating system does not give the bytes.
    Fault,
}

/// The value of `key` at `place`, if the kernel has it in memory; it never waits for the device.
pub(super) fn read_now(handle: &Handle, place: Place, key: &[u8]) -> Option<Outcome> {
    let mut bytes = vec![0; place.bytes as usize];
    handle.read_now(place.offset, &mut bytes).then(|| check(&bytes, place, key))
}

/// The value of `key` at `place`, waiting for the device.
pub(super) fn read(handle: &Handle, place: Place, key: &[u8]) -> Outcome {
    let mut bytes = vec![0; place.bytes as usize];
    match handle.read(place.offset, &mut bytes) {
        Ok(()) => check(&bytes, place, key),
        // The file was cut: by us, when everything was dropped, or by somebody else.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Outcome::Spoiled,
        Err(_) => Outcome::Fault,
    }
}

/// The key and the value at `place`, waiting for the device.
pub(super) fn read_whole(handle: &Handle, place: Place) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut bytes = vec![0; place.bytes as usize];
    handle.read(place.offset, &mut bytes).ok()?;
    let record = layout::parse_record(&bytes, place.seal)?;
    let value = unpack(record.codec, record.body, record.raw_bytes as usize)?;
    Some((record.key.to_vec(), value))
}

fn check(bytes: &[u8], place: Place, key: &[u8]) -> Outcome {
    let Some(record) = layout::parse_record(bytes, place.seal) else { return Outcome::Spoiled };
    if record.key != key {
        return Outcome::Other;
    }
    match unpack(record.codec, record.body, record.raw_bytes as usize) {
        Some(value) => Outcome::Value(value),
        None => Outcome::Spoiled,
    }
}
