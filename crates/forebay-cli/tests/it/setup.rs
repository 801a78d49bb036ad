//! `forebay setup`: what it says, what it changes, and when it changes nothing. Each test runs on
//! every installed version of PostgreSQL.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use cluster::{Auth, Cluster, Database, Settings};
use serde_json::Value;

use crate::process::{ended, forebay, run, run_with_input, signal, stderr, stdout, wait};

/// How long something may take to be noticed.
const NOTICE_MAX: Duration = Duration::from_secs(30);

const SCHEMA: &str = r#"
CREATE TABLE plain (id int PRIMARY KEY, k int);
CREATE TABLE nokey (id int, k int);
CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY);
CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (100) TO (200);
CREATE SCHEMA "Strange ""one""";
CREATE TABLE "Strange ""one"""."a""b 表" (id int PRIMARY KEY);
"#;

/// What setup touches, whole rows of it.
const CATALOGUE: &str = "
SELECT 'p', p::text FROM pg_publication p
UNION ALL SELECT 'e', e::text FROM pg_event_trigger e
UNION ALL SELECT 'n', n::text FROM pg_namespace n WHERE nspname !~ '^pg_(toast_)?temp'
UNION ALL SELECT 'c', concat_ws(':', oid, relname, relreplident) FROM pg_class
UNION ALL SELECT 'f', oid || ':' || proname FROM pg_proc WHERE oid >= 16384
ORDER BY 1, 2";

fn on_each(test: &str, check: impl Fn(&Database, &Path)) {
    cluster::for_each_version(test, |version| {
        let database = Database::create(version).unwrap();
        database.psql(SCHEMA).unwrap();
        check(&database, tempfile::tempdir().unwrap().path());
    });
}

fn setup(database: &Database, folder: &Path, flags: &[&str]) -> Output {
    run(folder, &[&["setup", &database.url()], flags].concat())
}

fn as_json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

fn catalogue(database: &Database) -> String {
    database.psql(CATALOGUE).unwrap()
}

