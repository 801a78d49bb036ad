//! The dashboard in a real browser: Chromium, driven by the scripts in `tests/clients/browser`
//! against the real binary. `./test` installs what they need; without it the test skips and says
//! so, but not in CI, where a page that nobody has looked at must not pass.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Service, stderr, stdout};

const BROWSERS: [&str; 4] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

#[test]
fn a_person_uses_the_dashboard() {
    let (Some(browser), Some(scripts)) = (browser(), scripts()) else {
        let needed = "Chromium (apt-get install chromium, or its path in FOREBAY_CHROMIUM) and \
                      target/clients/browser; ./test installs both";
        assert!(std::env::var_os("CI").is_none(), "the dashboard cannot be tried without {needed}");
        return show(&format!("skipped the dashboard: it needs {needed}"));
    };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (reader, admin) = (file("reader", "look-at-it"), file("admin", "change-it"));
    let database = folder.path().join("app.db");
    let args = [database.to_str().unwrap(), "--token-file", &reader, "--admin-token-file", &admin];
    let service = Service::start(folder.path(), &args);
    let url = format!("http://{}", service.address);
    let mut command = Command::new("node");
    command.arg(scripts.join("dashboard.mjs")).args([&url, browser.to_str().unwrap()]);
    // Chromium writes its profile and more where it is told to.
    command.env("TMPDIR", folder.path()).env("HOME", folder.path()).env("SHOTS", &scripts);
    let output = command.output().unwrap();
    let said = stdout(&output);
    assert!(
        output.status.success() && said.contains("passed: "),
        "{}\n{said}\n{}",
        output.status,
        stderr(&output)
    );
    show(said.trim_end());
    // Whoever still listens does not hold it up.
    let (code, _, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("who=\"admin token\"") && said.contains("apply_index"), "{said}");
    assert!(!said.contains("change-it") && !said.contains("panicked"), "{said}");
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

/// The scripts beside the package that they need.
fn scripts() -> Option<PathBuf> {
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
