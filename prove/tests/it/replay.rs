//! What a seed does is settled by the seed.

use std::process::Command;

use serde_json::Value;

/// Enough for every way of writing, a second process that is killed, and changes of the schema.
const STEPS: &str = "400";

const READS: &str = "100";

/// Two keys in one slot cost a needless miss, and which do is drawn anew in each process.
const SHARED_SLOTS_MAX: u64 = 20;

/// What one seed has counted.
fn counts(seed: u64) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_forebay-prove"))
        .args(["one-seed", &seed.to_string(), STEPS, READS, "plain"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert!(last["done"].is_object(), "seed {seed}: {text}");
    last["done"].clone()
}

fn number(counts: &Value, name: &str) -> u64 {
    counts[name].as_u64().unwrap()
}

#[test]
fn a_seed_replays_exactly() {
    // What threads do at once is in nobody's hands.
    let settled = |counts: &Value| {
        let names = ["steps", "commits", "kills", "refused", "rolled_back"];
        let names = names.iter().chain(&["writes", "second", "rules"]);
        names.map(|name| counts[*name].to_string()).collect::<Vec<_>>()
    };
    let asked = |counts: &Value| {
        ["verified", "first_hits", "misses"].map(|name| number(counts, name)).iter().sum::<u64>()
    };
    // Its first database lasts for all steps, and nothing in it waits for a time: its snapshots are
    // not held and its pages not mapped.
    let seed = 40;
    let (first, second) = (counts(seed), counts(seed));
    assert!(number(&first, "verified") > 1_000 && number(&first, "kills") > 0, "{first:#}");
    assert_eq!(number(&first, "mapped"), 0, "seed {seed} depends on the time");
    assert_eq!(settled(&first), settled(&second), "seed {seed}");
    assert_eq!(asked(&first), asked(&second), "seed {seed}");
    let [one, two] = [&first, &second].map(|counts| number(counts, "misses"));
    assert!(one.abs_diff(two) <= SHARED_SLOTS_MAX, "seed {seed}: {one} and {two} misses");
    assert_ne!(settled(&first), settled(&counts(4)));
}
