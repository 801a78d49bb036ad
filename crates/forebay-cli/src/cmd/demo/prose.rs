//! Text of a given length that compresses and compares like text, for titles and bodies.

use fastrand::Rng;

const WORDS: [&str; 64] = [
    "about", "after", "again", "answer", "archive", "before", "bridge", "build", "cache", "canal",
    "change", "clear", "cloud", "commit", "compare", "count", "current", "database", "delta",
    "depth", "engine", "every", "flow", "found", "gate", "harbor", "index", "inlet", "journal",
    "layer", "level", "light", "measure", "memory", "mirror", "morning", "number", "open", "order",
    "page", "pool", "pressure", "query", "quiet", "reason", "record", "river", "sluice", "source",
    "spring", "stale", "steady", "stone", "storage", "surface", "table", "tide", "turbine",
    "valley", "water", "weather", "weir", "winter", "write",
];

/// A sentence of `words` words.
pub(super) fn sentence(rng: &mut Rng, words: usize) -> String {
    let mut text = String::with_capacity(words * 7);
    for position in 0..words {
        if position > 0 {
            text.push(' ');
        }
        text.push_str(WORDS[rng.usize(0..WORDS.len())]);
    }
    text
}
