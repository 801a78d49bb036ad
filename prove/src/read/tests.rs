use std::collections::BTreeSet;

use fastrand::Rng;

use super::{Read, read};
use crate::feature::Feature;
use crate::run::{Bare, Manner, PAGE, World, alike};

/// A database of `seed`, and reads about it.
fn world(seed: u64) -> World {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(World::new(seed, Manner::default(), 0, &mut Default::default())).unwrap()
}

fn reads(world: &World, seed: u64, count: usize) -> Vec<Read> {
    let mut rng = Rng::with_seed(seed);
    (0..count).filter_map(|_| read(&mut rng, world.schema())).collect()
}

/// What `Compare` claims to be determined is: another plan gives the same answer.
#[test]
fn answers_do_not_depend_on_the_plan() {
    for seed in 0..24 {
        let world = world(seed);
        let bare = Bare::open(&world.path(), PAGE).unwrap();
        let asked: Vec<_> = reads(&world, seed, 1_000)
            .into_iter()
            .filter_map(|read| bare.rows(&read.statement).ok().map(|rows| (read, rows)))
            .collect();
        assert!(asked.len() > 800, "seed {seed}: only {} of 1000 reads can be asked", asked.len());
        bare.run("PRAGMA reverse_unordered_selects = ON; PRAGMA automatic_index = OFF").unwrap();
        for index in &world.schema().indexes {
            bare.run(&format!("DROP INDEX {index}")).unwrap();
        }
        for (read, first) in asked {
            let second = bare.rows(&read.statement).unwrap();
            let is_alike = alike(read.compare, first.clone(), second.clone());
            let text = read.statement.described();
            // The schema has changed on purpose.
            let asks_schema = text.contains("sqlite_");
            assert!(
                is_alike || asks_schema,
                "seed {seed}: {text} {:?}\n{first:?}\n{second:?}",
                read.compare
            );
        }
    }
}

#[test]
fn a_seed_gives_the_same_reads_again() {
    let texts = |seed| {
        let world = world(seed);
        reads(&world, 7, 100).iter().map(|read| read.statement.described()).collect::<Vec<_>>()
    };
    assert_eq!(texts(1), texts(1));
    assert_ne!(texts(1), texts(2));
}

#[test]
fn every_feature_is_drawn() {
    let mut seen = BTreeSet::new();
    for seed in 0..8 {
        let world = world(seed);
        for read in reads(&world, seed, 2_000) {
            seen.extend(read.features.names());
        }
    }
    let all: BTreeSet<&str> = Feature::NAMES.iter().copied().collect();
    let missing: Vec<_> = all.difference(&seen).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
