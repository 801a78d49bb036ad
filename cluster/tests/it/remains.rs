//! What is left when the process that started a server ends without dropping it: nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cluster::{Cluster, Settings, installed};

use crate::wait::until;

/// The folder that the process below puts everything in.
const FOLDER: &str = "TMPDIR";

#[test]
#[ignore = "run as a process of its own, by the tests below"]
fn starter() {
    let version = installed().last().unwrap();
    let shared = cluster::shared(version).unwrap();
    let own = Cluster::start(Settings::on(version)).unwrap();
    let open = own.session("postgres").unwrap();
    println!("\nready {} {}", shared.port(), own.port());
    std::io::stdout().flush().unwrap();
    let mut order = String::new();
    std::io::stdin().read_line(&mut order).unwrap();
    // Ended in order, it has dropped its own and leaves the shared one.
    drop(open);
}

#[test]
fn nothing_is_left_of_a_killed_process() {
    let Some(mut starter) = Starter::spawn() else { return };
    starter.await_ready();
    assert!(!starter.servers().is_empty());
    starter.child.kill().unwrap();
    starter.check_nothing_left();
}

#[test]
fn nothing_is_left_of_a_process_that_ends() {
    let Some(mut starter) = Starter::spawn() else { return };
    starter.await_ready();
    starter.child.stdin.take().unwrap().write_all(b"end\n").unwrap();
    let mut rest = String::new();
    starter.child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    assert!(starter.child.wait().unwrap().success(), "{rest}");
    starter.check_nothing_left();
}

#[test]
fn nothing_is_left_of_a_process_killed_while_it_starts() {
    for wait_ms in [20, 150, 400, 800, 1_500, 2_500] {
        let Some(mut starter) = Starter::spawn() else { return };
        // Not a wait for something: the moment is what is varied.
        std::thread::sleep(Duration::from_millis(wait_ms));
        starter.child.kill().unwrap();
        starter.check_nothing_left();
    }
}

struct Starter {
    child: Child,
    folder: tempfile::TempDir,
}

impl Starter {
    fn spawn() -> Option<Starter> {
        if installed().is_empty() {
            eprintln!("skipped, no PostgreSQL server is installed; ./test installs it");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("remains").tempdir_in("/tmp").unwrap();
        // The account of the servers has to pass through.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "remains::starter", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Some(Starter { child, folder })
    }

    fn await_ready(&mut self) {
        let mut output = BufReader::new(self.child.stdout.as_mut().unwrap());
        let mut line = String::new();
        while !line.starts_with("ready") {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the starter has failed");
        }
    }

    /// The processes that have something to do with the folder.
    fn servers(&self) -> Vec<String> {
        let folder = self.folder.path().to_string_lossy().into_owned();
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let commands = entries.filter_map(|entry| {
            let text = std::fs::read(entry.path().join("cmdline")).ok()?;
            Some(String::from_utf8_lossy(&text).replace('\0', " "))
        });
        commands.filter(|command| command.contains(&folder)).collect()
    }

    /// Only what is kept for the next start.
    fn check_nothing_left(&mut self) {
        self.child.wait().unwrap();
        until("servers and folders are gone", || {
            let names = std::fs::read_dir(self.folder.path()).unwrap().flatten();
            let left = names.filter(|entry| !is_kept(&entry.path())).count();
            left == 0 && self.servers().is_empty()
        });
    }
}

fn is_kept(path: &Path) -> bool {
    path.file_name().unwrap().to_string_lossy().starts_with("forebay-postgres-")
}
