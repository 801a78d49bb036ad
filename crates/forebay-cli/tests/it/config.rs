//! `forebay config`, and `forebay serve` with a configuration that is read again while it runs.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::Http;
use crate::process::{Service, ended, forebay, run, signal, stdout};

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT)";

fn write(folder: &Path, text: &str) {
    std::fs::write(folder.join("f.toml"), text).unwrap();
}

#[test]
fn a_configuration_is_checked_and_printed() {
    let folder = tempfile::tempdir().unwrap();
    let config = |action: &str, more: &[&str]| {
        run(folder.path(), &[&["config", action, "--config", "f.toml"], more].concat())
    };
    write(folder.path(), "[pool]\nmax_size = 3\n[slow]\nafter = '20ms'\n");
    let output = config("check", &["--rows-max", "7"]);
    ended(&output, 0, "");
    assert_eq!(stdout(&output), "nothing is wrong; 3 settings differ from the defaults\n");
    let printed =
        stdout(&config("print", &["postgres://ada:s3cret@h/shop", "--set", "log.level=warn"]));
    for line in [
        "url = \"postgres://ada@h/shop\" # URL",
        "max_size = 3                                  # f.toml:2",
        "after = \"20ms\"                                # f.toml:4",
        "level = \"warn\"                                # --set log.level",
        "rows_max = 100000                             # default",
        "# token_file is not set: the path of a file",
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&printed).contains(&words(line)), "{line} in {printed}");
    }
    assert!(!printed.contains("s3cret"), "{printed}");
    write(folder.path(), "[pool]\nmax_size = 0\nx = 1\n[[rule]]\nname = 'r'\n");
    ended(&config("check", &[]), 2, "f.toml:2: pool.max_size is 0, but must be");
    ended(&config("print", &[]), 2, "f.toml:3: there is no key pool.x");
    write(folder.path(), "[[rule]]\nname = 'r'\n[[rule]]\nname = 's'\nttl_only = '1s'\n");
    ended(&config("check", &[]), 2, "rule[0]: ");
    ended(&config("check", &[]), 2, "rule[1]: ");
    write(folder.path(), "server.token_file = 'missing'\n");
    ended(&config("check", &[]), 1, "cannot read the token file missing");
    ended(&run(folder.path(), &["serve", "--config", "none.toml"]), 2, "cannot read none.toml");
    ended(&run(folder.path(), &["serve", "--set", "pool"]), 2, "has no `=`");
    assert!(!folder.path().join("forebay.db").exists(), "nothing was opened");
}

#[test]
fn every_source_reaches_the_service() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "environment = 'lab'\n[limits]\nrows_max = 2\nbatch_steps_max = 3\n");
    std::fs::write(folder.path().join("forebay.toml"), "nonsense").unwrap();
    let mut command = forebay(folder.path());
    command.env("DATABASE_URL", "sqlite:url.db").env("FOREBAY_CONFIG", "f.toml");
    command.env("FOREBAY_LIMITS_ROWS_MAX", "3");
    let service = Service::run(command, &["--log-format", "json"]);
    assert!(folder.path().join("url.db").exists());
    let mut http = Http::connect(service.address).unwrap();
    assert_eq!(http.get("/health").unwrap().json()["environment"], "lab");
    let rows =
        |n: u32| format!("SELECT value FROM json_each('[{}0]')", "0,".repeat(n as usize - 1));
    assert_eq!(http.query(&rows(3), &json!([])).unwrap().status, 200);
    assert_eq!(http.query(&rows(4), &json!([])).unwrap().status, 422);
    let (code, _, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    for line in said.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(line["level"].is_string(), "{line}");
    }
}

/// Lines of a log that wait to be read at most.
const LINES_MAX: usize = 10_000;

/// The log of a service, line by line as it comes.
struct Said(Receiver<String>);

