//! A cache beside a naive one: a map with deadlines that does everything at once, in the obvious
//! way. Every answer has to be the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::built;
use crate::{Cache, Error};

const SPACES: usize = 3;
const KEYS: [&[u8]; 4] = [b"", b"a:1", b"a:2", b"\xff*"];
const PATTERNS: [&str; 4] = ["*", "a:?", "a:2", "\\*"];
const TAGS: [&str; 3] = ["x", "y", "z"];

type Place = (usize, usize);

#[derive(Clone, Debug)]
enum Step {
    Get(Place),
    GetNumber(Place),
    Set(Place, Option<usize>, u64),
    Load(Place, Option<usize>),
    LoadNone(Place),
    LoadFailing(Place),
    Increment(Place),
    Delete(Place),
    DeletePattern(usize, usize),
    DeleteTag(usize, usize),
    Clear(usize),
    Contains(Place),
    Ttl(Place),
    Touch(Place),
    Pass(u64),
}

#[derive(Clone, Debug, PartialEq)]
enum Thing {
    Text(String),
    Number(i64),
    /// There is none; asked for as a text.
    Nothing,
}

/// An entry of the naive cache.
#[derive(Clone, Debug)]
struct Kept {
    thing: Thing,
    expires: u64,
    used: u64,
    ttl: u64,
    tags: BTreeSet<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Words {
    ttl: u64,
    negative: u64,
    idle: Option<u64>,
    on_error: u64,
}

struct Naive {
    words: Words,
    now: u64,
    entries: BTreeMap<Place, Kept>,
    loads: u64,
}

/// Namespaces are root, `n` and `n/m`: each lies within those before it.
fn holds(outer: usize, inner: usize) -> bool {
    inner >= outer
}

impl Naive {
    fn ends(&self, kept: &Kept) -> u64 {
        self.words.idle.map_or(kept.expires, |idle| kept.expires.min(kept.used + idle))
    }

    fn fresh(&self, place: Place) -> Option<&Kept> {
        self.entries.get(&place).filter(|kept| self.now < self.ends(kept))
    }

    /// A use is noted.
    fn get(&mut self, place: Place, is_wanted: impl Fn(&Thing) -> bool) -> Option<Thing> {
        let thing = self.fresh(place).map(|kept| kept.thing.clone()).filter(is_wanted)?;
        let now = self.now;
        self.entries.get_mut(&place).unwrap().used = now;
        Some(thing)
    }

    fn keep(&mut self, place: Place, thing: Thing, ttl: u64, tags: BTreeSet<usize>) {
        let kept = Kept { thing, expires: self.now + ttl, used: self.now, ttl, tags };
        self.entries.insert(place, kept);
    }

    fn remove(&mut self, is_meant: impl Fn(Place, &Kept) -> bool) -> u64 {
        let meant: Vec<Place> =
            self.entries.iter().filter(|(p, kept)| is_meant(**p, kept)).map(|(p, _)| *p).collect();
        let fresh = meant.iter().filter(|place| self.fresh(**place).is_some()).count();
        meant.iter().for_each(|place| _ = self.entries.remove(place));
        fresh as u64
    }

