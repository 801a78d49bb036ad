//! One running server. A shell stands between: it waits on a pipe whose other end only this process
//! holds, and kills the server when the pipe ends, however this process ended.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

use crate::process::signal;

const SCRIPT: &str = r#"
trap '' HUP INT TERM QUIT
exec 3<&0
"$@" </dev/null >>log 2>&1 3<&- &
pid=$!
echo "$pid"
exec >/dev/null
read -r _ <&3
kill -s CONT "$pid" 2>/dev/null
kill -s KILL "$pid" 2>/dev/null
wait "$pid"
"#;

const END_WAIT_MAX: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// A server that was started and not yet waited for.
pub(crate) struct Running {
    shell: Child,
    pid: u32,
}

impl Running {
    /// Starts `program` with its arguments in `folder`; what it says goes to the file `log` there.
    pub(crate) fn spawn(program: &Path, args: &[String], folder: &Path) -> Result<Running> {
        File::options().append(true).create(true).open(folder.join("log"))?;
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "forebay-redis"])
            .arg(program)
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot run sh")?;
        let mut line = String::new();
        let mut out = shell.stdout.take().context("the shell has an output")?;
        out.read_to_string(&mut line)?;
        let pid = line.trim().parse().context("the shell says the number of the server")?;
        Ok(Running { shell, pid })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next());
        !matches!(state, Some("R" | "S" | "D" | "T" | "t"))
    }

    /// Kills it, as the loss of a machine would, and waits until it is gone.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.end()
    }

    pub(crate) fn signal(&self, what: Signal) -> Result<()> {
        signal(self.pid, what)
    }

    fn end(&mut self) -> Result<()> {
        drop(self.shell.stdin.take());
        let start = Instant::now();
        while self.shell.try_wait()?.is_none() {
            if start.elapsed() > END_WAIT_MAX {
                bail!("a killed redis-server is still there after {END_WAIT_MAX:?}");
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A server that does not end in time is left to its shell.
        let _ = self.end();
    }
}
