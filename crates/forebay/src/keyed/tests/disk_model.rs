//! A cache with a disk beside a naive one: a map with deadlines, of which a restart takes away only
//! what may not go to disk. Every answer has to be the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::disk::{Place, same};
use crate::{Cache, Disk, Error};

const SPACES: usize = 3;
const KEYS: [&[u8]; 4] = [b"", b"a:1", b"a:2", b"\xff*"];
const PATTERNS: [&str; 4] = ["*", "a:?", "a:2", "\\*"];
const MATCHING: [&[usize]; 4] = [&[0, 1, 2, 3], &[1, 2], &[2], &[]];
const TAGS: [&str; 3] = ["x", "y", "z"];

/// Units of time are so long that it does not matter how long the test takes.
const UNIT: Duration = Duration::from_secs(1_000);

/// The ttl of what is loaded, and of "there is none".
const TTL: u64 = 12;
const NEGATIVE: u64 = 4;

type Spot = (usize, usize);

#[derive(Clone, Debug)]
enum Step {
    Get(Spot),
    GetAll(usize),
    GetNumber(Spot),
    Set(Spot, Option<usize>, u64),
    SetIdle(Spot),
    Load(Spot, Option<usize>),
    LoadNone(Spot),
    Increment(Spot),
    Delete(Spot),
    DeletePattern(usize, usize),
    DeleteTag(usize, usize),
    Clear(usize),
    Contains(Spot),
    Ttl(Spot),
    Touch(Spot),
    Pass(u64),
    Restart,
}

#[derive(Clone, Debug, PartialEq)]
enum Thing {
    Text(String),
    Number(i64),
    /// There is none; asked for as a text.
    Nothing,
}

#[derive(Clone, Debug)]
struct Kept {
    thing: Thing,
    expires: u64,
    ttl: u64,
    tags: BTreeSet<usize>,
    /// Whether it may go to disk.
    stays: bool,
}

#[derive(Default)]
struct Naive {
    now: u64,
    loads: u64,
    entries: BTreeMap<Spot, Kept>,
}

fn is_text(thing: &Thing) -> bool {
    matches!(thing, Thing::Text(_))
}

fn is_number(thing: &Thing) -> bool {
    matches!(thing, Thing::Number(_))
}

impl Naive {
    fn fresh(&self, place: Spot) -> Option<&Kept> {
        self.entries.get(&place).filter(|kept| self.now < kept.expires)
    }

    fn get(&self, place: Spot, is_wanted: impl Fn(&Thing) -> bool) -> Option<Thing> {
        self.fresh(place).map(|kept| kept.thing.clone()).filter(is_wanted)
    }

    fn keep(&mut self, place: Spot, thing: Thing, ttl: u64, tag: Option<usize>, stays: bool) {
        let tags = tag.into_iter().collect();
        let kept = Kept { thing, expires: self.now + ttl, ttl, tags, stays };
        self.entries.insert(place, kept);
    }

    fn step(&mut self, step: &Step) -> String {
        match *step {
            Step::Get(place) => tell(self.get(place, is_text)),
            Step::GetAll(space) => {
                let all = (0..KEYS.len()).map(|key| tell(self.get((space, key), is_text)));
                all.collect::<Vec<_>>().join(" ")
            }
            Step::GetNumber(place) => tell(self.get(place, is_number)),
            Step::Set(place, tag, ttl) => {
                self.loads += 1;
                let text = Thing::Text(format!("set {}", self.loads));
                self.keep(place, text, ttl, tag, true);
                String::new()
            }
            Step::SetIdle(place) => {
                self.loads += 1;
                let text = Thing::Text(format!("set {}", self.loads));
                self.keep(place, text, TTL, None, false);
                String::new()
            }
            Step::Load(place, tag) => tell(self.get(place, is_text).or_else(|| {
                self.loads += 1;
                let text = Thing::Text(format!("loaded {}", self.loads));
                self.keep(place, text.clone(), TTL, tag, true);
                Some(text)
            })),
            Step::LoadNone(place) => {
                let found = self.get(place, |thing| !is_number(thing)).unwrap_or_else(|| {
                    self.loads += 1;
                    self.keep(place, Thing::Nothing, NEGATIVE, None, true);
                    Thing::Nothing
                });
                tell(Some(found).filter(|found| *found != Thing::Nothing))
            }
            Step::Increment(place) => self.increment(place),
            Step::Delete(place) => {
                let was_fresh = self.fresh(place).is_some();
                self.entries.remove(&place);
                was_fresh.to_string()
            }
            Step::DeletePattern(space, pattern) => {
                let matching = MATCHING[pattern];
                self.entries.retain(|(own, key), _| *own != space || !matching.contains(key));
                String::new()
            }
            Step::DeleteTag(space, tag) => {
                self.entries.retain(|(own, _), kept| *own < space || !kept.tags.contains(&tag));
                String::new()
            }
            Step::Clear(space) => {
                self.entries.retain(|(own, _), _| *own < space);
                String::new()
            }
            Step::Contains(place) => self.fresh(place).is_some().to_string(),
            Step::Ttl(place) => format!("{:?}", self.fresh(place).map(|k| k.expires - self.now)),
            Step::Touch(place) => {
                let (is_fresh, now) = (self.fresh(place).is_some(), self.now);
                if is_fresh {
                    let kept = self.entries.get_mut(&place).unwrap();
                    kept.expires = kept.expires.max(now + kept.ttl);
                }
                is_fresh.to_string()
            }
            Step::Pass(units) => {
                self.now += units;
                String::new()
            }
            Step::Restart => {
                self.entries.retain(|_, kept| kept.stays);
                String::new()
            }
        }
    }

