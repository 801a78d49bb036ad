//! What every comparison prints with `--json`, so that `forebay bench --suite peers` can gather it:
//! operations, each with Forebay's times and those of its peers. All are nanoseconds for one
//! operation, round by round, and less is better; rounds of one operation took turns, so that a
//! ratio may be taken within one.
//!
//! It measures nothing, and depends on nothing that is measured.

use serde_json::{Map, Value, json};

/// All that a program has measured.
#[derive(Default)]
pub struct Outcome {
    versions: Map<String, Value>,
    operations: Vec<Value>,
}

/// One side of an operation: its name, and what an operation took in each round, in nanoseconds.
pub type Side<'a> = (&'a str, &'a [f64]);

impl Outcome {
    pub fn version(&mut self, of: &str, version: &str) {
        self.versions.insert(of.to_owned(), version.into());
    }

    /// Adds the versions of these packages as a Cargo.lock has them.
    pub fn locked(&mut self, lock: &str, packages: &[&str]) {
        for package in packages {
            if let Some(version) = locked(lock, package) {
                self.version(package, version);
            }
        }
    }

    pub fn operation(&mut self, operation: &str, ours: Side<'_>, peers: &[Side<'_>]) {
        let side = |(name, rounds): &Side<'_>| json!({ "name": name, "rounds_ns": rounds });
        self.operations.push(json!({
            "operation": operation,
            "ours": side(&ours),
            "peers": peers.iter().map(side).collect::<Vec<_>>(),
        }));
    }

    pub fn print(&self) {
        let all = json!({ "versions": self.versions, "operations": self.operations });
        println!("{all:#}");
    }
}

/// The version of a package in a Cargo.lock.
pub fn locked<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    after.split_once('"').map(|(version, _)| version)
}

/// What half of them did not exceed, or the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => (values[len / 2 - 1] + values[len / 2]) / 2.0,
    }
}

/// What `--rounds N` and `--json` say.
pub struct Options {
    pub rounds: usize,
    /// The outcome as JSON instead of tables for people.
    pub json: bool,
}

impl Options {
    /// Reads the arguments of the program; anything else is refused.
    pub fn from_args(rounds: usize) -> Result<Options, Box<dyn std::error::Error + Send + Sync>> {
        let mut options = Options { rounds, json: false };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--json" => options.json = true,
                "--rounds" => {
                    options.rounds = args.next().ok_or("--rounds needs a number")?.parse()?;
                }
                other => return Err(format!("unknown argument {other}: --rounds N, --json").into()),
            }
        }
        if options.rounds == 0 {
            return Err("--rounds needs a number from 1".into());
        }
        Ok(options)
    }
}