#[test]
fn shows_makes_checks_and_removes() {
    on_each("shows_makes_checks_and_removes", |database, folder| {
        let before = catalogue(database);
        for flags in [&["--dry-run"][..], &["--print", "--full", "all"], &["--undo", "--dry-run"]] {
            ended(&setup(database, folder, flags), 0, "");
        }
        ended(&setup(database, folder, &["--check"]), 1, "there is no publication forebay");
        let shown = stdout(&setup(database, folder, &["--dry-run", "--full", "nokey"]));
        for part in [
            "public.plain",
            "public.parted (2 partitions)",
            "Strange \"one\".a\"b 表",
            "becomes FULL",
            "public.fleeting: it is unlogged",
            "never  changes are not told",
            "4 steps",
            "-- 1. make a schema",
            "CREATE EVENT TRIGGER forebay_ddl_end",
            "ALTER TABLE \"public\".\"nokey\" REPLICA IDENTITY FULL;",
            "ONLY \"Strange \"\"one\"\"\".\"a\"\"b 表\"",
            "notice max_slot_wal_keep_size",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert_eq!(catalogue(database), before);
        for _ in 0..2 {
            let output = setup(database, folder, &["--yes", "--full", "nokey"]);
            ended(&output, 0, "");
            let said = stdout(&output);
            assert!(said.contains("done 1 of "), "{said}");
            assert!(said.contains("followed by rows: 1, by keys: 3."), "{said}");
        }
        let checked = setup(database, folder, &["--check"]);
        ended(&checked, 0, "");
        assert!(stdout(&checked).contains("The database is prepared."));
        let undone = setup(database, folder, &["--undo", "--yes"]);
        ended(&undone, 0, "");
        assert!(stdout(&undone).contains("Everything that setup made is removed."));
        assert_eq!(catalogue(database), before);
        let undone = setup(database, folder, &["--undo", "--yes"]);
        ended(&undone, 0, "");
        assert!(stdout(&undone).contains("nothing that setup made"));
    });
}

/// The SQL that is printed is the SQL that is run.
#[test]
fn what_is_printed_can_be_run_by_hand() {
    on_each("what_is_printed_can_be_run_by_hand", |database, folder| {
        let before = catalogue(database);
        for (flags, code) in
            [(&["--json", "--dry-run"][..], 0), (&["--json", "--undo", "--dry-run"], 1)]
        {
            let plan = as_json(&setup(database, folder, flags));
            for step in plan["steps"].as_array().unwrap() {
                assert_eq!(step["done"], false);
                database.psql(step["sql"].as_str().unwrap()).unwrap();
            }
            ended(&setup(database, folder, &["--check"]), code, "");
        }
        assert_eq!(catalogue(database), before);
    });
}

#[test]
fn json_has_it_all() {
    on_each("json_has_it_all", |database, folder| {
        let output = setup(database, folder, &["--json", "--yes", "--leave-out", "plain"]);
        ended(&output, 0, "");
        let said = as_json(&output);
        let find = |tables: &Value, name: &str| {
            let mut found = tables.as_array().unwrap().iter();
            found.find(|table| table["name"] == name).unwrap().clone()
        };
        assert_eq!(find(&said["tables"], "plain")["why"], "it was left out");
        assert_eq!(find(&said["tables"], "part_1")["partition_of"], "public.parted");
        assert_eq!(find(&said["tables"], "part_1")["is_published"], false);
        assert_eq!(find(&said["after"]["tables"], "part_1")["is_published"], true);
        assert_eq!(find(&said["after"]["tables"], "nokey")["followed"], "never");
        assert!(said["steps"].as_array().unwrap().iter().all(|step| step["done"] == true));
        let checked = setup(database, folder, &["--json", "--check"]);
        ended(&checked, 0, "");
        let checked = as_json(&checked);
        let texts = checked["findings"].to_string();
        assert!(texts.contains("public.plain is not published yet"), "{texts}");
        assert!(!texts.contains("fault"), "{texts}");
        // What fails is said as well.
        database.psql("ALTER EVENT TRIGGER forebay_ddl_end ENABLE").unwrap();
        let checked = setup(database, folder, &["--json", "--check"]);
        ended(&checked, 1, "ENABLE ALWAYS");
        assert_eq!(as_json(&checked)["findings"][1]["kind"], "fault");
    });
}

#[test]
fn nothing_is_changed_without_a_yes() {
    on_each("nothing_is_changed_without_a_yes", |database, folder| {
        let before = catalogue(database);
        let url = database.url();
        for flags in [&["setup", &url][..], &["setup", &url, "--undo"], &["setup", &url, "--json"]]
        {
            ended(&run_with_input(folder, flags, "y\n"), 2, "--yes");
        }
        for flags in [&["--check", "--undo"], &["--check", "--yes"], &["--undo", "--full"]] {
            assert_eq!(setup(database, folder, flags).status.code(), Some(2), "{flags:?}");
        }
        ended(&run(folder, &["setup", "sqlite:app.db", "--yes"]), 2, "PostgreSQL");
        ended(&run(folder, &["setup", "postgres://ada:falsch@h:port/x", "--yes"]), 2, "port");
        ended(&setup(database, folder, &["--yes", "--full", "nope"]), 1, "nope");
        assert_eq!(catalogue(database), before);
        for (answer, code, says) in [("n", 1, "nothing was changed"), ("y", 0, "is prepared")] {
            let Some(output) = at_terminal(folder, &url, answer) else { return };
            let said = stdout(&output);
            assert_eq!(output.status.code(), Some(code), "{said}");
            assert!(said.contains("Run these 3 steps on postgres://postgres@"), "{said}");
            assert!(said.contains(says), "{said}");
            assert_eq!(catalogue(database) == before, code == 1);
        }
    });
}

/// Answers at a terminal, which `script` makes; what is said comes together on standard output.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn at_terminal(folder: &Path, url: &str, answer: &str) -> Option<Output> {
    let command = format!("{} setup {url}", env!("CARGO_BIN_EXE_forebay"));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).current_dir(folder);
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = script.spawn() else {
        println!("skipped: there is no program `script` that makes a terminal");
        return None;
    };
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{answer}").unwrap();
    // A terminal whose other side is gone would end the command.
    let output = std::thread::spawn(move || child.wait_with_output().unwrap());
    let began = Instant::now();
    while !output.is_finished() && began.elapsed() < NOTICE_MAX {
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(input);
    Some(output.join().unwrap())
}