    fn increment(&mut self, place: Spot) -> String {
        match self.fresh(place).cloned() {
            None => {
                self.keep(place, Thing::Number(1), TTL, None, true);
                "1".to_owned()
            }
            Some(Kept { thing: Thing::Number(number), expires, ttl, .. }) => {
                self.keep(place, Thing::Number(number + 1), ttl, None, true);
                self.entries.get_mut(&place).unwrap().expires = expires;
                (number + 1).to_string()
            }
            Some(_) => "refused".to_owned(),
        }
    }
}

fn tell(thing: Option<Thing>) -> String {
    match thing {
        Some(Thing::Text(text)) => text,
        Some(Thing::Number(number)) => number.to_string(),
        Some(Thing::Nothing) | None => "none".to_owned(),
    }
}

/// The cache that is tested.
struct Real {
    place: Place,
    disk: Disk,
    spaces: [Cache; SPACES],
    loads: u64,
}

/// Namespaces are root, `n` and `n/m`: each lies within those before it.
fn spaces(place: &Place, disk: &Disk) -> [Cache; SPACES] {
    let words =
        |builder: crate::CacheBuilder| same(builder).ttl(units(TTL)).negative_ttl(units(NEGATIVE));
    let cache = place.cache(disk, words);
    let n = cache.namespace("n");
    [cache, n.clone(), n.namespace("m")]
}

fn units(units: u64) -> Duration {
    UNIT * u32::try_from(units).unwrap()
}

impl Real {
    fn at(&self, (space, key): Spot) -> (Cache, &'static [u8]) {
        (self.spaces[space].clone(), KEYS[key])
    }

