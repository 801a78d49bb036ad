//! The hit ratio of `forebay::Cache` beside moka, quick_cache and foyer, and beside what could be
//! reached by who knows the future (Belady). Requests come from generators with fixed seeds: Zipf
//! alone, with scans in between, in circles, and with favourites that change.

use std::collections::BTreeSet;
use std::sync::Arc;

use foyer_memory::{CacheBuilder, LfuConfig, LruConfig, S3FifoConfig};

const KEYS: u64 = 100_000;
const REQUESTS: usize = 1_000_000;
/// Not counted: until then every cache is filling up.
const WARM_UP: usize = REQUESTS / 5;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Numbers that look random and are the same in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The k-th key is asked for in proportion to 1/k^skew.
struct Zipf {
    /// The share of the first so many.
    sums: Vec<f64>,
}

impl Zipf {
    fn new(skew: f64) -> Zipf {
        let mut sums = Vec::with_capacity(KEYS as usize);
        let mut sum = 0.0;
        for rank in 1..=KEYS {
            sum += (rank as f64).powf(-skew);
            sums.push(sum);
        }
        sums.iter_mut().for_each(|part| *part /= sum);
        Zipf { sums }
    }

    fn draw(&self, random: &mut Random) -> u64 {
        let share = random.share();
        self.sums.partition_point(|sum| *sum < share) as u64
    }
}

/// Requests of one kind.
#[derive(Clone, Copy)]
enum Kind {
    Zipf(f64),
    /// After each 20,000 requests, 5,000 of keys that are never asked for again.
    Scans(f64),
    /// As many in a circle over 30,000 keys of their own, as a report reads them again and again.
    Circles(f64),
    /// After each 100,000 requests, other keys are the favourites.
    Changes(f64),
}

impl Kind {
    fn name(self) -> String {
        match self {
            Kind::Zipf(skew) => format!("zipf {skew}"),
            Kind::Scans(skew) => format!("zipf {skew}, scans"),
            Kind::Circles(skew) => format!("zipf {skew}, circles"),
            Kind::Changes(skew) => format!("zipf {skew}, changing"),
        }
    }

    fn requests(self) -> Vec<u64> {
        let (Kind::Zipf(skew) | Kind::Scans(skew) | Kind::Circles(skew) | Kind::Changes(skew)) =
            self;
        let (zipf, mut random) = (Zipf::new(skew), Random(0x9E37_79B9_7F4A_7C15));
        let (mut all, mut once, mut circle) = (Vec::with_capacity(REQUESTS), 1 << 40, 0);
        while all.len() < REQUESTS {
            let drawn = zipf.draw(&mut random);
            all.push(match self {
                Kind::Changes(_) => drawn + (all.len() as u64 / 100_000) * 37_000 % KEYS,
                _ => drawn,
            });
            if all.len() % 25_000 != 20_000 {
                continue;
            }
            for _ in 0..5_000 {
                match self {
                    Kind::Scans(_) => {
                        all.push(once);
                        once += 1;
                    }
                    Kind::Circles(_) => {
                        all.push((1 << 41) + circle);
                        circle = (circle + 1) % 30_000;
                    }
                    _ => {}
                }
            }
        }
        all.truncate(REQUESTS);
        all
    }
}

/// A cache of so many numbers under numbers. What is missed is kept.
trait Contender {
    fn get(&self, key: u64) -> bool;
    fn keep(&self, key: u64);
}

struct Forebay {
    cache: forebay::Cache,
}

impl Contender for Forebay {
    fn get(&self, key: u64) -> bool {
        self.cache.blocking().get::<u64>(key.to_be_bytes()).is_some_and(|found| *found == key)
    }

    fn keep(&self, key: u64) {
        self.cache.blocking().set(key.to_be_bytes(), key);
    }
}

struct Quick(quick_cache::sync::Cache<u64, Arc<u64>>);

impl Contender for Quick {
    fn get(&self, key: u64) -> bool {
        self.0.get(&key).is_some_and(|found| *found == key)
    }

    fn keep(&self, key: u64) {
        self.0.insert(key, Arc::new(key));
    }
}

