//! The dashboard in a real browser: Chromium, driven by the scripts in `tests/clients/browser`
//! against the real binary. `./test` installs what they need; without it the test skips and says
//! so, but not in CI, where a page that nobody has looked at must not pass.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

#[cfg(unix)]
use crate::process::run;
use crate::process::{Service, stderr, stdout};

const BROWSERS: [&str; 4] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

#[test]
fn a_person_uses_the_dashboard() {
    let Some((browser, scripts)) = needed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| write(folder.path(), name, text);
    let (reader, admin) = (file("reader", "look-at-it"), file("admin", "change-it"));
    let task = "[[maintenance.task]]\nrun = 'optimize'\nschedule = '0 3 * * *'\n";
    let config = file("forebay.toml", task);
    let database = folder.path().join("app.db");
    let tokens = ["--token-file", &reader, "--admin-token-file", &admin];
    let args = [&[database.to_str().unwrap(), "--config", &config], &tokens[..]].concat();
    let service = Service::start(folder.path(), &args);
    drive("dashboard.mjs", &service, (&browser, &scripts), "", folder.path());
    // Whoever still listens does not hold it up.
    let (code, _, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("who=\"admin token\"") && said.contains("apply_index"), "{said}");
    assert!(!said.contains("change-it") && !said.contains("panicked"), "{said}");
}

/// The lag behind the server is plotted, and what index would help is at most reckoned.
#[cfg(unix)]
#[test]
fn a_person_uses_the_dashboard_of_a_server() {
    let Some((browser, scripts)) = needed() else { return };
    cluster::for_each_version("a_person_uses_the_dashboard_of_a_server", |version| {
        let database = cluster::Database::create(version).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let rows = "CREATE TABLE customer (id int PRIMARY KEY, email text, country int);
                    INSERT INTO customer SELECT n, 'c' || n || '@example.com', n % 40
                    FROM generate_series(1, 40000) n; ANALYZE customer";
        database.psql(rows).unwrap();
        let made = run(folder.path(), &["setup", &database.url(), "--yes"]);
        assert!(made.status.success(), "{}", stderr(&made));
        let reader = write(folder.path(), "reader", "look-at-it");
        let admin = write(folder.path(), "admin", "change-it");
        let tokens = ["--token-file", &reader, "--admin-token-file", &admin];
        let service = Service::start(folder.path(), &[&[&*database.url()], &tokens[..]].concat());
        // Debian has the extension in a package of its own.
        let has_trial = database.psql("CREATE EXTENSION IF NOT EXISTS hypopg").is_ok();
        let more = if has_trial { "hypopg" } else { "" };
        drive("postgres.mjs", &service, (&browser, &scripts), more, folder.path());
        let valid = "SELECT count(*) FROM pg_index WHERE indrelid = 'customer'::regclass
                     AND indisvalid AND NOT indisprimary";
        assert_eq!(database.psql(valid).unwrap().trim(), "0");
        let (code, _, said) = service.stop("TERM");
        assert_eq!(code, Some(0), "{said}");
    });
}

/// Runs a script, which has to say that it has passed.
fn drive(
    script: &str,
    service: &Service,
    (browser, scripts): (&Path, &Path),
    more: &str,
    folder: &Path,
) {
    let url = format!("http://{}", service.address);
    let mut command = Command::new("node");
    command.arg(scripts.join(script)).args([&url, browser.to_str().unwrap(), more]);
    // Chromium writes its profile and more where it is told to.
    command.env("TMPDIR", folder).env("HOME", folder).env("SHOTS", scripts);
    let output = command.output().unwrap();
    let said = stdout(&output);
    assert!(
        output.status.success() && said.contains("passed: "),
        "{}\n{said}\n{}",
        output.status,
        stderr(&output)
    );
    show(said.trim_end());
}

/// The browser and the scripts, if they are there.
fn needed() -> Option<(PathBuf, PathBuf)> {
    let both = browser().zip(scripts());
    if both.is_none() {
        let needed = "Chromium (apt-get install chromium, or its path in FOREBAY_CHROMIUM) and \
                      target/clients/browser; ./test installs both";
        assert!(std::env::var_os("CI").is_none(), "the dashboard cannot be tried without {needed}");
        show(&format!("skipped the dashboard: it needs {needed}"));
    }
    both
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The browser.
fn browser() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("FOREBAY_CHROMIUM") {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut all = BROWSERS.iter().flat_map(|name| folders.iter().map(move |it| it.join(name)));
    all.find(|path| path.is_file())
}

/// The scripts beside the package that they need, put there once: another test may be reading them.
fn scripts() -> Option<PathBuf> {
    static PUT: OnceLock<Option<PathBuf>> = OnceLock::new();
    PUT.get_or_init(put_scripts).clone()
}

fn put_scripts() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let installed = root.join("target/clients/browser");
    if !installed.join("node_modules").is_dir() {
        return None;
    }
    for entry in fs::read_dir(root.join("tests/clients/browser")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "mjs") {
            fs::copy(&path, installed.join(path.file_name().unwrap())).unwrap();
        }
    }
    Some(installed)
}

#[allow(clippy::print_stdout, reason = "a test that skips must say so")]
fn show(text: &str) {
    println!("{text}");
}
