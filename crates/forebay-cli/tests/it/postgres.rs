//! The service and `explain` on PostgreSQL, as clients of Hrana see them, and libSQL's own clients
//! on it. Each test runs on every installed version.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::{Auth, Cluster, Database, Settings, Stop};
use serde_json::{Value, json};

use crate::clients;
use crate::http::{Http, Response};
use crate::process::{Service, ended, forebay, run, stdout};

/// How long the service may take to notice that its server is there, or is not.
const NOTICE_MAX: Duration = Duration::from_secs(30);

fn on_each(test: &str, check: impl Fn(&Database, &Path)) {
    cluster::for_each_version(test, |version| {
        let database = Database::create(version).unwrap();
        check(&database, tempfile::tempdir().unwrap().path());
    });
}

/// One pipeline whose requests all succeed, or one error.
struct Hrana {
    http: Http,
    baton: Value,
}

impl Hrana {
    fn connect(service: &Service) -> Hrana {
        Hrana { http: Http::connect(service.address).unwrap(), baton: Value::Null }
    }

    fn send(&mut self, request: Value) -> Value {
        let body = json!({ "baton": self.baton, "requests": [request] });
        let response = self.http.post("/v2/pipeline", &body).unwrap();
        assert_eq!(response.status, 200, "{response:?}");
        let answer = response.json();
        self.baton = answer["baton"].clone();
        answer["results"][0].clone()
    }

    fn execute(&mut self, sql: &str, args: Value) -> Value {
        self.send(json!({ "type": "execute", "stmt": { "sql": sql, "args": args } }))
    }

    /// The result of a statement that must succeed.
    fn ok(&mut self, sql: &str, args: Value) -> Value {
        let answer = self.execute(sql, args);
        assert_eq!(answer["type"], "ok", "{sql}: {answer}");
        answer["response"]["result"].clone()
    }

    /// The code and the text of one that must fail.
    fn fails(&mut self, sql: &str, args: Value) -> (String, String) {
        let answer = self.execute(sql, args);
        assert_eq!(answer["type"], "error", "{sql}: {answer}");
        let text = |name: &str| answer["error"][name].as_str().unwrap_or_default().to_owned();
        (text("code"), text("message"))
    }
}

#[test]
fn a_password_comes_from_the_environment_and_is_never_shown() {
    cluster::for_each_version("a_password_comes_from_the_environment", |version| {
        let settings = Settings { auth: Auth::Scram, ..Settings::on(version) };
        let cluster = Cluster::start(settings).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port());
        let password = cluster.password().unwrap();
        let mut command = forebay(folder.path());
        command.env("PGPASSWORD", password).env("FOREBAY_LOG", "debug");
        let service = Service::run(command, &[&url]);
        let mut http = Http::connect(service.address).unwrap();
        assert_eq!(http.scalar("SELECT 41 + $1::int", &json!([1])).unwrap(), 42);
        let (code, out, said) = service.stop("TERM");
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("127.0.0.1") && said.contains("serving"), "{said}");
        assert!(!format!("{out}{said}").contains(password), "{said}");
        // Without it, or with another one, the end comes at once and says why.
        for wrong in [None, Some("falsch")] {
            let mut command = forebay(folder.path());
            command.env_remove("PGPASSWORD").envs(wrong.map(|it| ("PGPASSWORD", it)));
            let output = command.args(["serve", "--listen", "127.0.0.1:0", &url]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && said.contains("password"), "{said}");
            assert!(!said.contains("falsch"), "{said}");
        }
    });
}

