//! What packages are made of: completions, manual pages, `--version`, the health check of a
//! container, the unit of systemd, and the files for Grafana and Prometheus. Where a tool that
//! checks one of them is missing, that is said.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::clients::show;
use crate::process::{Service, ended, run, stdout};

fn packaging(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(file)
}

fn text(file: &str) -> String {
    fs::read_to_string(packaging(file)).unwrap()
}

/// Runs a tool if it is there.
fn tool(program: &str, args: &[&str]) -> Option<Output> {
    let output = Command::new(program).args(args).output();
    if output.is_err() {
        show(&format!("skipped: {program} is missing"));
    }
    output.ok()
}

#[test]
fn version_says_what_it_was_built_of() {
    let folder = tempfile::tempdir().unwrap();
    let short = run(folder.path(), &["-V"]);
    assert_eq!(stdout(&short).trim(), concat!("forebay ", env!("CARGO_PKG_VERSION")));
    let long = stdout(&run(folder.path(), &["--version"]));
    for part in ["forebay ", "\ncommit: ", "\nbuilt for: ", "\nSQLite: 3.", "\nOpenTelemetry: "] {
        assert!(long.contains(part), "{part:?} is not in {long}");
    }
}

#[test]
fn completions_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(folder.path(), &["completions", shell]);
        ended(&output, 0, "");
        for word in ["serve", "ready", "archive", "listen-tls"] {
            assert!(stdout(&output).contains(word), "{shell} does not know {word}");
        }
    }
    let script = folder.path().join("forebay.bash");
    fs::write(&script, stdout(&run(folder.path(), &["completions", "bash"]))).unwrap();
    if let Some(output) = tool("bash", &["-n", script.to_str().unwrap()]) {
        ended(&output, 0, "");
    }
    ended(&run(folder.path(), &["completions", "dos"]), 2, "possible values");
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    ended(&run(folder.path(), &["man", "pages/man1"]), 0, "");
    let pages = folder.path().join("pages/man1");
    for page in ["forebay.1", "forebay-serve.1", "forebay-ready.1", "forebay-archive.1"] {
        let text = fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".TH forebay"), "{page}: {text:.100}");
    }
    let serve = fs::read_to_string(pages.join("forebay-serve.1")).unwrap();
    assert!(serve.replace('\\', "").contains("--listen-tls"));
    fs::write(folder.path().join("file"), "").unwrap();
    ended(&run(folder.path(), &["man", "file"]), 1, "cannot write the manual pages into file");
}

#[test]
fn a_container_can_ask_whether_it_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let unix = ["app.db", "--listen-unix", "forebay.sock", "--unix-mode", "600"];
    let service = Service::start(folder.path(), &unix);
    let url = format!("http://{}", service.address);
    let mut places = vec![url.clone(), format!("{url}/")];
    if cfg!(unix) {
        places.push("unix:forebay.sock".to_owned());
    }
    for place in &places {
        let output = run(folder.path(), &["ready", place]);
        ended(&output, 0, "");
        assert_eq!(stdout(&output), "ready\n", "{place}");
    }
    let (code, out, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(out, "listening on unix:forebay.sock\n");
    for place in &places {
        ended(&run(folder.path(), &["ready", place]), 1, "does not answer");
    }
    for place in ["https://127.0.0.1:1", "127.0.0.1:1"] {
        ended(&run(folder.path(), &["ready", place]), 2, "https is not asked");
    }
    ended(&run(folder.path(), &["ready", &url, "--timeout", "0s"]), 2, "longer than 0s");
}

/// systemd's own check of the unit, with the binary of this build in its place.
#[test]
fn systemd_takes_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let unit = text("systemd/forebay.service");
    let here = unit.replace("/usr/bin/forebay", env!("CARGO_BIN_EXE_forebay"));
    assert_ne!(unit, here, "the unit starts another program");
    let path = folder.path().join("forebay.service");
    fs::write(&path, here).unwrap();
    let path = path.to_str().unwrap();
    let Some(output) = tool("systemd-analyze", &["verify", "--man=no", path]) else { return };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // It tells of other units of this machine, too.
    let own: Vec<&str> = said.lines().filter(|line| line.contains("forebay")).collect();
    assert!(own.is_empty(), "{own:?}");
}

/// What systemd is told, and that it is told when the service takes requests.
#[cfg(target_os = "linux")]
#[test]
fn systemd_is_told_when_it_is_ready() {
    use std::os::unix::net::UnixDatagram;
    use std::time::Duration;

    let folder = tempfile::tempdir().unwrap();
    let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let heard = || {
        let mut bytes = [0; 100];
        let count = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    };
    let mut command = crate::process::forebay(folder.path());
    command.env("NOTIFY_SOCKET", folder.path().join("notify"));
    let service = Service::run(command, &["app.db"]);
    assert_eq!(heard(), "READY=1");
    let (code, _, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(heard(), "STOPPING=1");
}

/// All names of metrics in a text: words that begin with `forebay_`.
fn names(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_word(c)).filter(|word| word.starts_with("forebay_"));
    words.map(str::to_owned).collect()
}

/// Every metric that the guide documents, with what a histogram has.
fn documented() -> BTreeSet<String> {
    let guide = fs::read_to_string(packaging("../docs/guide/metrics.md")).unwrap();
    let mut all = BTreeSet::new();
    for row in guide.lines().filter_map(|line| line.strip_prefix("| `")) {
        for name in names(row.split('`').next().unwrap()) {
            if row.contains("| histogram |") {
                all.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
            }
            all.insert(name);
        }
    }
    assert!(all.len() > 100, "{all:?}");
    all
}

#[test]
fn dashboards_and_alerts_name_metrics_that_there_are() {
    let known = documented();
    for file in ["grafana/forebay.json", "prometheus/forebay.rules.yml"] {
        let used = names(&text(file));
        assert!(used.len() > 10, "{file}: {used:?}");
        let unknown: Vec<_> = used.difference(&known).collect();
        assert!(unknown.is_empty(), "{file} names what the guide does not: {unknown:?}");
    }
}

#[test]
fn the_dashboard_is_one() {
    let dashboard: Value = serde_json::from_str(&text("grafana/forebay.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut places: Vec<[u64; 4]> = Vec::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: two have its id");
        let grid = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        let [x, y, w, h] = grid;
        assert!(x + w <= 24, "{title} is too wide");
        let overlaps = |[a, b, c, d]: &[u64; 4]| x < a + c && *a < x + w && y < b + d && *b < y + h;
        assert!(!places.iter().any(overlaps), "{title} lies on another panel");
        places.push(grid);
        if panel["type"] == "row" {
            continue;
        }
        assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{title}");
        for target in panel["targets"].as_array().unwrap() {
            let expr = target["expr"].as_str().unwrap();
            assert!(expr.contains("instance=~\"$instance\""), "{title}: {expr}");
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
    }
}

/// Prometheus' own check, where it is installed.
#[test]
fn prometheus_takes_the_rules() {
    let path = packaging("prometheus/forebay.rules.yml");
    let path = path.to_str().unwrap();
    let Some(output) = tool("promtool", &["check", "rules", path]) else { return };
    ended(&output, 0, "");
    assert!(stdout(&output).contains("SUCCESS"), "{}", stdout(&output));
    let tests = packaging("prometheus/forebay.test.yml");
    ended(&tool("promtool", &["test", "rules", tests.to_str().unwrap()]).unwrap(), 0, "");
}