    /// What the same step does at the naive cache, told as a text.
    fn step(&mut self, step: &Step) -> String {
        let is_text = |thing: &Thing| matches!(thing, Thing::Text(_));
        let is_number = |thing: &Thing| matches!(thing, Thing::Number(_));
        match *step {
            Step::Get(place) => tell(self.get(place, is_text)),
            Step::GetNumber(place) => tell(self.get(place, is_number)),
            Step::Set(place, tag, ttl) => {
                self.loads += 1;
                let text = Thing::Text(format!("set {}", self.loads));
                self.keep(place, text, ttl, tag.into_iter().collect());
                String::new()
            }
            Step::Load(place, tag) => tell(self.get(place, is_text).or_else(|| {
                self.loads += 1;
                let text = Thing::Text(format!("loaded {}", self.loads));
                self.keep(place, text.clone(), self.words.ttl, tag.into_iter().collect());
                Some(text)
            })),
            Step::LoadNone(place) => {
                let found = self.get(place, |thing| !is_number(thing)).unwrap_or_else(|| {
                    self.loads += 1;
                    self.keep(place, Thing::Nothing, self.words.negative, BTreeSet::new());
                    Thing::Nothing
                });
                tell(Some(found).filter(|found| *found != Thing::Nothing))
            }
            Step::LoadFailing(place) => {
                let found = self.get(place, is_text).or_else(|| {
                    self.loads += 1;
                    let kept = self.entries.get(&place)?;
                    let is_near = self.now < self.ends(kept) + self.words.on_error;
                    (is_text(&kept.thing) && is_near).then(|| kept.thing.clone())
                });
                tell(found)
            }
            Step::Increment(place) => self.increment(place),
            Step::Delete(place) => (self.remove(|other, _| other == place) > 0).to_string(),
            Step::DeletePattern(space, pattern) => {
                let matching = [vec![0, 1, 2, 3], vec![1, 2], vec![2], vec![]][pattern].clone();
                self.remove(|(own, key), _| own == space && matching.contains(&key)).to_string()
            }
            Step::DeleteTag(space, tag) => {
                self.remove(|(own, _), kept| holds(space, own) && kept.tags.contains(&tag));
                String::new()
            }
            Step::Clear(space) => self.remove(|(own, _), _| holds(space, own)).to_string(),
            Step::Contains(place) => self.fresh(place).is_some().to_string(),
            Step::Ttl(place) => {
                let left = self.fresh(place).map(|kept| self.ends(kept) - self.now);
                format!("{left:?}")
            }
            Step::Touch(place) => {
                let (is_fresh, now) = (self.fresh(place).is_some(), self.now);
                if is_fresh {
                    let kept = self.entries.get_mut(&place).unwrap();
                    (kept.expires, kept.used) = (kept.expires.max(now + kept.ttl), now);
                }
                is_fresh.to_string()
            }
            Step::Pass(seconds) => {
                self.now += seconds;
                String::new()
            }
        }
    }