impl Said {
    fn of(service: &mut Service) -> Said {
        let (sender, receiver) = sync_channel(LINES_MAX);
        let lines = BufReader::new(service.child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Said(receiver)
    }

    /// Everything up to the line that has this in it.
    fn until(&self, part: &str) -> String {
        let mut all = String::new();
        loop {
            let line = self.0.recv_timeout(Duration::from_secs(30));
            all += &line.unwrap_or_else(|_| panic!("{part} did not come: {all}"));
            if all.contains(part) {
                return all;
            }
            all.push('\n');
        }
    }
}

#[test]
fn what_can_change_changes_at_sighup_and_the_rest_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let token = |text: &str| std::fs::write(folder.path().join("token"), text).unwrap();
    let file = |text: &str| {
        write(folder.path(), &format!("server.admin_token_file = 'token'\n{text}"));
    };
    token("first");
    file("log.level = 'warn'\n");
    let mut command = forebay(folder.path());
    command.env("FOREBAY_MAINTENANCE_WEBHOOK", "http://127.0.0.1:1/secret");
    let mut service = Service::run(command, &["a.db", "--config", "f.toml"]);
    let said = Said::of(&mut service);
    let mut http = Http::connect(service.address).unwrap();
    let mut run = |sql: &str| http.query(sql, &json!([])).unwrap();
    assert_eq!(run(TABLE).status, 200);
    assert_eq!(run("INSERT INTO t VALUES (1, 7)").status, 200);
    assert_eq!(run("SELECT v FROM t").status, 200);
    let is_admin = |token: &str| {
        let mut http = Http::connect(service.address).unwrap().with_token(token);
        http.get("/api/v1/admin/cache/stats").unwrap().status == 200
    };
    assert!(is_admin("first") && !is_admin("second"));
    let shown = |token: &str, key: &str| {
        let mut http = Http::connect(service.address).unwrap().with_token(token);
        let all = http.get("/api/v1/admin/config").unwrap().json()["configuration"].take();
        let found = all.as_array().unwrap().iter().find(|it| it["key"] == key);
        found.map(|it| format!("{} from {}", it["value"], it["origin"].as_str().unwrap()))
    };
    let file_is = "\"\\\"token\\\"\" from f.toml:1";
    assert_eq!(shown("first", "server.admin_token_file").as_deref(), Some(file_is));
    let hook = shown("first", "maintenance.webhook").unwrap();
    assert_eq!(hook, "\"\\\"***\\\"\" from FOREBAY_MAINTENANCE_WEBHOOK");
    assert_eq!(shown("first", "cache.bytes").unwrap(), "\"\\\"100MB\\\"\" from default");
    assert_eq!(shown("first", "rule[0].name"), None);

    token("second");
    let rule = "[[rule]]\nname = 'night'\ntables = ['T']\ndeny = 'closed until six'\n";
    let more = "log.level = 'info'\nslow.after = '1ms'\npool.max_size = 4\ncache.bytes = '1MB'\n";
    file(&format!("{more}{rule}"));
    signal(&service.child, "HUP");
    // Of a level that was not logged before.
    let told = said.until("the configuration was read again");
    let named = "pool.max_size (f.toml:4) has changed, and takes effect with the next start";
    assert!(told.contains(named) && !told.contains("server."), "{told}");
    let refused = run("SELECT v FROM t");
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.body.contains("closed until six"), "{refused:?}");
    assert!(is_admin("second") && !is_admin("first"));
    // What is in force is shown, not what will be.
    assert_eq!(shown("second", "pool.max_size").unwrap(), "\"10\" from default");
    assert_eq!(shown("second", "cache.bytes").unwrap(), "\"\\\"1MB\\\"\" from f.toml:5");
    let denied = "\"\\\"closed until six\\\"\" from f.toml:9";
    assert_eq!(shown("second", "rule[0].deny").as_deref(), Some(denied));

    // What is wrong in one place changes nothing.
    token("third");
    file("pool.max_size = 0\n");
    signal(&service.child, "HUP");
    said.until("the configuration is as it was");
    said.until("f.toml:2: pool.max_size is 0");
    assert_eq!(run("SELECT v FROM t").status, 403);
    assert!(is_admin("second") && !is_admin("third"));

    file("");
    signal(&service.child, "HUP");
    said.until("the configuration was read again");
    assert_eq!(run("SELECT v FROM t").status, 200);
    assert!(is_admin("third"));
}

#[test]
fn a_slow_log_and_statistics_are_kept_where_they_are_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let set = ["a.db", "--slow-after", "1ms", "--slow-log", "slow.jsonl", "--statistics-file", "s"];
    let service = Service::start(folder.path(), &set);
    let mut http = Http::connect(service.address).unwrap();
    let long = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
                SELECT count(*) FROM n";
    assert_eq!(http.scalar(long, &json!([])).unwrap(), 100_000);
    let (code, _, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    let log = std::fs::read_to_string(folder.path().join("slow.jsonl")).unwrap();
    let line: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert!(line.to_string().contains("recursive"), "{line}");
    assert!(folder.path().join("s").exists());
}