#[test]
fn hrana_speaks_to_it() {
    on_each("hrana_speaks_to_it", |database, folder| {
        database
            .psql("CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL, n numeric, d date)")
            .unwrap();
        let service = Service::start(folder, &[&database.url()]);
        let mut hrana = Hrana::connect(&service);
        let integer = |n: i64| json!({ "type": "integer", "value": n.to_string() });
        let text = |text: &str| json!({ "type": "text", "value": text });
        let insert = "INSERT INTO t VALUES ($1, $2, $3, $4) RETURNING id";
        let row = json!([integer(1), text("eins"), text("1.50"), text("2024-02-29")]);
        let result = hrana.ok(insert, row.clone());
        assert_eq!(result["affected_row_count"], 1);
        assert_eq!(result["last_insert_rowid"], Value::Null);
        assert_eq!(result["rows"][0][0], integer(1));
        let result = hrana.ok("SELECT * FROM t WHERE id = $1", json!([integer(1)]));
        assert_eq!(result["rows"][0], row);
        let types: Vec<_> = ["int4", "text", "numeric", "date"].map(Value::from).into();
        let found: Vec<_> = (0..4).map(|n| result["cols"][n]["decltype"].clone()).collect();
        assert_eq!(found, types, "{result}");
        for (sql, args, code, says) in [
            (insert, row, "23505", "t_pkey"),
            ("INSERT INTO t VALUES (2, NULL)", json!([]), "23502", "name"),
            ("SELEC 1", json!([]), "42601", "syntax error"),
            ("SELECT * FROM missing", json!([]), "42P01", "missing"),
            ("SELECT $1::int", json!([]), "SQL_INPUT_ERROR", "1 parameter"),
            ("SELECT 1 WHERE 1 = ?", json!([integer(1)]), "42601", "syntax error"),
        ] {
            let (found, message) = hrana.fails(sql, args);
            assert_eq!(found, code, "{sql}: {message}");
            assert!(message.contains(says), "{sql}: {message}");
        }
        let named = json!({ "type": "execute", "stmt": { "sql": "SELECT $1::int",
            "named_args": [{ "name": "id", "value": integer(1) }] } });
        let answer = hrana.send(named);
        assert!(answer["error"]["message"].as_str().unwrap().contains("$1"), "{answer}");
        let described =
            hrana.send(json!({ "type": "describe", "sql": "SELECT id FROM t WHERE n = $1" }));
        let described = &described["response"]["result"];
        assert_eq!(described["params"][0]["name"], "$1", "{described}");
        assert_eq!(described["cols"][0]["name"], "id");
        assert_eq!(described["is_readonly"], true);
        let steps = |condition: Value| {
            json!({ "type": "batch", "batch": { "steps": [
                { "stmt": { "sql": "BEGIN" } },
                { "stmt": { "sql": "INSERT INTO t VALUES (3, 'drei')" },
                  "condition": { "type": "ok", "step": 0 } },
                { "stmt": { "sql": "INSERT INTO t VALUES (3, 'drei')" }, "condition": condition },
                { "stmt": { "sql": "COMMIT" }, "condition": { "type": "ok", "step": 2 } },
                { "stmt": { "sql": "ROLLBACK" },
                  "condition": { "type": "not", "cond": { "type": "ok", "step": 3 } } },
            ] } })
        };
        let answer = hrana.send(steps(json!({ "type": "ok", "step": 1 })));
        let result = &answer["response"]["result"];
        assert_eq!(result["step_errors"][2]["code"], "23505", "{answer}");
        assert_ne!(result["step_results"][4], Value::Null, "it was rolled back: {answer}");
        assert_eq!(database.psql("SELECT count(*) FROM t").unwrap(), "1");
        let script = "INSERT INTO t VALUES (4, 'vier'); INSERT INTO t VALUES (5, 'fünf')";
        let answer = hrana.send(json!({ "type": "sequence", "sql": script }));
        assert_eq!(answer["type"], "ok", "{answer}");
        assert_eq!(database.psql("SELECT count(*) FROM t").unwrap(), "3");
        let (code, _, said) = service.stop("TERM");
        assert_eq!(code, Some(0), "{said}");
    });
}

#[test]
fn an_interactive_transaction_and_a_cursor() {
    on_each("an_interactive_transaction_and_a_cursor", |database, folder| {
        database.psql("CREATE TABLE t (id int PRIMARY KEY)").unwrap();
        let service = Service::start(folder, &[&database.url()]);
        for (end, expect) in [("COMMIT", "1"), ("ROLLBACK", "1")] {
            let mut hrana = Hrana::connect(&service);
            hrana.ok("BEGIN", json!([]));
            hrana.ok("INSERT INTO t SELECT count(*) FROM t", json!([]));
            assert_eq!(
                hrana.send(json!({ "type": "get_autocommit" }))["response"]["is_autocommit"],
                false
            );
            let before = database.psql("SELECT count(*) FROM t").unwrap();
            hrana.ok(end, json!([]));
            hrana.send(json!({ "type": "close" }));
            let after = database.psql("SELECT count(*) FROM t").unwrap();
            assert_eq!((after.as_str(), before != after), (expect, end == "COMMIT"));
        }
        // One that fails is not committed in silence.
        let mut hrana = Hrana::connect(&service);
        hrana.ok("BEGIN", json!([]));
        hrana.fails("INSERT INTO t VALUES (0)", json!([]));
        let (_, message) = hrana.fails("COMMIT", json!([]));
        assert!(message.contains("rolled back"), "{message}");
        let mut http = Http::connect(service.address).unwrap();
        let batch = json!({ "steps": [
            { "stmt": { "sql": "SELECT n, 'row' FROM generate_series(1, 3000) n" } },
            { "stmt": { "sql": "SELECT 1 / (n - 500) FROM generate_series(1, 3000) n" } },
        ] });
        let Response { status, body } =
            http.post("/v3/cursor", &json!({ "baton": null, "batch": batch })).unwrap();
        assert_eq!(status, 200, "{body}");
        let entries: Vec<Value> =
            body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |kind: &str| entries.iter().filter(|entry| entry["type"] == kind).count();
        assert!(of("row") >= 3_000, "{}", of("row"));
        assert_eq!((of("step_end"), of("step_error")), (1, 1));
        let (code, _, said) = service.stop("TERM");
        assert_eq!(code, Some(0), "{said}");
    });
}

