//! How times are spread, in buckets that grow with them: 18 for each doubling, so that a quantile
//! is within 2 % of the exact one, whatever the unit. Only the doublings that occur take memory,
//! 72 bytes each. It knows no time limits and is not shared.

mod scale;

use std::time::Duration;

pub(super) use scale::{BUCKETS, Bucket, OCTAVES, PER_OCTAVE, middle, middle_of};

/// Doublings with buckets of their own. Beyond it, the one with the fewest times is added to the
/// bucket beside it, which moves no quantile by more than its share.
const OCTAVES_KEPT_MAX: usize = 14;

/// Counts of times by their length in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    kept: Octaves,
    /// The buckets of each doubling that is kept.
    octaves: Box<[[u32; PER_OCTAVE]]>,
}

/// Which doublings are kept, a bit for each: where they are is how many shorter ones there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Octaves(u64);

impl Octaves {
    /// Whether it is kept, and where it is or would be.
    #[inline]
    pub(super) fn find(self, octave: usize) -> (bool, usize) {
        let bit = 1u64 << octave;
        (self.0 & bit != 0, (self.0 & (bit - 1)).count_ones() as usize)
    }

    pub(super) fn insert(&mut self, octave: usize) {
        self.0 |= 1 << octave;
    }

    pub(super) fn remove(&mut self, octave: usize) {
        self.0 &= !(1 << octave);
    }

    /// Those that are kept, from the shortest times on.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> + Clone {
        (0..OCTAVES).filter(move |octave| self.0 & (1 << octave) != 0)
    }
}

impl Histogram {
    #[inline]
    pub(crate) fn record(&mut self, bucket: Bucket) {
        self.count(bucket, 1);
    }

    /// Adds what another one has counted.
    pub(crate) fn add(&mut self, other: &Histogram) {
        other.buckets().for_each(|(bucket, count)| self.count(Bucket::at(bucket), count));
    }

    /// Adds so many times of a bucket.
    #[inline]
    pub(crate) fn count(&mut self, bucket: Bucket, count: u32) {
        let place = match self.kept.find(bucket.octave) {
            (true, place) => place,
            (false, _) => self.make_room(bucket.octave),
        };
        let counted = &mut self.octaves[place][bucket.part];
        match counted.checked_add(count) {
            Some(sum) => *counted = sum,
            None => self.halve_and_count(place, bucket.part, count),
        }
    }

    /// The buckets that are not empty, from the shortest times on.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (usize, u32)> {
        let each = self.kept.iter().zip(&self.octaves).flat_map(|(octave, counts)| {
            let counts = counts.iter().enumerate();
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
        self.octaves.len() * size_of::<[u32; PER_OCTAVE]>()
    }

    /// A number that does not fit any more halves all of them, which leaves the quantiles where
    /// they are.
    #[cold]
    fn halve_and_count(&mut self, place: usize, part: usize, count: u32) {
        let mut count = count;
        loop {
            self.octaves.iter_mut().flatten().for_each(|it| *it /= 2);
            count /= 2;
            if let Some(sum) = self.octaves[place][part].checked_add(count) {
                self.octaves[place][part] = sum;
                return;
            }
        }
    }

    /// Makes room for the buckets of a doubling; gives where they are.
    #[cold]
    fn make_room(&mut self, octave: usize) -> usize {
        if self.octaves.len() >= OCTAVES_KEPT_MAX {
            self.merge_lightest();
        }
        let (_, place) = self.kept.find(octave);
        let mut octaves = std::mem::take(&mut self.octaves).into_vec();
        octaves.reserve_exact(1);
        octaves.insert(place, [0; PER_OCTAVE]);
        self.octaves = octaves.into_boxed_slice();
        self.kept.insert(octave);
        place
    }

    /// Adds the doubling with the fewest times to the bucket of the next one beside it.
    fn merge_lightest(&mut self) {
        let total = |counts: &[u32; PER_OCTAVE]| counts.iter().map(|it| u64::from(*it)).sum();
        let totals: Vec<u64> = self.octaves.iter().map(total).collect();
        let kept: Vec<usize> = self.kept.iter().collect();
        let lightest = (0..totals.len()).min_by_key(|at| totals[*at]).expect("some are kept");
        let mut octaves = std::mem::take(&mut self.octaves).into_vec();
        octaves.remove(lightest);
        self.octaves = octaves.into_boxed_slice();
        self.kept.remove(kept[lightest]);
        // Upwards where there is one above, so that no time is made to look shorter.
        let bucket = match kept.get(lightest + 1) {
            Some(above) => Bucket { octave: *above, part: 0 },
            None => Bucket { octave: kept[lightest - 1], part: PER_OCTAVE - 1 },
        };
        self.count(bucket, u32::try_from(totals[lightest]).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
mod tests;