#[test]
fn a_password_is_never_shown() {
    cluster::for_each_version("setup: a_password_is_never_shown", |version| {
        let settings = Settings { auth: Auth::Scram, ..Settings::on(version) };
        let cluster = Cluster::start(settings).unwrap();
        cluster.psql("CREATE TABLE plain (id int PRIMARY KEY)").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let password = cluster.password().unwrap();
        let within = cluster.url();
        let without = format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port());
        for (url, environment) in [(&within, ""), (&without, password)] {
            for flags in [
                &["--dry-run"][..],
                &["--json", "--dry-run"],
                &["--yes"],
                &["--check"],
                &["--json", "--check"],
                &["--undo", "--yes"],
                &["--check"],
                &["--yes", "--full", "nope"],
            ] {
                let mut command = forebay(folder.path());
                command.arg("setup").arg(url).args(flags).env("FOREBAY_LOG", "debug");
                if !environment.is_empty() {
                    command.env("PGPASSWORD", environment);
                }
                let output = command.output().unwrap();
                let said = stdout(&output) + &stderr(&output);
                assert!(!said.contains(password), "{flags:?}: {said}");
                assert!(!said.is_empty());
            }
        }
        let refused = run(folder.path(), &["setup", &within.replace(password, "falsch"), "--yes"]);
        ended(&refused, 1, "password");
        assert!(!stderr(&refused).contains("falsch"));
    });
}

#[test]
fn a_server_that_is_not_ready_stays_as_it_is() {
    cluster::for_each_version("setup: a_server_that_is_not_ready", |version| {
        let lines = vec!["wal_level = replica".to_owned()];
        let cluster = Cluster::start(Settings { lines, ..Settings::on(version) }).unwrap();
        cluster.psql("CREATE TABLE plain (id int PRIMARY KEY)").unwrap();
        let before = cluster.psql(CATALOGUE).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = cluster.url();
        let says = "ALTER SYSTEM SET wal_level = 'logical', and restart the server";
        for flags in [&["--yes"][..], &["--dry-run"], &["--check"], &["--json", "--yes"]] {
            let output = run(folder.path(), &[&["setup", url.as_str()], flags].concat());
            ended(&output, 1, says);
            assert!(stdout(&output).contains(says), "{output:?}");
        }
        assert_eq!(cluster.psql(CATALOGUE).unwrap(), before);
    });
}

#[test]
fn a_step_that_fails_is_named() {
    on_each("a_step_that_fails_is_named", |database, folder| {
        let mut holder = database.session().unwrap();
        holder.query("BEGIN; SELECT count(*) FROM nokey").unwrap();
        let output = setup(database, folder, &["--yes", "--full", "nokey"]);
        ended(&output, 1, "step 3 of 4 (write whole old rows of \"public\".\"nokey\" to the log)");
        assert!(stderr(&output).contains("run it again"), "{output:?}");
        let said = stdout(&output);
        assert!(said.contains("done 2 of 4") && !said.contains("done 3"), "{said}");
        // Stopped while it waits, it says so.
        let mut command = forebay(folder);
        command.args(["setup", &database.url(), "--json", "--yes", "--full", "nokey"]);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let waits = "SELECT count(*) FROM pg_stat_activity
            WHERE wait_event_type = 'Lock' AND application_name = 'forebay'
            AND datname = current_database()";
        let began = Instant::now();
        while database.psql(waits).unwrap() != "1" {
            assert!(began.elapsed() < NOTICE_MAX);
        }
        signal(&child, "INT");
        assert_eq!(wait(&mut child), Some(130));
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(said.contains("interrupted: 2 of 4 steps are done"), "{said}");
        holder.query("COMMIT").unwrap();
        ended(&setup(database, folder, &["--yes", "--full", "nokey"]), 0, "");
        ended(&setup(database, folder, &["--undo", "--yes"]), 0, "");
    });
}

/// What a name may do to a terminal, it does not.
#[test]
fn names_do_not_move_the_cursor() {
    on_each("names_do_not_move_the_cursor", |database, folder| {
        database.psql("CREATE TABLE \"bell \u{7} \u{1b}[2J\nx\" (id int)").unwrap();
        let output = setup(database, folder, &["--dry-run", "--full", "all"]);
        ended(&output, 0, "");
        let said = stdout(&output);
        assert!(said.contains("bell \\u{7} \\u{1b}[2J"), "{said}");
        assert!(!said.contains(['\u{7}', '\u{1b}']), "{said}");
    });
}
