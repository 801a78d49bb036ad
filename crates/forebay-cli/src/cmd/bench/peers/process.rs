//! A process that is run to its end, within a limit, for what it prints.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often is looked whether it has ended.
const LOOKED_EVERY: Duration = Duration::from_millis(20);

/// Bytes that are read of what it prints.
const PRINTED_MAX: u64 = 64 << 20;

/// What it has printed.
pub(super) struct Printed {
    pub(super) out: String,
    pub(super) errors: String,
}

/// Runs it; one that fails, or that takes longer than this, is an error with its last words.
pub(super) fn run(command: &mut Command, limit: Duration) -> Result<Printed> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut out = tempfile::tempfile().context("cannot make a temporary file")?;
    let mut errors = tempfile::tempfile().context("cannot make a temporary file")?;
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(errors.try_clone()?);
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if began.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("{name} has not ended within {} s, and was stopped", limit.as_secs());
        }
        std::thread::sleep(LOOKED_EVERY);
    };
    let printed = Printed { out: read(&mut out)?, errors: read(&mut errors)? };
    if !status.success() {
        bail!("{}", last_words(&printed.errors).unwrap_or(&format!("{name} failed: {status}")));
    }
    Ok(printed)
}

/// Reads what another has written into this file.
fn read(file: &mut File) -> Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(PRINTED_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first line that begins as errors do, else the last one.
fn last_words(errors: &str) -> Option<&str> {
    let lines = || errors.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_error = |line: &&str| line.starts_with("error") || line.starts_with("Error");
    lines().find(is_error).or_else(|| lines().next_back())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_is_printed_is_read() {
        let printed = run(&mut shell("echo out; echo late >&2"), Duration::from_secs(60)).unwrap();
        assert_eq!((printed.out.as_str(), printed.errors.as_str()), ("out\n", "late\n"));
    }

    #[test]
    fn faults_say_why() {
        let check = |script: &str, limit, says: &str| {
            let error = run(&mut shell(script), limit).err().map(|error| error.to_string());
            assert!(error.as_deref().unwrap_or("none").contains(says), "{script}: {error:?}");
        };
        let minute = Duration::from_secs(60);
        check("echo error: no server >&2; echo more >&2; exit 1", minute, "error: no server");
        check("echo first >&2; echo last >&2; exit 1", minute, "last");
        check("exit 3", minute, "failed");
        check("sleep 60", Duration::from_millis(50), "stopped");
    }
}
