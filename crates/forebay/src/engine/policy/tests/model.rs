use std::collections::HashSet;

use super::world::{World, ask, secs};
use fastrand::Rng;

const STEPS: usize = 6_000;
const TAGS: [&str; 3] = ["a", "b", "c"];

/// What the shelf has of a row.
#[derive(Clone, Default)]
struct Shelved {
    value: i64,
    read_at: u64,
    /// Nothing was written since.
    is_true: bool,
    tags: HashSet<usize>,
}

/// Words for one read: the ttl, whether it is of `ttl_only`, and tags.
#[derive(Clone, Debug)]
struct Words {
    ttl: Option<(u64, bool)>,
    tags: HashSet<usize>,
}

impl Words {
    fn any(rng: &mut Rng) -> Words {
        let limit = rng.u64(1..20);
        let ttl = [None, Some((limit, false)), Some((limit, true))][rng.usize(0..3)];
        let tags = (0..TAGS.len()).filter(|_| rng.u8(0..3) == 0).collect();
        Words { ttl, tags }
    }

    /// Whether it is a policy at all.
    fn is_any(&self) -> bool {
        self.ttl.is_some() || !self.tags.is_empty()
    }

    fn serves(&self, shelved: &Shelved, now: u64) -> bool {
        let age = now - shelved.read_at;
        self.tags.is_subset(&shelved.tags)
            && match self.ttl {
                None => shelved.is_true,
                Some((limit, false)) => shelved.is_true && age < limit,
                Some((limit, true)) => age < limit,
            }
    }
}

/// A naive shelf, which knows of every write and deletion at once, says of every read what it
/// gives and whether that was at hand. Those without words always get what the database has.
#[tokio::test]
async fn the_shelf_does_as_a_naive_one() {
    let world = World::open(|builder| builder.worth_it(false)).await;
    let mut rng = Rng::with_seed(29_11_26);
    let (mut values, mut shelf, mut now) = ([0_i64; 3], [const { None::<Shelved> }; 3], 0);
    let (mut hits, mut stale, mut needless) = (0, 0, 0);
    for step in 0..STEPS {
        let row = rng.usize(0..3);
        match rng.u8(0..10) {
            0 | 1 => {
                let value = step as i64;
                let sql = format!("UPDATE t SET v = {value} WHERE id = {}", row + 1);
                if rng.bool() {
                    world.by_others(&sql);
                    // Which row it was is not seen.
                    shelf.iter_mut().flatten().for_each(|shelved| shelved.is_true = false);
                } else {
                    world.db.execute(&sql).await.unwrap();
                    shelf[row].iter_mut().for_each(|shelved| shelved.is_true = false);
                }
                values[row] = value;
            }
            2 => {
                now += 1;
                world.pass(1.0);
            }
            3 => {
                let tag = rng.usize(0..TAGS.len());
                world.db.delete_by_tag(TAGS[tag]);
                for place in &mut shelf {
                    place.take_if(|shelved| shelved.tags.contains(&tag));
                }
            }
            _ => {
                let words = Words::any(&mut rng);
                let sql = "SELECT v FROM t WHERE id = ?";
                let mut query = world.db.query(sql).bind(row as i64 + 1);
                query = match words.ttl {
                    None => query,
                    Some((limit, false)) => query.ttl(secs(limit)),
                    Some((limit, true)) => query.ttl_only(secs(limit)),
                };
                query = words.tags.iter().fold(query, |query, tag| query.tag(TAGS[*tag]));
                let (value, cached) = ask(query).await;
                if !words.is_any() {
                    assert_eq!(value, values[row], "step {step}");
                    continue;
                }
                let place = &mut shelf[row];
                let served = place.as_ref().filter(|shelved| words.serves(shelved, now));
                let expect = served.filter(|_| cached).map_or(values[row], |it| it.value);
                let context = format!("step {step}, {words:?}, {now}");
                assert_eq!(value, expect, "{context}");
                assert!(served.is_some() || !cached, "{context}");
                // What writes do not matter to is always there; else more may have been dropped.
                let is_timed = words.ttl.is_some_and(|(_, is_only)| is_only);
                needless += usize::from(served.is_some() && !cached);
                assert!(cached || served.is_none() || !is_timed, "{context}");
                if cached {
                    hits += 1;
                    stale += usize::from(value != values[row]);
                    continue;
                }
                let before = place.take().map(|shelved| shelved.tags).unwrap_or_default();
                let tags = before.union(&words.tags).copied().collect();
                *place = Some(Shelved { value, read_at: now, is_true: true, tags });
            }
        }
    }
    assert!(hits > STEPS / 10 && stale > STEPS / 100, "{hits} hits, {stale} stale");
    assert!(needless < hits / 20, "{needless} needless reads");
    let audit = world.db.stats().cache.audit;
    assert_eq!(audit.differing, 0);
}
