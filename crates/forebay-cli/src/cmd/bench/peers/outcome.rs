//! What a program says that it has measured: the shape that all of them print.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// All of one program.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What was measured, and its version.
    pub(super) versions: Vec<(String, String)>,
    pub(super) operations: Vec<Operation>,
}

#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: String,
    pub(super) ours: Side,
    pub(super) peers: Vec<Side>,
}

#[derive(Debug)]
pub(super) struct Side {
    pub(super) name: String,
    /// What one operation took, round by round.
    pub(super) rounds_ns: Vec<f64>,
}

impl Outcome {
    pub(super) fn parse(text: &str) -> Result<Outcome> {
        let value: Value = serde_json::from_str(text).context("it has printed no JSON")?;
        let versions = value["versions"].as_object().context("it names no versions")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let operations = value["operations"].as_array().context("it names no operations")?;
        ensure!(!operations.is_empty(), "it has measured nothing");
        Ok(Outcome {
            versions: versions
                .iter()
                .map(|(name, version)| (name.clone(), text(version)))
                .collect(),
            operations: operations.iter().map(Operation::parse).collect::<Result<_>>()?,
        })
    }
}

impl Operation {
    fn parse(value: &Value) -> Result<Operation> {
        let name = value["operation"].as_str().context("an operation has no name")?.to_owned();
        let of = || format!("the operation {name:?} is not complete");
        let ours = Side::parse(&value["ours"]).with_context(of)?;
        let peers = value["peers"].as_array().with_context(of)?;
        let peers = peers.iter().map(Side::parse).collect::<Result<Vec<_>>>().with_context(of)?;
        ensure!(!peers.is_empty(), "the operation {name:?} has no peers");
        Ok(Operation { name, ours, peers })
    }
}

impl Side {
    fn parse(value: &Value) -> Result<Side> {
        let name = value["name"].as_str().context("a side has no name")?.to_owned();
        let rounds = value["rounds_ns"].as_array().context("a side has no rounds")?;
        let rounds_ns: Vec<f64> = rounds.iter().filter_map(Value::as_f64).collect();
        let is_positive = rounds_ns.iter().all(|nanos| *nanos > 0.0);
        let is_whole = !rounds.is_empty() && rounds_ns.len() == rounds.len() && is_positive;
        ensure!(is_whole, "{name:?} has rounds that are no times");
        Ok(Side { name, rounds_ns })
    }

    /// What half of the rounds did not exceed.
    pub(super) fn median(&self) -> f64 {
        median(self.rounds_ns.clone())
    }

    /// How many times as long it took as another: within a round where they took turns.
    pub(super) fn times(&self, other: &Side) -> f64 {
        if self.rounds_ns.len() != other.rounds_ns.len() {
            return self.median() / other.median();
        }
        let rounds = self.rounds_ns.iter().zip(&other.rounds_ns);
        median(rounds.map(|(own, other)| own / other).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let side = |rounds: &[f64]| Side { name: "a side".to_owned(), rounds_ns: rounds.to_vec() };
        let check = |own: &[f64], other: &[f64], expect: f64| {
            let times = side(own).times(&side(other));
            assert!((times - expect).abs() < 1e-9, "{own:?} {other:?}: {times}");
        };
        check(&[10.0, 100.0, 1.0], &[5.0, 50.0, 0.5], 2.0);
        check(&[10.0, 30.0], &[10.0, 10.0], 2.0);
        check(&[10.0, 20.0, 30.0], &[10.0], 2.0);
    }

    #[test]
    fn what_is_not_complete_is_refused() {
        let check = |text: &str, says: &str| {
            let error = Outcome::parse(text).err().map(|error| format!("{error:#}"));
            assert!(error.as_deref().unwrap_or("none").contains(says), "{text}: {error:?}");
        };
        check("no JSON", "no JSON");
        check(r#"{"operations": []}"#, "versions");
        check(r#"{"versions": {}, "operations": []}"#, "nothing");
        let of = |ours: &str, peers: &str| {
            format!(
                r#"{{"versions": {{}}, "operations":
                [{{"operation": "hit", "ours": {ours}, "peers": {peers}}}]}}"#
            )
        };
        let side = r#"{"name": "x", "rounds_ns": [1.0]}"#;
        check(&of("{}", "[]"), "\"hit\" is not complete");
        check(&of(side, "[]"), "no peers");
        check(&of(r#"{"name": "x", "rounds_ns": [0]}"#, &format!("[{side}]")), "no times");
        check(&of(r#"{"name": "x", "rounds_ns": [null]}"#, &format!("[{side}]")), "no times");
        assert!(Outcome::parse(&of(side, &format!("[{side}]"))).is_ok());
    }
}
