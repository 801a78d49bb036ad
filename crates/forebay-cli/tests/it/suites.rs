//! `forebay bench --suite …` at tiny sizes: that each suite runs on a machine where nothing is
//! prepared, and that its report is whole. What its figures are worth is not looked at here.

use std::path::Path;

use serde_json::Value;

use crate::process::{ended, run, stdout};

/// Runs a suite with its report in a folder; what it printed, as JSON.
fn suite(name: &str, folder: &Path) -> Value {
    let out = folder.join("out");
    let args = ["bench", "--suite", name, "--small", "--json", "--out", out.to_str().unwrap()];
    let output = run(folder, &args);
    ended(&output, 0, "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept = std::fs::read_to_string(out.join("report.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), report);
    report
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join("out").join(name)).unwrap()
}

/// A number that was measured.
fn positive(value: &Value) -> f64 {
    let number = value.as_f64().unwrap_or_default();
    assert!(number > 0.0 && number.is_finite(), "{value} is no figure");
    number
}

#[test]
fn layers_has_a_figure_for_each_mark() {
    let folder = tempfile::tempdir().unwrap();
    let report = suite("layers", folder.path());
    let figures = report["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 21, "{report:#}");
    let markdown = read(folder.path(), "report.md");
    for figure in figures {
        positive(&figure["after"]);
        positive(&figure["theirs"]);
        if figure["before"] != Value::Null {
            positive(&figure["before"]);
            positive(&figure["ratio"]);
        }
        let line = format!("| {} |", figure["figure"].as_str().unwrap());
        assert!(markdown.contains(&line), "expected {line:?} in:\n{markdown}");
    }
    let reached: Vec<bool> = figures.iter().map(|one| one["reached"] == true).collect();
    assert!(reached.is_sorted(), "what is not reached comes first: {reached:?}");
}

#[test]
fn scale_has_a_slope_and_a_plot_for_each_series() {
    let folder = tempfile::tempdir().unwrap();
    let report = suite("scale", folder.path());
    let markdown = read(folder.path(), "report.md");
    let expected =
        [("entries", 3, 2), ("rows", 5, 2), ("changed", 2, 2), ("clients", 7, 2), ("writes", 1, 3)];
    let groups = report["groups"].as_array().unwrap();
    assert_eq!(groups.len(), expected.len(), "{report:#}");
    for (group, (name, series, sizes)) in groups.iter().zip(expected) {
        assert_eq!(group["group"], name);
        assert_eq!(group["cut"].as_array().unwrap().len(), 0, "nothing is cut: {group:#}");
        let all = group["series"].as_array().unwrap();
        assert_eq!(all.len(), series, "{group:#}");
        for one in all {
            for points in [&one["points"], &one["beside"]["points"]] {
                let Some(points) = points.as_array() else { continue };
                assert_eq!(points.len(), sizes, "{one:#}");
                for point in points {
                    positive(&point["ns"]);
                }
            }
            assert!(one["slope"].is_f64() && one["expected_slope"].is_f64(), "{one:#}");
            let line = format!("| {} | ", one["series"].as_str().unwrap());
            assert!(markdown.contains(&line), "expected {line:?} in:\n{markdown}");
        }
        let plot = read(folder.path(), &format!("{name}.svg"));
        assert!(plot.starts_with("<svg") && plot.contains("<circle"), "{name}: {plot}");
        assert!(markdown.contains(&format!("({name}.svg)")), "{markdown}");
    }
    // A write makes a cached answer untrue, and no other one.
    let hits = &groups[4]["notes"][0];
    assert_eq!(hits, "0 % writes: 100.0 % of reads are hits", "{report:#}");
    let kept = &groups[2]["notes"][0];
    assert_eq!(kept, "1 changed rows: 100.0 % of the answers from other rows are kept");
}

#[test]
fn peers_say_what_they_need() {
    let folder = tempfile::tempdir().unwrap();
    let check = |args: &[&str], says: &str| {
        let output = run(folder.path(), &[&["bench", "--suite", "peers"], args].concat());
        ended(&output, 1, says);
        assert_eq!(stdout(&output), "", "there is nothing to report");
    };
    check(&[], "name it with --checkout DIR");
    check(&["--checkout", "nowhere"], "is in nowhere: one program can only link one SQLite");
    // A checkout, and no cargo.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = crate::process::forebay(folder.path());
    command.args(["bench", "--suite", "peers", "--checkout", root.to_str().unwrap()]);
    let output = command.env("PATH", folder.path()).output().unwrap();
    ended(&output, 1, "install Rust");
}

#[test]
fn what_belongs_to_suites_needs_one() {
    let folder = tempfile::tempdir().unwrap();
    let check = |args: &[&str], says: &str| {
        let output = run(folder.path(), &[&["bench"], args].concat());
        ended(&output, 2, says);
    };
    check(&["http://127.0.0.1:1/", "--small"], "cannot be used with");
    check(&["http://127.0.0.1:1/", "--max-rows", "10000"], "cannot be used with");
    check(&["--suite", "scale", "--max-rows", "10"], "10000");
    check(&["--suite", "peers", "--only", "nobody"], "there are sqlx, ");
    check(&["--suite", "layers", "http://127.0.0.1:1/"], "cannot be used with");
}