    async fn step(&mut self, step: &Step) -> String {
        let text = |text: Option<std::sync::Arc<String>>| {
            tell(text.map(|text| Thing::Text((*text).clone())))
        };
        match *step {
            Step::Get(place) => {
                let (cache, key) = self.at(place);
                text(cache.get::<String>(key).await)
            }
            Step::GetAll(space) => {
                let all = self.spaces[space].get_many::<String>(KEYS).await;
                all.into_iter().map(text).collect::<Vec<_>>().join(" ")
            }
            Step::GetNumber(place) => {
                let (cache, key) = self.at(place);
                tell(cache.get::<i64>(key).await.map(|number| Thing::Number(*number)))
            }
            Step::Set(place, tag, ttl) => {
                self.loads += 1;
                let (cache, key) = self.at(place);
                let entry = cache.entry(key).tags(tag.map(|tag| TAGS[tag])).ttl(units(ttl));
                entry.set(format!("set {}", self.loads)).await;
                String::new()
            }
            Step::SetIdle(place) => {
                self.loads += 1;
                let (cache, key) = self.at(place);
                let entry = cache.entry(key).time_to_idle(units(1_000));
                entry.set(format!("set {}", self.loads)).await;
                String::new()
            }
            Step::Load(place, tag) => self.load(place, tag, |n| Some(format!("loaded {n}"))).await,
            Step::LoadNone(place) => self.load(place, None, |_| None).await,
            Step::Increment(place) => {
                let (cache, key) = self.at(place);
                let sum = cache.increment(key, 1).await;
                sum.map_or_else(|_| "refused".to_owned(), |sum| sum.to_string())
            }
            Step::Delete(place) => {
                let (cache, key) = self.at(place);
                cache.delete(key).await.unwrap().to_string()
            }
            Step::DeletePattern(space, pattern) => {
                self.spaces[space].delete_pattern(PATTERNS[pattern]).await.unwrap();
                String::new()
            }
            Step::DeleteTag(space, tag) => {
                self.spaces[space].delete_by_tag(TAGS[tag]).await.unwrap();
                String::new()
            }
            Step::Clear(space) => {
                self.spaces[space].clear().await.unwrap();
                String::new()
            }
            Step::Contains(place) => {
                let (cache, key) = self.at(place);
                cache.contains(key).await.to_string()
            }
            Step::Ttl(place) => {
                let (cache, key) = self.at(place);
                let left = cache.ttl(key).await;
                format!("{:?}", left.map(|left| left.as_secs() / UNIT.as_secs()))
            }
            Step::Touch(place) => {
                let (cache, key) = self.at(place);
                cache.touch(key).await.to_string()
            }
            Step::Pass(time) => {
                self.place.clock.advance(units(time));
                String::new()
            }
            Step::Restart => {
                assert!(self.disk.close().await);
                self.disk = self.place.disk().await;
                self.spaces = spaces(&self.place, &self.disk);
                String::new()
            }
        }
    }

    /// Texts are loaded as such, and none as an optional one.
    async fn load(
        &mut self,
        place: Spot,
        tag: Option<usize>,
        give: fn(u64) -> Option<String>,
    ) -> String {
        let (cache, key) = self.at(place);
        let entry = cache.entry(key).tags(tag.map(|tag| TAGS[tag]));
        let next = self.loads + 1;
        let loads = cache.stats().loads;
        let loaded = match give(next) {
            None => {
                entry.get_or_load_optional(move || async move { Ok::<_, Error>(give(next)) }).await
            }
            Some(text) => entry.get_or_load(|| async { Ok::<_, Error>(text) }).await.map(Some),
        };
        self.loads += cache.stats().loads - loads;
        tell(loaded.unwrap().map(|text| Thing::Text((*text).clone())))
    }
}

fn step() -> impl Strategy<Value = Step> {
    let place = || (0..SPACES, 0..KEYS.len());
    let tag = || proptest::option::of(0..TAGS.len());
    prop_oneof![
        5 => place().prop_map(Step::Get),
        1 => (0..SPACES).prop_map(Step::GetAll),
        1 => place().prop_map(Step::GetNumber),
        4 => (place(), tag(), 1..20_u64).prop_map(|(p, tag, ttl)| Step::Set(p, tag, ttl)),
        1 => place().prop_map(Step::SetIdle),
        6 => (place(), tag()).prop_map(|(p, tag)| Step::Load(p, tag)),
        2 => place().prop_map(Step::LoadNone),
        2 => place().prop_map(Step::Increment),
        2 => place().prop_map(Step::Delete),
        1 => (0..SPACES, 0..PATTERNS.len()).prop_map(|(s, p)| Step::DeletePattern(s, p)),
        2 => (0..SPACES, 0..TAGS.len()).prop_map(|(s, t)| Step::DeleteTag(s, t)),
        1 => (0..SPACES).prop_map(Step::Clear),
        2 => place().prop_map(Step::Contains),
        2 => place().prop_map(Step::Ttl),
        2 => place().prop_map(Step::Touch),
        3 => (1..6_u64).prop_map(Step::Pass),
        5 => Just(Step::Restart),
    ]
}

async fn compare(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let place = Place::new();
    let disk = place.disk().await;
    let mut real = Real { spaces: spaces(&place, &disk), place, disk, loads: 0 };
    let mut naive = Naive::default();
    for (at, step) in steps.iter().enumerate() {
        let (expected, got) = (naive.step(step), real.step(step).await);
        prop_assert_eq!(expected, got, "step {} of {:?}", at, steps);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_answers_as_a_naive_cache(steps in proptest::collection::vec(step(), 1..100)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(compare(steps))?;
    }
}
