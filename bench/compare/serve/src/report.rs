//! The figures: lines for people, and everything as JSON.

use serde_json::{Map, Value};

#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<String>,
    raw: Map<String, Value>,
}

impl Report {
    pub(crate) fn title(&mut self, text: &str) {
        self.line(String::new());
        self.line(format!("## {text}"));
        self.line(String::new());
    }

    /// It is shown at once, as a measurement takes its time.
    pub(crate) fn line(&mut self, text: String) {
        eprintln!("{text}");
        self.lines.push(text);
    }

    /// A figure beside what was wanted.
    pub(crate) fn verdict(&mut self, what: &str, found: f64, wanted: Wanted) {
        let (is_met, sign, limit) = match wanted {
            Wanted::AtLeast(limit) => (found >= limit, ">=", limit),
            Wanted::AtMost(limit) => (found <= limit, "<=", limit),
        };
        let word = if is_met { "met" } else { "MISSED" };
        self.line(format!("{word}: {what}: {found:.3} (wanted {sign} {limit})"));
    }

    pub(crate) fn keep(&mut self, name: &str, value: Value) {
        self.raw.insert(name.to_owned(), value);
    }

    pub(crate) fn print(&self) {
        for line in &self.lines {
            println!("{line}");
        }
    }

    pub(crate) fn json(&self) -> String {
        format!("{:#}\n", Value::Object(self.raw.clone()))
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

/// The median, and the quartiles around it.
pub(crate) fn quartiles(values: impl IntoIterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * values.len().saturating_sub(1) as f64;
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        values.get(low).zip(values.get(high)).map_or(f64::NAN, |(low, high)| (low + high) / 2.0)
    };
    [at(0.25), at(0.5), at(0.75)]
}

pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    quartiles(values)[1]
}
