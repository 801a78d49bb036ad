//! The summary of a run, for people.

use serde_json::Value;

/// The record of a run as text.
pub(crate) fn summary(record: &Value) -> String {
    let counts = &record["counts"];
    let number = |name: &str| counts[name].as_u64().unwrap_or(0);
    let mut text = String::new();
    for failure in record["failures"].as_array().into_iter().flatten() {
        text += &format!(
            "\nFAILED with seed {} at turn {}; replay: {} --seed {} --steps {}\n{}\n",
            failure["seed"],
            failure["write"],
            record["replay"].as_str().unwrap_or("cargo xtask prove --postgres"),
            failure["seed"],
            record["steps_per_seed"],
            failure["script"].as_str().unwrap_or("")
        );
    }
    text +=
        &format!("\n{:<48}{:>10}{:>12}{:>12}\n", "feature of reads", "reads", "verified", "hits");
    for (name, row) in counts["features"].as_object().into_iter().flatten() {
        let of = |column: &str| row[column].as_u64().unwrap_or(0);
        text += &format!("{name:<48}{:>10}{:>12}{:>12}\n", of("reads"), of("verified"), of("hits"));
    }
    for (title, name) in [
        ("ways of writing", "ways"),
        ("kinds of writes", "kinds"),
        ("how writes ended", "ends"),
        ("what else happened", "faults"),
        ("rules of explain", "rules"),
        ("Forebay's counters", "forebay"),
        ("many threads", "race"),
    ] {
        text += &format!("\n{title}\n");
        for (name, count) in counts[name].as_object().into_iter().flatten() {
            text += &format!("  {name:<64} {:>11}\n", count.as_u64().unwrap_or(0));
        }
    }
    text += &format!("\nseeds                 {}, from {}\n", record["seeds"], record["seed"]);
    for (title, name) in [
        ("turns", "steps"),
        ("commits", "commits"),
        ("answers verified", "verified"),
        ("of these hits", "hits"),
        ("right after a write", "early_hits"),
        ("asked when settled", "settled"),
        ("of these hits", "settled_hits"),
        ("locks compared", "locks"),
        ("refused by both", "refused"),
        ("stream not in time", "unsettled"),
    ] {
        text += &format!("{title:<21} {}\n", number(name));
    }
    let seconds = record["seconds"].as_f64().unwrap_or(0.0);
    text += &format!(
        "{:<21} {}\n{:<21} {seconds:.1} s\n",
        "differences", record["differences"], "time"
    );
    text
}