struct Moka(moka::sync::Cache<u64, u64>);

impl Contender for Moka {
    fn get(&self, key: u64) -> bool {
        self.0.get(&key).is_some_and(|found| found == key)
    }

    fn keep(&self, key: u64) {
        self.0.insert(key, key);
    }
}

struct Foyer(foyer_memory::Cache<u64, u64>);

impl Contender for Foyer {
    fn get(&self, key: u64) -> bool {
        self.0.get(&key).is_some_and(|found| *found.value() == key)
    }

    fn keep(&self, key: u64) {
        self.0.insert(key, key);
    }
}

fn contenders(entries: usize) -> Result<Vec<(&'static str, Box<dyn Contender>)>, Fault> {
    let builder = forebay::Cache::builder("ratio").max_entries(entries as u64);
    // Each entry then weighs the same, more than it would by itself.
    let cache = builder.max_bytes(entries as u64 * 4_096).no_ttl().build()?;
    let foyer = || CacheBuilder::new(entries);
    let moka = moka::sync::Cache::builder().max_capacity(entries as u64);
    Ok(vec![
        ("forebay", Box::new(Forebay { cache })),
        ("quick_cache", Box::new(Quick(quick_cache::sync::Cache::new(entries)))),
        ("moka", Box::new(Moka(moka.build()))),
        (
            "foyer S3-FIFO",
            Box::new(Foyer(foyer().with_eviction_config(S3FifoConfig::default()).build())),
        ),
        ("foyer LFU", Box::new(Foyer(foyer().with_eviction_config(LfuConfig::default()).build()))),
        ("foyer LRU", Box::new(Foyer(foyer().with_eviction_config(LruConfig::default()).build()))),
    ])
}

/// The share of hits, in per cent.
fn ratio(cache: &dyn Contender, requests: &[u64]) -> f64 {
    let mut hits = 0;
    for (number, key) in requests.iter().enumerate() {
        match cache.get(*key) {
            true => hits += u32::from(number >= WARM_UP),
            false => cache.keep(*key),
        }
    }
    f64::from(hits) * 100.0 / (requests.len() - WARM_UP) as f64
}

/// The same of who throws out what is asked for latest.
fn best(requests: &[u64], entries: usize) -> f64 {
    let mut next = vec![usize::MAX; requests.len()];
    let mut seen = std::collections::HashMap::new();
    for (number, key) in requests.iter().enumerate().rev() {
        if let Some(later) = seen.insert(*key, number) {
            next[number] = later;
        }
    }
    // By when it is asked for next; a key is there under one time alone.
    let (mut there, mut hits) = (BTreeSet::new(), 0);
    for (number, key) in requests.iter().enumerate() {
        if there.remove(&(number, *key)) {
            hits += u32::from(number >= WARM_UP);
        }
        there.insert((next[number], *key));
        if there.len() > entries {
            there.pop_last();
        }
    }
    f64::from(hits) * 100.0 / (requests.len() - WARM_UP) as f64
}

fn main() -> Result<(), Fault> {
    let kinds = [
        Kind::Zipf(0.7),
        Kind::Zipf(0.9),
        Kind::Zipf(1.1),
        Kind::Scans(0.7),
        Kind::Scans(0.9),
        Kind::Scans(1.1),
        Kind::Circles(0.9),
        Kind::Changes(0.9),
    ];
    println!("hits in per cent of {} requests over {KEYS} keys", REQUESTS - WARM_UP);
    let names: Vec<_> = contenders(1)?.into_iter().map(|(name, _)| format!("{name:>13}")).collect();
    println!("{:<20} {:>8} {} {:>13}", "requests", "entries", names.join(" "), "best possible");
    for kind in kinds {
        let requests = kind.requests();
        for entries in [1_000, 5_000, 20_000] {
            let mut line = format!("{:<20} {entries:>8}", kind.name());
            for (_, cache) in contenders(entries)? {
                line += &format!(" {:>13.2}", ratio(&*cache, &requests));
            }
            println!("{line} {:>13.2}", best(&requests, entries));
        }
    }
    Ok(())
}
