//! Which bucket a time belongs to. Each doubling has 18 buckets that grow by the same factor. The
//! logarithm that this takes is looked up: it is wanted for every statement.

/// Buckets for each doubling. Their middle is at most 1.93 % from either end.
pub(crate) const PER_OCTAVE: usize = 18;

/// Doublings from 1 ns on; what takes longer than 18 minutes is in the last one.
pub(crate) const OCTAVES: usize = 40;

pub(crate) const BUCKETS: usize = PER_OCTAVE * OCTAVES;

/// Where the buckets of a doubling begin, in 2^-32 of it: (2^(part / 18) - 1) * 2^32, rounded up.
const STARTS: [u32; PER_OCTAVE] = [
    0x0000_0000,
    0x0a0c_e484,
    0x147e_cb89,
    0x1f59_ac3d,
    0x2aa1_a5ab,
    0x365b_004a,
    0x428a_2f99,
    0x4f33_d3d9,
    0x5c5c_bbc4,
    0x6a09_e668,
    0x7840_850b,
    0x8705_fd1f,
    0x965f_ea54,
    0xa654_20b9,
    0xb6e8_aeef,
    0xc823_e075,
    0xda0c_4013,
    0xeca8_9a4e,
];

/// Bits of a time that tell its bucket, but for one step up: no bucket is narrower than 1/32 of a
/// doubling.
const GUESS_BITS: u32 = 5;

/// The bucket in which each 1/32 of a doubling begins.
const GUESSES: [u8; 1 << GUESS_BITS] = guesses();

/// A bucket: the doubling, and which one of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) octave: usize,
    pub(crate) part: usize,
}

impl Bucket {
    /// That of a time in nanoseconds.
    #[inline]
    pub(crate) fn of(nanos: u64) -> Bucket {
        let zeros = nanos.max(1).leading_zeros();
        let octave = (u64::BITS - 1 - zeros) as usize;
        // What comes behind the first one, from the top on.
        let rest = ((nanos << zeros) << 1 >> 32) as u32;
        let guess = usize::from(GUESSES[(rest >> (u32::BITS - GUESS_BITS)) as usize]);
        let is_above = STARTS.get(guess + 1).is_some_and(|start| rest >= *start);
        if octave < OCTAVES {
            Bucket { octave, part: guess + usize::from(is_above) }
        } else {
            Bucket { octave: OCTAVES - 1, part: PER_OCTAVE - 1 }
        }
    }

    /// That of this number, from the shortest times on.
    pub(crate) fn at(number: usize) -> Bucket {
        let number = number.min(BUCKETS - 1);
        Bucket { octave: number / PER_OCTAVE, part: number % PER_OCTAVE }
    }
}

/// The time that stands for a bucket: as far from its one end as from the other, in proportion.
pub(crate) fn middle(bucket: usize) -> u64 {
    middle_of(bucket, PER_OCTAVE)
}

/// The same where each doubling has so many.
pub(crate) fn middle_of(bucket: usize, per_octave: usize) -> u64 {
    let width = (1.0 / per_octave as f64).exp2();
    let start = (bucket as f64 / per_octave as f64).exp2();
    (start * 2.0 * width / (1.0 + width)).round() as u64
}

const fn guesses() -> [u8; 1 << GUESS_BITS] {
    let mut guesses = [0; 1 << GUESS_BITS];
    let mut at = 0;
    while at < guesses.len() {
        let mut part = PER_OCTAVE - 1;
        while STARTS[part] > (at as u32) << (u32::BITS - GUESS_BITS) {
            part -= 1;
        }
        guesses[at] = part as u8;
        at += 1;
    }
    guesses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(nanos: u64) -> usize {
        let Bucket { octave, part } = Bucket::of(nanos);
        octave * PER_OCTAVE + part
    }

    /// Beside the logarithm.
    #[test]
    fn a_bucket_is_eighteen_times_the_logarithm() {
        // Below a microsecond or so, buckets are narrower than a nanosecond.
        for bucket in (0..BUCKETS).filter(|it| middle(*it) > 1_000) {
            let start = (bucket as f64 / PER_OCTAVE as f64).exp2();
            assert_eq!(number((start * 1.000_001).ceil() as u64), bucket, "from {start}");
            assert_eq!(number((start * 0.999_999).floor() as u64), bucket - 1, "below {start}");
            assert_eq!(number(middle(bucket)), bucket, "{}", middle(bucket));
        }
        for nanos in 1..5_000u64 {
            let exact = (nanos as f64).log2() * PER_OCTAVE as f64;
            let found = number(nanos) as f64;
            assert!(found <= exact + 1e-9 && exact < found + 1.0 + 1e-9, "{nanos}: {exact}");
        }
    }

    #[test]
    fn what_is_too_short_or_too_long_is_at_an_end() {
        assert_eq!((number(0), number(1), number(2)), (0, 0, PER_OCTAVE));
        assert_eq!((number(1 << 40), number(u64::MAX)), (BUCKETS - 1, BUCKETS - 1));
        assert_eq!(number((1 << 40) - 1), BUCKETS - 1);
    }

    #[test]
    fn numbers_are_taken_apart() {
        assert_eq!(Bucket::at(37), Bucket { octave: 2, part: 1 });
        assert_eq!(Bucket::at(usize::MAX), Bucket { octave: 39, part: 17 });
    }
}
