//! How times are spread, in buckets that grow with them: 18 for each doubling, so that a quantile
//! is within 2 % of the exact one, whatever the unit. Only the doublings that occur take memory,
//! 72 bytes each. It knows no time limits and is not shared.

use std::time::Duration;

/// Buckets for each doubling. Their middle is at most 1.93 % from either end.
const PER_OCTAVE: usize = 18;

/// Doublings from 1 ns on; what takes longer than 18 minutes is in the last one.
const OCTAVES: usize = 40;

/// Doublings with buckets of their own. Beyond it, the one with the fewest times is added to the
/// bucket beside it, which moves no quantile by more than its share.
const OCTAVES_KEPT_MAX: usize = 14;

pub(super) const BUCKETS: usize = PER_OCTAVE * OCTAVES;

/// No buckets are kept for this doubling.
const NONE: u8 = u8::MAX;

/// Counts of times by their length in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    /// Where the buckets of each doubling are.
    places: [u8; OCTAVES],
    octaves: Vec<[u32; PER_OCTAVE]>,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { places: [NONE; OCTAVES], octaves: Vec::new() }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, nanos: u64) {
        self.count(bucket(nanos), 1);
    }

    /// Adds what another one has counted.
    pub(crate) fn add(&mut self, other: &Histogram) {
        other.buckets().for_each(|(bucket, count)| self.count(bucket, count));
    }

    /// Adds so many times of a bucket. A number that does not fit any more halves all of them,
    /// which leaves the quantiles where they are.
    pub(crate) fn count(&mut self, bucket: usize, count: u32) {
        let bucket = bucket.min(BUCKETS - 1);
        let (octave, part) = (bucket / PER_OCTAVE, bucket % PER_OCTAVE);
        let place = self.place(octave);
        let mut count = count;
        while self.octaves[place][part].checked_add(count).is_none() {
            self.octaves.iter_mut().flatten().for_each(|it| *it /= 2);
            count /= 2;
        }
        self.octaves[place][part] += count;
    }

    /// The buckets that are not empty, from the shortest times on.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (usize, u32)> {
        let kept = self.places.iter().enumerate().filter(|(_, place)| **place != NONE);
        let each = kept.flat_map(|(octave, place)| {
            let counts = self.octaves[usize::from(*place)].iter().enumerate();
            counts.map(move |(part, count)| (octave * PER_OCTAVE + part, *count))
        });
        each.filter(|(_, count)| *count > 0)
    }

    /// The time in nanoseconds that the share `q` of all times does not exceed; 0 without any.
    pub(crate) fn quantile(&self, q: f64) -> u64 {
        let total: u64 = self.buckets().map(|(_, count)| u64::from(count)).sum();
        let rank = ((total as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.buckets().find(|(_, count)| {
            seen += u64::from(*count);
            seen >= rank
        });
        found.map_or(0, |(bucket, _)| middle(bucket))
    }

    /// How many times there are up to each bound and beyond the one before, and, at the end, beyond
    /// all: `M` is one more than there are bounds.
    pub(crate) fn within<const N: usize, const M: usize>(
        &self,
        bounds: &[Duration; N],
    ) -> [u64; M] {
        let mut counts = [0; M];
        for (bucket, count) in self.buckets() {
            let middle = Duration::from_nanos(middle(bucket));
            let at = bounds.partition_point(|bound| *bound < middle);
            if let Some(sum) = counts.get_mut(at) {
                *sum += u64::from(count);
            }
        }
        counts
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(super) fn heap(&self) -> usize {
        self.octaves.capacity() * size_of::<[u32; PER_OCTAVE]>()
    }

    /// Where the buckets of a doubling are, after room has been made for them.
    fn place(&mut self, octave: usize) -> usize {
        let place = usize::from(self.places[octave]);
        if place < self.octaves.len() {
            return place;
        }
        if self.octaves.len() < OCTAVES_KEPT_MAX {
            self.octaves.reserve_exact(1);
            self.octaves.push([0; PER_OCTAVE]);
            self.places[octave] = (self.octaves.len() - 1) as u8;
            return self.octaves.len() - 1;
        }
        self.merge_lightest();
        // It may be the one that has just given up its place.
        let free = (0..OCTAVES_KEPT_MAX).find(|it| !self.places.contains(&(*it as u8)));
        let free = free.expect("a place was freed just now");
        self.octaves[free] = [0; PER_OCTAVE];
        self.places[octave] = free as u8;
        free
    }

    /// Adds the doubling with the fewest times to the bucket of the next one beside it.
    fn merge_lightest(&mut self) {
        let total = |place: u8| -> u64 {
            self.octaves[usize::from(place)].iter().map(|it| u64::from(*it)).sum()
        };
        let kept: Vec<usize> = (0..OCTAVES).filter(|it| self.places[*it] != NONE).collect();
        let lightest = (0..kept.len()).min_by_key(|at| total(self.places[kept[*at]]));
        let at = lightest.expect("some are kept");
        let count = u32::try_from(total(self.places[kept[at]])).unwrap_or(u32::MAX);
        self.places[kept[at]] = NONE;
        // Upwards where there is one above, so that no time is made to look shorter.
        let bucket = match kept.get(at + 1) {
            Some(above) => above * PER_OCTAVE,
            None => kept[at - 1] * PER_OCTAVE + PER_OCTAVE - 1,
        };
        self.count(bucket, count);
    }
}

fn bucket(nanos: u64) -> usize {
    ((nanos.max(1) as f64).log2() * PER_OCTAVE as f64) as usize
}

/// The time that stands for a bucket: as far from its one end as from the other, in proportion.
pub(super) fn middle(bucket: usize) -> u64 {
    let width = (1.0 / PER_OCTAVE as f64).exp2();
    let start = (bucket as f64 / PER_OCTAVE as f64).exp2();
    (start * 2.0 * width / (1.0 + width)).round() as u64
}

#[cfg(test)]
mod tests;
