//! Where the records are: a hash of the key leads to a place, and a segment to its records. Pure:
//! it reads nothing. A hash is never taken for a key: who reads a place compares the key there,
//! and of two keys with one hash only the younger is kept.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// A record in the file, alive as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) bytes: u32,
    pub(super) seal: u64,
    pub(super) expires_ms: u64,
}

/// The hash of a key, made with a seed of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct KeyHash(pub(super) u64);

/// What the file holds. Its memory is bounded by the bound on records.
#[derive(Debug)]
pub(super) struct Index {
    slots: HashMap<KeyHash, Slot, BuildHasherDefault<Whole>>,
    segments: Vec<Segment>,
    segment_bytes: u32,
    first: u64,
    bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    place: Place,
    /// Whether it was read since it was written: what gives it a second chance.
    is_wanted: bool,
}

#[derive(Debug, Default)]
struct Segment {
    /// 0 for one that was not begun.
    sequence: u64,
    /// Of every record written here, those that are gone included.
    members: VecDeque<KeyHash>,
}

impl Index {
    /// An index over `segments` segments, of which the first begins at `first` of the file.
    pub(super) fn new(segments: u32, segment_bytes: u32, first: u64) -> Index {
        Index {
            slots: HashMap::default(),
            segments: (0..segments).map(|_| Segment::default()).collect(),
            segment_bytes,
            first,
            bytes: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of the records that can be found.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn get(&self, hash: KeyHash) -> Option<Place> {
        self.slots.get(&hash).map(|slot| slot.place)
    }

    /// The place of a record that is about to be read.
    pub(super) fn read(&mut self, hash: KeyHash) -> Option<Place> {
        let slot = self.slots.get_mut(&hash)?;
        slot.is_wanted = true;
        Some(slot.place)
    }

    /// Adds a record that was written; the place that it replaces must be killed.
    pub(super) fn insert(&mut self, hash: KeyHash, place: Place) -> Option<Place> {
        let segment = self.segment_of(place);
        self.make_place(segment);
        self.segments[segment as usize].members.push_back(hash);
        self.bytes += u64::from(place.bytes);
        let old = self.slots.insert(hash, Slot { place, is_wanted: false })?.place;
        self.bytes -= u64::from(old.bytes);
        Some(old)
    }

    /// Leaves out the members that are gone before their list grows, so that it is bounded by the
    /// records that are there, however often they are replaced.
    fn make_place(&mut self, segment: u32) {
        let mut members = std::mem::take(&mut self.segments[segment as usize].members);
        if members.len() == members.capacity() {
            members.retain(|hash| {
                self.get(*hash).is_some_and(|place| self.segment_of(place) == segment)
            });
            // Half of it is free then, so that this is done seldom.
            members.reserve(members.len() + 1);
        }
        self.segments[segment as usize].members = members;
    }

    pub(super) fn remove(&mut self, hash: KeyHash) -> Option<Place> {
        let slot = self.slots.remove(&hash)?;
        self.bytes -= u64::from(slot.place.bytes);
        Some(slot.place)
    }

    /// Removes the record at exactly this place, unless another has taken its place.
    pub(super) fn remove_at(&mut self, hash: KeyHash, place: Place) -> bool {
        self.get(hash) == Some(place) && self.remove(hash).is_some()
    }

    /// Forgets every record. The segments stay begun.
    pub(super) fn clear_records(&mut self) {
        self.slots = HashMap::default();
        self.segments.iter_mut().for_each(|segment| segment.members = VecDeque::new());
        self.bytes = 0;
    }

    /// Forgets every record, and which segments were begun.
    pub(super) fn clear(&mut self) {
        self.clear_records();
        self.segments.iter_mut().for_each(|segment| segment.sequence = 0);
    }

    pub(super) fn begin(&mut self, segment: u32, sequence: u64) {
        self.segments[segment as usize] = Segment { sequence, members: VecDeque::new() };
    }

    /// The segment to be written next: the one begun longest ago.
    pub(super) fn oldest(&self) -> u32 {
        let numbered = self.segments.iter().enumerate();
        let oldest = numbered.min_by_key(|(_, segment)| segment.sequence);
        oldest.map_or(0, |(number, _)| number as u32)
    }

    /// Removes up to `count` of the oldest records; those that were read since they were written
    /// are passed over once. Their places must be killed.
    pub(super) fn evict(&mut self, count: usize) -> Vec<Place> {
        let mut begun = self.begun();
        begun.sort_unstable_by_key(|(_, sequence)| *sequence);
        let mut gone = Vec::new();
        for (segment, _) in begun {
            for _ in 0..self.segments[segment as usize].members.len() {
                if gone.len() == count {
                    return gone;
                }
                gone.extend(self.evict_first(segment));
            }
        }
        gone
    }

    fn evict_first(&mut self, segment: u32) -> Option<Place> {
        let hash = self.segments[segment as usize].members.pop_front()?;
        let place = self.get(hash).filter(|place| self.segment_of(*place) == segment)?;
        let slot = self.slots.get_mut(&hash)?;
        if std::mem::take(&mut slot.is_wanted) {
            self.segments[segment as usize].members.push_back(hash);
            return None;
        }
        self.remove(hash);
        Some(place)
    }

    /// The segments that were begun, with their sequence numbers.
    pub(super) fn begun(&self) -> Vec<(u32, u64)> {
        let numbered = self.segments.iter().enumerate();
        let begun = numbered.filter(|(_, segment)| segment.sequence != 0);
        begun.map(|(number, segment)| (number as u32, segment.sequence)).collect()
    }

    /// The records of a segment that can be found, with whether they were read.
    pub(super) fn members(&self, segment: u32) -> Vec<(KeyHash, Place, bool)> {
        let mut found = Vec::new();
        for hash in &self.segments[segment as usize].members {
            if let Some(slot) = self.slots.get(hash)
                && self.segment_of(slot.place) == segment
            {
                found.push((*hash, slot.place, slot.is_wanted));
            }
        }
        // A key that was written here twice is listed twice.
        found.sort_unstable_by_key(|(_, place, _)| place.offset);
        found.dedup_by_key(|(_, place, _)| place.offset);
        found
    }

    fn segment_of(&self, place: Place) -> u32 {
        ((place.offset - self.first) / u64::from(self.segment_bytes)) as u32
    }
}

/// The hash of a hash is itself: it was made with a secret seed.
#[derive(Debug, Default)]
struct Whole(u64);

impl Hasher for Whole {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