    fn increment(&mut self, place: Place) -> String {
        match self.fresh(place).cloned() {
            None => {
                self.keep(place, Thing::Number(1), self.words.ttl, BTreeSet::new());
                "1".to_owned()
            }
            Some(Kept { thing: Thing::Number(number), expires, tags, .. }) => {
                self.keep(place, Thing::Number(number + 1), self.words.ttl, tags);
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
    spaces: [Cache; SPACES],
    clock: crate::clock::Clock,
    loads: u64,
}

impl Real {
    async fn step(&mut self, step: &Step) -> String {
        match *step {
            Step::Get(place) => {
                let (cache, key) = self.at(place);
                tell(cache.get::<String>(key).await.map(|text| Thing::Text((*text).clone())))
            }
            Step::GetNumber(place) => {
                let (cache, key) = self.at(place);
                tell(cache.get::<i64>(key).await.map(|number| Thing::Number(*number)))
            }
            Step::Set(place, tag, ttl) => {
                self.loads += 1;
                let text = format!("set {}", self.loads);
                let (cache, key) = self.at(place);
                let entry = cache.entry(key).tags(tag.map(|tag| TAGS[tag])).ttl(seconds(ttl));
                entry.set(text).await;
                String::new()
            }
            Step::Load(place, tag) => {
                self.load(place, tag, |n| Ok(Some(format!("loaded {n}")))).await
            }
            Step::LoadNone(place) => self.load(place, None, |_| Ok(None)).await,
            Step::LoadFailing(place) => self.load(place, None, |_| Err("out of order")).await,
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
                self.spaces[space].delete_pattern(PATTERNS[pattern]).await.unwrap().to_string()
            }
            Step::DeleteTag(space, tag) => {
                self.spaces[space].delete_by_tag(TAGS[tag]).await.unwrap();
                String::new()
            }
            Step::Clear(space) => self.spaces[space].clear().await.unwrap().to_string(),
            Step::Contains(place) => {
                let (cache, key) = self.at(place);
                cache.contains(key).await.to_string()
            }
            Step::Ttl(place) => {
                let (cache, key) = self.at(place);
                format!("{:?}", cache.ttl(key).await.map(|left| left.as_secs()))
            }
            Step::Touch(place) => {
                let (cache, key) = self.at(place);
                cache.touch(key).await.to_string()
            }
            Step::Pass(time) => {
                self.clock.advance(seconds(time));
                String::new()
            }
        }
    }

    fn at(&self, (space, key): Place) -> (Cache, &'static [u8]) {
        (self.spaces[space].clone(), KEYS[key])
    }

    /// Texts are loaded as such, and none as an optional one.
    async fn load(
        &mut self,
        place: Place,
        tag: Option<usize>,
        give: fn(u64) -> Result<Option<String>, &'static str>,
    ) -> String {
        let (cache, key) = self.at(place);
        let entry = cache.entry(key).tags(tag.map(|tag| TAGS[tag]));
        let next = self.loads + 1;
        let loads = cache.stats().loads;
        let loaded: Result<_, Error> = match give(next) {
            Ok(None) => entry.get_or_load_optional(move || async move { give(next) }).await,
            _ => {
                let load = move || async move { give(next).map(Option::unwrap_or_default) };
                entry.get_or_load(load).await.map(Some)
            }
        };
        self.loads += cache.stats().loads - loads;
        tell(loaded.ok().flatten().map(|text| Thing::Text((*text).clone())))
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn step() -> impl Strategy<Value = Step> {
    let place = || (0..SPACES, 0..KEYS.len());
    let tag = || proptest::option::of(0..TAGS.len());
    prop_oneof![
        4 => place().prop_map(Step::Get),
        1 => place().prop_map(Step::GetNumber),
        4 => (place(), tag(), 1..20_u64).prop_map(|(p, tag, ttl)| Step::Set(p, tag, ttl)),
        6 => (place(), tag()).prop_map(|(p, tag)| Step::Load(p, tag)),
        2 => place().prop_map(Step::LoadNone),
        2 => place().prop_map(Step::LoadFailing),
        2 => place().prop_map(Step::Increment),
        2 => place().prop_map(Step::Delete),
        1 => (0..SPACES, 0..PATTERNS.len()).prop_map(|(s, p)| Step::DeletePattern(s, p)),
        2 => (0..SPACES, 0..TAGS.len()).prop_map(|(s, t)| Step::DeleteTag(s, t)),
        1 => (0..SPACES).prop_map(Step::Clear),
        2 => place().prop_map(Step::Contains),
        2 => place().prop_map(Step::Ttl),
        1 => place().prop_map(Step::Touch),
        4 => (1..8_u64).prop_map(Step::Pass),
    ]
}

fn words() -> impl Strategy<Value = Words> {
    let idle = proptest::option::of(4..30_u64);
    let all = (2..20_u64, 1..10_u64, idle, prop_oneof![Just(0), 1..10_u64]);
    all.prop_map(|(ttl, negative, idle, on_error)| Words { ttl, negative, idle, on_error })
}

async fn compare(words: Words, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (cache, clock) = built(|builder| {
        let builder = builder.ttl(seconds(words.ttl)).negative_ttl(seconds(words.negative));
        let builder = builder.stale_if_error(seconds(words.on_error));
        words.idle.map_or(builder.clone(), |idle| builder.time_to_idle(seconds(idle)))
    });
    let n = cache.namespace("n");
    let mut real = Real { spaces: [cache.clone(), n.clone(), n.namespace("m")], clock, loads: 0 };
    let mut naive = Naive { words, now: 0, entries: BTreeMap::new(), loads: 0 };
    for (at, step) in steps.iter().enumerate() {
        let (expected, got) = (naive.step(step), real.step(step).await);
        prop_assert_eq!(expected, got, "step {} of {:?}", at, steps);
    }
    let kept: u64 = cache.clear().await.unwrap();
    let fresh = naive.remove(|_, _| true);
    prop_assert_eq!(kept, fresh);
    prop_assert_eq!((cache.stats().entries, cache.stats().bytes), (0, 0));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn it_answers_as_a_naive_cache(
        words in words(),
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(compare(words, steps))?;
    }
}
