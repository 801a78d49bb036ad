//! Starts the binary, waits for it, and stops it with signals.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A process that takes longer to end than this hangs.
const END_TIMEOUT: Duration = Duration::from_secs(60);

/// The binary, with an environment and a working directory of its own.
pub(crate) fn forebay(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    command.current_dir(folder).env("TMPDIR", folder);
    let named = ["FOREBAY_LOG", "RUST_LOG", "FOREBAY_CONFIG", "FOREBAY_ENV", "DATABASE_URL"];
    for name in named.iter().chain(&["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME"]) {
        command.env_remove(name);
    }
    command
}

/// Runs it to its end.
pub(crate) fn run<S: AsRef<OsStr>>(folder: &Path, args: &[S]) -> Output {
    forebay(folder).args(args).output().unwrap()
}

/// Runs it to its end with this on standard input.
pub(crate) fn run_with_input(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command = forebay(folder);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Checks how a run ended: its code, and what standard error says.
#[track_caller]
pub(crate) fn ended(output: &Output, code: i32, says: &str) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{said}{}", stdout(output));
    assert!(said.contains(says), "expected {says:?} in: {said}");
}

/// Sends a signal by its name, such as `TERM`.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(sent.unwrap().success(), "kill -{name}");
}

/// Waits for the process to end; its exit code, if it ended by itself.
pub(crate) fn wait(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if start.elapsed() > END_TIMEOUT {
            child.kill().unwrap();
            panic!("the process did not end within {END_TIMEOUT:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A running `forebay serve`; it is killed when dropped.
pub(crate) struct Service {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    stdout: BufReader<ChildStdout>,
}

impl Service {
    /// Starts it on a free port of its own, and waits until it is ready.
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Service {
        Service::run(forebay(folder), args)
    }

    /// The same with a command that has an environment of its own.
    pub(crate) fn run(mut command: Command, args: &[&str]) -> Service {
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let Some(address) = line.trim_end().strip_prefix("listening on http://") else {
            let mut said = String::new();
            child.kill().unwrap();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("not ready: {line:?}, {said}");
        };
        let address = address.parse().unwrap();
        Service { child, address, stdout }
    }

    /// Sends a signal, waits for the end, and gives the exit code with what was written to
    /// standard output after the first line, and to standard error.
    pub(crate) fn stop(mut self, name: &str) -> (Option<i32>, String, String) {
        signal(&self.child, name);
        let code = wait(&mut self.child);
        let (mut out, mut said) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, out, said)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
