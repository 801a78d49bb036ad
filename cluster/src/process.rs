//! The processes of one server: the postmaster, which we start, and its children. Each child leads
//! a session of its own, so they are found as children, not as a process group.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::account::Account;

/// How long killed processes may take to be gone: one that waits for the disk takes its time.
const GONE_WAIT_MAX: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(5);

/// A postmaster that was started and not yet waited for.
pub(crate) struct Postmaster {
    child: Child,
}

impl Postmaster {
    /// Starts the server of the data directory in `folder`. The watchdog knows it by exactly these
    /// arguments.
    pub(crate) fn spawn(bin: &Path, folder: &Path, account: Account) -> Result<Postmaster> {
        let log = File::options().append(true).create(true).open(folder.join("log"))?;
        let mut command = account.command(&bin.join("postgres"), folder);
        command.arg("-D").arg(folder.join("data"));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let child =
            command.spawn().with_context(|| format!("cannot run postgres in {}", bin.display()))?;
        Ok(Postmaster { child })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Whether it ends within `limit`.
    pub(crate) fn ends_within(&mut self, limit: Duration) -> Result<bool> {
        let start = Instant::now();
        while !self.has_ended()? {
            if start.elapsed() > limit {
                return Ok(false);
            }
            std::thread::sleep(POLL);
        }
        Ok(true)
    }

    /// The postmaster and all that descend from it.
    pub(crate) fn family(&self) -> Vec<u32> {
        let all = processes();
        let mut family = vec![self.pid()];
        let mut next = 0;
        while let Some(&parent) = family.get(next) {
            family.extend(all.iter().filter(|one| one.parent == parent).map(|one| one.pid));
            next += 1;
        }
        family
    }

    /// Kills all of it at once, as the loss of a machine would, and waits until all are gone.
    pub(crate) fn kill(mut self) -> Result<()> {
        // Its number may belong to somebody else by now.
        if self.has_ended()? {
            return Ok(());
        }
        // Stopped, it can neither start another child nor tell the others to end in order.
        signal(self.pid(), Signal::STOP)?;
        let family = self.family();
        let remains = Remains::of(&family, self.pid());
        for &pid in &family {
            signal(pid, Signal::KILL)?;
        }
        self.child.wait()?;
        let start = Instant::now();
        while processes().iter().any(|one| one.is_alive && family.contains(&one.pid)) {
            if start.elapsed() > GONE_WAIT_MAX {
                bail!("killed processes of the server are still there after {GONE_WAIT_MAX:?}");
            }
            std::thread::sleep(POLL);
        }
        remains.clear();
        Ok(())
    }
}

/// Sends a signal; that the process is gone already is no error.
pub(crate) fn signal(pid: u32, signal: Signal) -> Result<()> {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let target = raw.with_context(|| format!("{pid} is no process"))?;
    match kill_process(target, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot signal process {pid}")),
    }
}

struct Process {
    pid: u32,
    parent: u32,
    /// Not one that has ended and is waited for.
    is_alive: bool,
}

fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
        .collect()
}

/// Reads a line like `12 (name (x) y) S 1 …`: state and parent follow the last bracket.
fn parse(pid: u32, stat: &str) -> Option<Process> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let is_alive = !matches!(fields.next()?, "Z" | "X");
    Some(Process { pid, parent: fields.next()?.parse().ok()?, is_alive })
}

/// Shared memory that a killed server cannot give back, and nobody else would: a segment for the
/// lock on the data directory, and files for what grows.
struct Remains {
    segment: Option<String>,
    files: Vec<PathBuf>,
}

impl Remains {
    fn of(family: &[u32], postmaster: u32) -> Remains {
        let maps = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        let mut files: Vec<PathBuf> = family.iter().flat_map(|pid| dynamic(&maps(pid))).collect();
        files.sort();
        files.dedup();
        Remains { segment: segment(&maps(&postmaster)), files }
    }

    /// What is already gone is no fault.
    fn clear(&self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        if let Some(id) = &self.segment {
            let ipcrm = std::process::Command::new("ipcrm").args(["-m", id]).output();
            let _ = ipcrm;
        }
    }
}

/// The files of dynamic shared memory in the text of /proc/PID/maps.
fn dynamic(maps: &str) -> Vec<PathBuf> {
    let paths = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    paths.filter(|path| path.starts_with("/dev/shm/PostgreSQL.")).map(PathBuf::from).collect()
}

/// The id of the System V segment: the kernel shows it in place of the inode.
fn segment(maps: &str) -> Option<String> {
    let line = maps.lines().find(|line| line.contains(" /SYSV"))?;
    line.split_whitespace().nth(4).map(str::to_owned)
}
