//! How the times of the last minute and the last hour are spread, in a few hundred bytes: coarser
//! than the spread of all times, of two stretches for each window, and of a sample where there are
//! many. It is given the time.

use std::time::Duration;

use super::histogram::{Bucket, Octaves, PER_OCTAVE, middle_of};

/// Buckets for each doubling. Their middle is at most 3.9 % from either end.
const PARTS: usize = PER_OCTAVE / 2;

/// Doublings with buckets of their own. Beyond it, the one with the fewest times is added to the
/// bucket beside it.
const OCTAVES_KEPT_MAX: usize = 6;

/// Seconds of a stretch of the minute, and of the hour. The present one is not over yet, so that
/// two are between half of the window and all of it.
const MINUTE_STRETCH: u64 = 30;
const HOUR_STRETCH: u64 = 1_800;

/// Stretches, two for each window, that take turns.
const STRETCHES: usize = 4;

/// Which window is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Minute,
    Hour,
}

/// Times of both windows.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    kept: Octaves,
    octaves: Box<[[[u8; PARTS]; STRETCHES]]>,
    /// The present stretch of each window, counted from 1; 0 for none.
    numbers: [u32; 2],
    /// One in 2^n times is counted, so that a byte is enough.
    thinned: [u8; STRETCHES],
}

/// So many times of one bucket.
#[derive(Clone, Copy, Debug)]
struct Lot {
    octave: usize,
    part: usize,
    weight: u32,
}

impl Reach {
    fn seconds(self) -> u64 {
        match self {
            Reach::Minute => MINUTE_STRETCH,
            Reach::Hour => HOUR_STRETCH,
        }
    }

    fn number(self, now: Duration) -> u32 {
        u32::try_from(now.as_secs() / self.seconds() + 1).unwrap_or(u32::MAX)
    }

    /// When a stretch begins.
    fn begin(self, number: u32) -> Duration {
        Duration::from_secs(u64::from(number.saturating_sub(1)) * self.seconds())
    }

    /// Where a stretch is.
    fn place(self, number: u32) -> usize {
        self as usize * 2 + number as usize % 2
    }
}

impl Recent {
    /// Counts a time, in the stretch that `turn` has begun. Where that has a sample only, `seed`
    /// decides, which has to be another one for each.
    #[inline]
    pub(super) fn record(&mut self, bucket: Bucket, seed: u32) {
        let at = self.room_for(bucket.octave);
        let stretch = Reach::Minute.place(self.numbers[Reach::Minute as usize]);
        self.count(at, stretch, bucket.part / 2, 1, seed);
    }

    /// Begins the stretch of the minute that `now` is in, if it is another one than before. The one
    /// before becomes part of the hour.
    pub(super) fn turn(&mut self, now: Duration) {
        let open = self.numbers[Reach::Minute as usize];
        if Reach::Minute.number(now) <= open {
            return;
        }
        if let Some((at, times)) = self.open() {
            self.add(Reach::Hour, at, &times);
        }
        self.begin(Reach::Minute, now);
    }

    /// Adds another's times of stretches that are not over yet at `now`.
    pub(super) fn absorb(&mut self, now: Duration, other: &Recent) {
        for number in other.lately(Reach::Hour, now) {
            let times = other.times(Reach::Hour.place(number));
            self.add(Reach::Hour, Reach::Hour.begin(number), &times);
        }
        let Some((at, times)) = other.open() else { return };
        let (number, own) = (Reach::Minute.number(at), self.numbers[Reach::Minute as usize]);
        let is_lately = Reach::Minute.number(now).saturating_sub(number) < 2;
        if is_lately && number > own {
            self.turn(at);
        } else if number < own || !is_lately {
            self.add(Reach::Hour, at, &times);
        }
        for number in other.lately(Reach::Minute, now) {
            let times = other.times(Reach::Minute.place(number));
            self.add(Reach::Minute, Reach::Minute.begin(number), &times);
        }
    }

    /// The times in nanoseconds that these shares of a window's times do not exceed; 0 without any.
    pub(super) fn quantiles<const N: usize>(
        &self,
        reach: Reach,
        now: Duration,
        shares: [f64; N],
    ) -> [u64; N] {
        let mut sums = [[0u64; PARTS]; OCTAVES_KEPT_MAX];
        // What is not in the hour yet belongs to it, too.
        let open = self.open().map(|(at, _)| at).filter(|at| {
            reach == Reach::Hour && reach.number(now).saturating_sub(reach.number(*at)) < 2
        });
        let stretches = self.lately(reach, now).map(|number| reach.place(number));
        let open = open.map(|at| Reach::Minute.place(Reach::Minute.number(at)));
        for stretch in stretches.chain(open) {
            for (sums, counts) in sums.iter_mut().zip(&self.octaves) {
                for (sum, count) in sums.iter_mut().zip(counts[stretch]) {
                    *sum += u64::from(count) << self.thinned[stretch];
                }
            }
        }
        let total: u64 = sums.iter().flatten().sum();
        let buckets = self.kept.iter().zip(&sums).flat_map(|(octave, sums)| {
            let each = sums.iter().enumerate();
            each.map(move |(part, sum)| (octave * PARTS + part, *sum))
        });
        shares.map(|share| {
            let rank = ((total as f64 * share).ceil() as u64).max(1);
            let mut seen = 0;
            let found = buckets.clone().find(|(_, sum)| {
                seen += sum;
                seen >= rank
            });
            found.map_or(0, |(bucket, _)| middle_of(bucket, PARTS))
        })
    }

    /// The stretches that a window has at `now`.
    fn lately(&self, reach: Reach, now: Duration) -> impl Iterator<Item = u32> + use<> {
        let (last, present) = (self.numbers[reach as usize], reach.number(now));
        let own = last.saturating_sub(1)..=last;
        own.filter(move |number| *number > 0 && present.saturating_sub(*number) < 2)
    }

