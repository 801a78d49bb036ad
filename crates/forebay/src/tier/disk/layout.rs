//! The bytes of the file: its head, the heads of its segments, and records. Pure: bytes in, facts
//! out. It does not know where records are, nor which are wanted.
//!
//! Every sum is made with a secret of the file, its *salt*, and with the place it stands for, so
//! that neither what was there before nor what a value contains can pass for a record.

use twox_hash::XxHash3_64;

use super::compress::Codec;

/// The file's head has a page of its own.
pub(super) const FILE_HEAD: u64 = 4_096;

/// A segment's head: its sequence number and a sum.
pub(super) const SEGMENT_HEAD: u32 = 16;

/// A record's head, before its key.
pub(super) const RECORD_HEAD: usize = 56;

/// Records begin at multiples of this, so that the word that tells whether they are alive lies
/// within one page, and is written whole or not at all.
const ALIGN: usize = 8;

/// The head of a segment whose records were given up.
pub(super) const VOID: [u8; SEGMENT_HEAD as usize] = [0xff; SEGMENT_HEAD as usize];

/// The length of an end mark.
pub(super) const END_MARK: usize = 8;

/// Where in a record the word is that tells whether it is alive.
pub(super) const LIFE_AT: u64 = 8;

const MAGIC: &[u8; 8] = b"forebayd";
const VERSION: u32 = 1;
const SEQUENCE_MAX: u64 = 1 << 62;
const HEAD_USED: usize = 72;

/// What the file says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileHead {
    pub(super) segment_bytes: u32,
    /// Drawn anew whenever everything is dropped, which is how that is done.
    pub(super) salt: u64,
    /// The run of the operating system that wrote last.
    pub(super) boot: [u8; 16],
    /// Where writing ended, if the file was closed and is whole on the device.
    pub(super) closed: Option<Tail>,
}

/// The end of the segment that was written last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) segment: u32,
    pub(super) used: u32,
}

/// What the first bytes of a file are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opening {
    Ours(FileHead),
    /// Written by us, and damaged, cut off, or of another version: nothing in it can be used.
    Unusable(&'static str),
    /// Not ours: it may not be touched.
    Foreign,
}

/// Reads the head of a file from its first bytes, as many as there are up to [`FILE_HEAD`].
pub(super) fn parse_file_head(bytes: &[u8]) -> Opening {
    let magic = bytes.len().min(MAGIC.len());
    if bytes.is_empty() || bytes[..magic] != MAGIC[..magic] {
        return Opening::Foreign;
    }
    if bytes.len() < HEAD_USED {
        return Opening::Unusable("it was cut off");
    }
    if word32(bytes, 8) != VERSION {
        return Opening::Unusable("it is of another version");
    }
    if word(bytes, HEAD_USED - 8) != XxHash3_64::oneshot(&bytes[..HEAD_USED - 8]) {
        return Opening::Unusable("its head is damaged");
    }
    let mut boot = [0; 16];
    boot.copy_from_slice(&bytes[24..40]);
    let tail = Tail { segment: word32(bytes, 44), used: word32(bytes, 48) };
    Opening::Ours(FileHead {
        segment_bytes: word32(bytes, 12),
        salt: word(bytes, 16),
        boot,
        closed: (word32(bytes, 40) == 1).then_some(tail),
    })
}

pub(super) fn file_head(head: &FileHead) -> [u8; HEAD_USED] {
    let mut out = [0; HEAD_USED];
    out[..8].copy_from_slice(MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[12..16].copy_from_slice(&head.segment_bytes.to_le_bytes());
    out[16..24].copy_from_slice(&head.salt.to_le_bytes());
    out[24..40].copy_from_slice(&head.boot);
    if let Some(tail) = head.closed {
        out[40..44].copy_from_slice(&1u32.to_le_bytes());
        out[44..48].copy_from_slice(&tail.segment.to_le_bytes());
        out[48..52].copy_from_slice(&tail.used.to_le_bytes());
    }
    let sum = XxHash3_64::oneshot(&out[..HEAD_USED - 8]);
    out[HEAD_USED - 8..].copy_from_slice(&sum.to_le_bytes());
    out
}

pub(super) fn segment_head(salt: u64, segment: u32, sequence: u64) -> [u8; SEGMENT_HEAD as usize] {
    let mut out = [0; SEGMENT_HEAD as usize];
    out[..8].copy_from_slice(&sequence.to_le_bytes());
    out[8..].copy_from_slice(&seal(salt, sequence, u64::from(segment)).to_le_bytes());
    out
}

/// The sequence number of a segment; none if it was never begun under this salt.
pub(super) fn parse_segment_head(bytes: &[u8], salt: u64, segment: u32) -> Option<u64> {
    let sequence = word(bytes.get(..SEGMENT_HEAD as usize)?, 0);
    let expected = segment_head(salt, segment, sequence);
    // No file lives for so long; whoever made this one up does not get to the end of numbers.
    let is_likely = (1..SEQUENCE_MAX).contains(&sequence);
    (is_likely && bytes[..SEGMENT_HEAD as usize] == expected).then_some(sequence)
}

/// The seed of all sums of the record at `offset` of the file, in a segment begun as `sequence`.
pub(super) fn seal(salt: u64, sequence: u64, offset: u64) -> u64 {
    let mut place = [0; 16];
    place[..8].copy_from_slice(&sequence.to_le_bytes());
    place[8..].copy_from_slice(&offset.to_le_bytes());
    XxHash3_64::oneshot_with_seed(salt, &place)
}

/// A value as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) key: &'a [u8],
    pub(super) body: &'a [u8],
    pub(super) codec: Codec,
    pub(super) raw_bytes: u32,
    pub(super) written_ms: u64,
    pub(super) expires_ms: u64,
}

