//! The summary of a run, for people.

use serde_json::Value;

/// The record of a run as text.
pub(crate) fn summary(record: &Value) -> String {
    let counts = &record["counts"];
    let number = |name: &str| counts[name].as_u64().unwrap_or(0);
    let mut text = String::new();
    for failure in record["failures"].as_array().into_iter().flatten() {
        text += &format!(
            "\nFAILED with seed {} at write {}; replay: \
             cargo xtask prove --seed {} --steps {}\n{}\n",
            failure["seed"],
            failure["write"],
            failure["seed"],
            record["steps_per_seed"],
            failure["script"].as_str().unwrap_or("")
        );
    }
    text += "\n";
    text +=
        &table("read feature", &["reads", "verified", "misses", "needless"], &counts["features"]);
    for (title, name) in [
        ("rules of explain", "rules"),
        ("Forebay's counters", "forebay"),
        ("own statements", "writes"),
        ("second process", "second"),
        ("many threads", "race"),
    ] {
        text += &list(title, &counts[name]);
    }
    text += &format!("\nseeds                 {}, from {}\n", record["seeds"], record["seed"]);
    for (title, name) in [
        ("databases", "databases"),
        ("transactions", "steps"),
        ("commits", "commits"),
        ("entries verified", "verified"),
        ("hits when first asked", "first_hits"),
        ("misses", "misses"),
        ("of these needless", "needless"),
        ("refused by both", "refused"),
        ("second process killed", "kills"),
    ] {
        text += &format!("{title:<21} {}\n", number(name));
    }
    let seconds = record["seconds"].as_f64().unwrap_or(0.0);
    text += &format!("{:<21} {}\n", "differences", record["differences"]);
    text += &format!(
        "{:<21} {seconds:.1} s ({:.0} entries verified per second)\n",
        "time",
        number("verified") as f64 / seconds
    );
    text
}

fn table(title: &str, columns: &[&str], rows: &Value) -> String {
    let mut text = format!("{title:<38}");
    for column in columns {
        text += &format!("{column:>13}");
    }
    text.push('\n');
    for (name, row) in rows.as_object().into_iter().flatten() {
        text += &format!("{name:<38}");
        for column in columns {
            text += &format!("{:>13}", row[*column].as_u64().unwrap_or(0));
        }
        text.push('\n');
    }
    text
}

fn list(title: &str, counts: &Value) -> String {
    let mut text = format!("\n{title}\n");
    for (name, count) in counts.as_object().into_iter().flatten() {
        text += &format!("  {name:<60} {:>13}\n", count.as_u64().unwrap_or(0));
    }
    text
}