/// Asks until the answer has this status.
fn until_status(service: &Service, path: &str, expect: u16) {
    let began = Instant::now();
    loop {
        let mut http = Http::connect(service.address).unwrap();
        let response = http.get(path).unwrap();
        if response.status == expect {
            return;
        }
        assert!(began.elapsed() < NOTICE_MAX, "{path} is not {expect}: {response:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What is exported of a followed server is what the guide names. There is no lag where nothing is
/// followed.
fn check_names(metrics: &str) {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/metrics.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let names = |prefix: &str, text: &str| -> BTreeSet<String> {
        let names = text.lines().filter_map(|line| line.strip_prefix(prefix));
        names.filter_map(|line| Some(line.split([' ', '`', '{']).next()?.to_owned())).collect()
    };
    let mut documented = names("| `forebay_replication_", &guide);
    assert!(documented.remove("lag_seconds"));
    assert_eq!(names("forebay_replication_", metrics), documented);
}

/// What the guide gives whoever looks after a server is taken by it, statement by statement.
fn run_sql_of_the_guide(cluster: &Cluster) {
    cluster.psql("CREATE TABLE orders (customer int)").unwrap();
    let mut tried = 0;
    for page in ["postgres-cache.md", "migrations.md"] {
        let path = format!("{}/../../docs/guide/{page}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        for example in text.split("```sql\n").skip(1) {
            let example = example.split("```").next().unwrap();
            let example = example.replace("DATABASE shop", "DATABASE postgres");
            // The body of a function has semicolons of its own.
            let end = if example.contains("$$") { "$$;" } else { ";" };
            for statement in example.split_inclusive(end).filter(|it| !it.trim().is_empty()) {
                let ran = cluster.psql(statement);
                ran.unwrap_or_else(|error| panic!("{page}: {statement}: {error}"));
                tried += 1;
            }
        }
    }
    assert!(tried >= 10, "{tried}");
}

#[test]
fn health_follows_the_server() {
    cluster::for_each_version("health_follows_the_server", |version| {
        let cluster = Arc::new(Cluster::start(Settings::on(version)).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let service = Service::start(folder.path(), &[&cluster.url()]);
        let metrics = || Http::connect(service.address).unwrap().get("/metrics").unwrap();
        run_sql_of_the_guide(&cluster);
        for stop in [Stop::Fast, Stop::Immediate] {
            until_status(&service, "/health", 200);
            assert_eq!(metrics().status, 200);
            check_names(&metrics().body);
            cluster.stop(stop).unwrap();
            until_status(&service, "/health", 503);
            let counted = metrics();
            assert!(counted.status == 200 && counted.body.contains("forebay_"), "{counted:?}");
            let mut http = Http::connect(service.address).unwrap();
            let refused = http.query("SELECT 1", &json!([])).unwrap();
            assert!(refused.status >= 500, "{refused:?}");
            cluster.restart().unwrap();
        }
        until_status(&service, "/health", 200);
        let mut http = Http::connect(service.address).unwrap();
        assert_eq!(http.scalar("SELECT 7", &json!([])).unwrap(), 7);
        let (code, _, said) = service.stop("TERM");
        assert_eq!(code, Some(0), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    });
}

#[test]
fn explain_says_what_it_makes_of_a_statement() {
    on_each("explain_says_what_it_makes_of_a_statement", |database, folder| {
        database.psql("CREATE TABLE t (id int PRIMARY KEY)").unwrap();
        let url = database.url();
        let output = run(folder, &["explain", &url, "SELECT id FROM t WHERE id = 7"]);
        ended(&output, 0, "");
        let said = stdout(&output);
        for part in ["effect       read", "cacheable    no", "t_pkey", "id = ?"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let output = run(folder, &["explain", "--json", &url, "DELETE FROM t"]);
        let explained: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(explained["effect"], "write");
        assert_eq!(database.psql("SELECT count(*) FROM t").unwrap(), "0");
        let output = run(folder, &["explain", &url, "SELECT * FROM missing"]);
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("missing"));
    });
}

#[test]
fn node_client() {
    on_each("node_client", |database, folder| {
        client(database, folder, clients::node_script("postgres.mjs"));
    });
}

#[test]
fn python_client() {
    on_each("python_client", |database, folder| {
        client(database, folder, clients::python_script("postgres.py"));
    });
}

/// Runs a script against a service of its own; it must end well and say what it has done.
fn client(database: &Database, folder: &Path, script: Option<Command>) {
    let Some(mut script) = script else { return };
    // Prepared, so that its answers come from the cache where they are exact.
    assert!(run(folder, &["setup", &database.url(), "--yes"]).status.success());
    let service = Service::start(folder, &[&database.url()]);
    let output = script.arg(format!("http://{}", service.address)).output().unwrap();
    let said = stdout(&output);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("passed: "), "{said}\n{errors}");
    let (code, _, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    for level in ["WARN", "ERROR", "panicked"] {
        assert!(!said.contains(level), "{said}");
    }
}