    /// The present stretch of the minute: when it began, and its times.
    fn open(&self) -> Option<(Duration, Vec<Lot>)> {
        let number = self.numbers[Reach::Minute as usize];
        let times = || self.times(Reach::Minute.place(number));
        (number > 0).then(|| (Reach::Minute.begin(number), times()))
    }

    /// The times of a stretch.
    fn times(&self, stretch: usize) -> Vec<Lot> {
        let thinned = self.thinned[stretch].min(23);
        let each = self.kept.iter().zip(&self.octaves).flat_map(|(octave, counts)| {
            let counts = counts[stretch].iter().enumerate();
            counts.map(move |(part, count)| {
                let weight = u32::from(*count) << thinned;
                Lot { octave, part, weight }
            })
        });
        each.filter(|lot| lot.weight > 0).collect()
    }

    /// Adds times to the stretch that `at` is in, unless that is over.
    fn add(&mut self, reach: Reach, at: Duration, times: &[Lot]) {
        self.begin(reach, at);
        let number = reach.number(at);
        if number + 1 < self.numbers[reach as usize] {
            return;
        }
        for Lot { octave, part, weight } in times {
            let place = self.room_for(*octave);
            let seed = (octave * PARTS + part) as u32 ^ number;
            self.count(place, reach.place(number), *part, *weight, seed);
        }
    }

    /// Begins the stretch that `now` is in, unless a later one has begun.
    fn begin(&mut self, reach: Reach, now: Duration) {
        let (known, number) = (self.numbers[reach as usize], reach.number(now));
        if number <= known {
            return;
        }
        self.clear(reach.place(number));
        if number > known + 1 {
            self.clear(reach.place(number - 1));
        }
        self.numbers[reach as usize] = number;
    }

    /// Counts so many times. Those beyond what a byte holds halve the stretch, of which half as
    /// many times are counted from then on.
    #[inline]
    fn count(&mut self, at: usize, stretch: usize, part: usize, weight: u32, seed: u32) {
        loop {
            let count = u32::from(self.octaves[at][stretch][part]);
            let count = count.saturating_add(self.thin(stretch, weight, seed));
            if let Ok(count) = u8::try_from(count) {
                self.octaves[at][stretch][part] = count;
                return;
            }
            self.halve(stretch, seed);
        }
    }

    /// How many of so many times are counted: as many as there should be, on average.
    #[inline]
    fn thin(&self, stretch: usize, weight: u32, seed: u32) -> u32 {
        match self.thinned[stretch] {
            0 => weight,
            thinned => weight.saturating_add(mixed(seed) & ((1 << thinned) - 1)) >> thinned,
        }
    }

    #[cold]
    fn halve(&mut self, stretch: usize, seed: u32) {
        let mut dice = mixed(!seed);
        for count in self.octaves.iter_mut().flat_map(|counts| &mut counts[stretch]) {
            dice = dice.rotate_left(1);
            *count = (*count >> 1) + (*count & dice as u8 & 1);
        }
        self.thinned[stretch] = (self.thinned[stretch] + 1).min(31);
    }

    fn clear(&mut self, stretch: usize) {
        self.octaves.iter_mut().for_each(|counts| counts[stretch] = [0; PARTS]);
        self.thinned[stretch] = 0;
    }

    /// Where the buckets of a doubling are.
    #[inline]
    fn room_for(&mut self, octave: usize) -> usize {
        match self.kept.find(octave) {
            (true, at) => at,
            (false, _) => self.make_room(octave),
        }
    }

    #[cold]
    fn make_room(&mut self, octave: usize) -> usize {
        if self.octaves.len() >= OCTAVES_KEPT_MAX {
            self.merge_lightest();
        }
        let (_, at) = self.kept.find(octave);
        let mut octaves = std::mem::take(&mut self.octaves).into_vec();
        octaves.reserve_exact(1);
        octaves.insert(at, [[0; PARTS]; STRETCHES]);
        self.octaves = octaves.into_boxed_slice();
        self.kept.insert(octave);
        at
    }

    /// Adds the doubling with the fewest times to the next one beside it.
    fn merge_lightest(&mut self) {
        let weigh = |counts: &[[u8; PARTS]; STRETCHES]| -> [u64; STRETCHES] {
            std::array::from_fn(|stretch| {
                let sum: u64 = counts[stretch].iter().map(|it| u64::from(*it)).sum();
                sum << self.thinned[stretch]
            })
        };
        let weights: Vec<[u64; STRETCHES]> = self.octaves.iter().map(weigh).collect();
        let total = |at: &usize| weights[*at].iter().sum::<u64>();
        let lightest = (0..weights.len()).min_by_key(total).expect("some are kept");
        let octave = self.kept.iter().nth(lightest).expect("one for each bit");
        let mut octaves = std::mem::take(&mut self.octaves).into_vec();
        octaves.remove(lightest);
        self.octaves = octaves.into_boxed_slice();
        self.kept.remove(octave);
        // Upwards where there is one above, so that no time is made to look shorter.
        let (at, part) =
            if lightest < self.octaves.len() { (lightest, 0) } else { (lightest - 1, PARTS - 1) };
        for (stretch, weight) in weights[lightest].into_iter().enumerate() {
            let weight = u32::try_from(weight).unwrap_or(u32::MAX);
            self.count(at, stretch, part, weight, weight);
        }
    }
}

/// A number that looks like chance in its lower bits.
#[inline]
fn mixed(seed: u32) -> u32 {
    let mixed = seed.wrapping_mul(0x9e37_79b9);
    (mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca6b) >> 8
}

#[cfg(test)]
mod tests;
