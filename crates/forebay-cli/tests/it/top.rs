//! `forebay top`: looks at a real service, a real server, a file, and from within a terminal.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::Http;
use crate::process::{Service, ended, forebay, run, stdout};

/// How long something may take to be on the screen.
const SHOWN_MAX: Duration = Duration::from_secs(30);

/// A service with a token in `token`, that has answered some statements.
fn service(folder: &Path) -> Service {
    std::fs::write(folder.join("token"), "open-sesame\n").unwrap();
    let service = Service::start(folder, &["app.db", "--token-file", "token"]);
    let mut http = Http::connect(service.address).unwrap().with_token("open-sesame");
    let script = ["CREATE TABLE t (id INTEGER PRIMARY KEY, a)", "INSERT INTO t VALUES (1, 2)"];
    for sql in script {
        assert_eq!(http.query(sql, &json!([])).unwrap().status, 200);
    }
    for _ in 0..20 {
        assert_eq!(http.scalar("SELECT a FROM t WHERE id = ?", &json!([1])).unwrap(), 2);
    }
    // A name as nobody gives it.
    let odd = "SELECT 1 AS \"\u{1b}[2J\u{7}odd\"";
    assert_eq!(http.query(odd, &json!([])).unwrap().status, 200);
    service
}

#[test]
fn a_service_is_shown_as_a_page_and_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    let url = format!("http://{}", service.address);
    // Standard output is no terminal here.
    let page = run(folder.path(), &["top", &url, "--token-file", "token"]);
    ended(&page, 0, "");
    let page = stdout(&page);
    for expect in ["statements", "hits", "readers 0 of", "select a from t where id = ?", "odd"] {
        assert!(page.contains(expect), "{expect:?} in\n{page}");
    }
    assert!(!page.contains(['\u{1b}', '\u{7}']), "{page:?}");
    let shown = run(folder.path(), &["top", &url, "--token", "open-sesame", "--json"]);
    ended(&shown, 0, "");
    let shown: Value = serde_json::from_str(&stdout(&shown)).unwrap();
    let statements = shown["statements"].as_array().unwrap();
    let found = statements.iter().find(|it| it["statement"] == "select a from t where id = ?");
    let found = found.unwrap();
    assert_eq!((&found["calls"], &shown["kind"]), (&json!(20), &json!("service")));
    assert!(found["hits"].as_u64().unwrap() > 0 && found["p99_ms"].is_number(), "{found}");
    assert_eq!(shown["gauges"]["errors"], json!({ "sum": 0 }));

    ended(&run(folder.path(), &["top", &url]), 1, "the service wants a token");
    ended(&run(folder.path(), &["top", "http://127.0.0.1:1"]), 1, "cannot connect");
    ended(&run(folder.path(), &["top", "https://127.0.0.1"]), 2, "TLS is not spoken");
    ended(&run(folder.path(), &["top", "app.db"]), 2, "counts no statements");
    ended(&run(folder.path(), &["top", "missing"]), 1, "cannot read missing");
    ended(&run(folder.path(), &["top", "token"]), 1, "");
    ended(&run(folder.path(), &["top", &url, "--every", "1ms"]), 2, "at the most often");
}

/// What the program has written to its terminal so far.
struct Terminal {
    child: std::process::Child,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts it in a terminal of 100 columns and 30 rows.
    fn start(folder: &Path, command: &str) -> Terminal {
        let mut script = Command::new("script");
        let within = format!("stty cols 100 rows 30; exec {command}");
        script.args(["-qefc", &within, "/dev/null"]).current_dir(folder).env("TERM", "xterm");
        let script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = script.unwrap();
        let mut out = child.stdout.take().unwrap();
        let written = Arc::new(Mutex::new(Vec::new()));
        let sink = written.clone();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = out.read(&mut piece) {
                sink.lock().unwrap().extend_from_slice(&piece[..n]);
            }
        });
        Terminal { child, written }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    #[track_caller]
    fn until(&self, what: &str) {
        let began = Instant::now();
        while !self.text().contains(what) && !plain(&self.text()).contains(what) {
            assert!(began.elapsed() < SHOWN_MAX, "{what:?} is not in {:?}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn press(&mut self, keys: &str) {
        let keyboard = self.child.stdin.as_mut().unwrap();
        keyboard.write_all(keys.as_bytes()).unwrap();
        keyboard.flush().unwrap();
    }
}

/// What is written, each command to the terminal taken for a blank: blanks that are on the screen
/// already are stepped over.
#[cfg(target_os = "linux")]
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).map_or(part.len(), |at| at + 1);
        plain.push(' ');
        plain.push_str(&part[end..]);
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_is_taken_and_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    let command = format!(
        "{} top http://{} --token-file token --every 100ms",
        env!("CARGO_BIN_EXE_forebay"),
        service.address
    );
    let mut terminal = Terminal::start(folder.path(), &command);
    terminal.until("\u{1b}[?1049h");
    terminal.until("select a from t where id = ?");
    terminal.until("/s");
    terminal.press("?");
    terminal.until("sort by the next column");
    terminal.press("?");
    // The service goes, and that is said.
    drop(service);
    terminal.until("lost for");
    terminal.press("q");
    terminal.until("\u{1b}[?1049l");
    let status = terminal.child.wait().unwrap();
    assert!(status.success(), "{status}: {}", terminal.text());
}

#[cfg(unix)]
#[test]
fn a_server_is_shown_with_its_sessions_and_statements() {
    cluster::for_each_version("a_server_is_shown_with_its_sessions_and_statements", |version| {
        let lines = vec!["shared_preload_libraries = 'pg_stat_statements'".to_owned()];
        let settings = cluster::Settings { lines, ..cluster::Settings::on(version) };
        let Ok(server) = cluster::Cluster::start(settings) else {
            println!("skipped: the server has no pg_stat_statements");
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let url = server.url();
        let mut other = server.session("postgres").unwrap();
        other.text("SELECT 'idle one'").unwrap();
        let look = |args: &[&str]| {
            let mut command = forebay(folder.path());
            let output = command.args(["top", &url]).args(args).output().unwrap();
            ended(&output, 0, "");
            stdout(&output)
        };
        let page = look(&["--once"]);
        for expect in ["transactions", "CREATE EXTENSION pg_stat_statements", "'idle one'", "idle"]
        {
            assert!(page.contains(expect), "{expect:?} in\n{page}");
        }
        other.text("CREATE EXTENSION pg_stat_statements").unwrap();
        for _ in 0..30 {
            other.text("SELECT count(*) FROM pg_class WHERE relpages > 3").unwrap();
        }
        let shown: Value = serde_json::from_str(&look(&["--json"])).unwrap();
        let statements = shown["statements"].as_array().unwrap();
        let wanted = "SELECT count(*) FROM pg_class WHERE relpages > $1";
        let found = statements.iter().find(|it| it["statement"] == wanted);
        let found = found.unwrap_or_else(|| panic!("{shown:#}"));
        assert_eq!((&found["calls"], &found["rows"]), (&json!(30), &json!(30)));
        assert_eq!(shown["kind"], "server");
    });
}