/// How many bytes of the file a record takes.
pub(super) fn record_bytes(key: usize, body: usize) -> usize {
    (RECORD_HEAD + key + body).next_multiple_of(ALIGN)
}

/// The bytes of a record that is not alive yet, and the word that makes it so. The word is
/// written when everything else is, so a write that was cut off leaves nothing behind.
pub(super) fn record(record: &Record<'_>, seal: u64) -> (Vec<u8>, [u8; 8]) {
    let total = record_bytes(record.key.len(), record.body.len());
    let mut out = Vec::with_capacity(total);
    out.extend_from_slice(&[0; 16]);
    let body_sum = XxHash3_64::oneshot_with_seed(seal, record.body);
    for word in [body_sum, record.expires_ms, record.written_ms] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    let lengths = [record.body.len() as u32, record.raw_bytes, record.key.len() as u32];
    for word in lengths.into_iter().chain([record.codec.code()]) {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(record.key);
    let sum = XxHash3_64::oneshot_with_seed(seal, &out[16..]);
    out[..8].copy_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(record.body);
    out.resize(total, 0);
    (out, life(sum, seal).to_le_bytes())
}

fn life(sum: u64, seal: u64) -> u64 {
    XxHash3_64::oneshot_with_seed(seal, &sum.to_le_bytes())
}

/// What the head of a record says; its sum is right, so that its lengths can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHead {
    pub(super) total: u32,
    pub(super) key_bytes: u32,
    pub(super) written_ms: u64,
    pub(super) expires_ms: u64,
    pub(super) life: Life,
}

/// Whether a record is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Alive,
    /// Killed, or its writing was cut off.
    Dead,
    /// The word that says so is damaged.
    Unknown,
}

/// The head of the record at the beginning of `bytes`, which reach to the end of its segment.
pub(super) fn parse_record_head(bytes: &[u8], seal: u64) -> Option<RecordHead> {
    if bytes.len() < RECORD_HEAD {
        return None;
    }
    let (body, key) = (word32(bytes, 40) as usize, word32(bytes, 48) as usize);
    let total = RECORD_HEAD.checked_add(key)?.checked_add(body)?.checked_next_multiple_of(ALIGN)?;
    if total > bytes.len() {
        return None;
    }
    let sum = XxHash3_64::oneshot_with_seed(seal, &bytes[16..RECORD_HEAD + key]);
    if sum != word(bytes, 0) {
        return None;
    }
    Some(RecordHead {
        total: u32::try_from(total).ok()?,
        key_bytes: word32(bytes, 48),
        written_ms: word(bytes, 32),
        expires_ms: word(bytes, 24),
        life: match word(bytes, 8) {
            0 => Life::Dead,
            word if word == life(sum, seal) => Life::Alive,
            _ => Life::Unknown,
        },
    })
}

/// The record that `bytes` are; none if it is not alive, or if a byte of it is not as it was
/// written.
pub(super) fn parse_record(bytes: &[u8], seal: u64) -> Option<Record<'_>> {
    let head = parse_record_head(bytes, seal)?;
    if head.life != Life::Alive {
        return None;
    }
    let key_end = RECORD_HEAD + head.key_bytes as usize;
    let body = &bytes[key_end..key_end + word32(bytes, 40) as usize];
    if XxHash3_64::oneshot_with_seed(seal, body) != word(bytes, 16) {
        return None;
    }
    Some(Record {
        key: &bytes[RECORD_HEAD..key_end],
        body,
        codec: Codec::from_code(word32(bytes, 52))?,
        raw_bytes: word32(bytes, 44),
        written_ms: head.written_ms,
        expires_ms: head.expires_ms,
    })
}

/// One record found in a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) offset: u64,
    pub(super) seal: u64,
    pub(super) head: RecordHead,
    pub(super) key: &'a [u8],
}

/// What stands behind the last record of a segment that is not written to any more.
pub(super) fn end_mark(seal: u64) -> [u8; END_MARK] {
    XxHash3_64::oneshot_with_seed(seal, b"end").to_le_bytes()
}

/// Where the records of a segment end, and whether that is where they were meant to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) used: u32,
    /// Whether an end mark stands there, or no room was left for one.
    pub(super) is_marked: bool,
}

/// Calls `each` for the records of a segment that begins at `start` of the file, dead ones
/// included, and says where the last of them ends. What follows damage is not looked for: only
/// an unbroken row of records is certain to be one.
///
/// `bytes` are as much of the segment as there is; `whole` is what it may have.
pub(super) fn walk<'a>(
    bytes: &'a [u8],
    whole: u32,
    start: u64,
    salt: u64,
    sequence: u64,
    mut each: impl FnMut(Found<'a>),
) -> End {
    let mut at = SEGMENT_HEAD as usize;
    while at + END_MARK <= bytes.len() {
        let offset = start + at as u64;
        let seal = seal(salt, sequence, offset);
        let Some(head) = parse_record_head(&bytes[at..], seal) else {
            let is_marked = bytes[at..at + END_MARK] == end_mark(seal);
            return End { used: at as u32, is_marked };
        };
        let key = &bytes[at + RECORD_HEAD..at + RECORD_HEAD + head.key_bytes as usize];
        each(Found { offset, seal, head, key });
        at += head.total as usize;
    }
    End { used: at as u32, is_marked: at + END_MARK > whole as usize }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

fn word32(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}
