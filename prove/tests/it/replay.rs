//! What a seed does is settled by the seed.

use std::process::Command;

use serde_json::Value;

/// Enough for every way of writing, a second process that is killed, and changes of the schema.
const STEPS: &str = "400";

/// What one seed has counted.
fn counts(seed: u64) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_forebay-prove"))
        .args(["one-seed", &seed.to_string(), STEPS, "plain"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let mut counts = last["done"].clone();
    let counters = counts.as_object_mut().unwrap_or_else(|| panic!("seed {seed}: {text}"));
    // What threads do at once is in nobody's hands, and neither is when dead entries are found.
    counters.remove("race").unwrap();
    counters["forebay"].as_object_mut().unwrap().remove("invalidations").unwrap();
    counts
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [2, 3] {
        let first = counts(seed);
        let [verified, killed, mapped] =
            ["verified", "kills", "mapped"].map(|name| first[name].as_u64().unwrap());
        assert!(verified > 1_000 && killed > 0 && mapped == 0, "seed {seed}: {first:#}");
        assert_eq!(first, counts(seed), "seed {seed}");
    }
    assert_ne!(counts(2), counts(3));
}
