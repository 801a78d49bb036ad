//! A server as a process: started, watched from outside, and ended.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Fault;
use crate::options::Ground;

/// The time a server may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The kernel counts time in these (`getconf CLK_TCK`, 100 on every Linux that there is).
const TICK: Duration = Duration::from_millis(10);

/// A server. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts one that prints `listening on http://ADDR` when it is ready.
    pub(crate) fn start(ground: Ground, program: &Path, args: &[&str]) -> Result<Process, Fault> {
        let mut command = command(ground, program);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut seen = String::new();
        let address = loop {
            let begin = seen.len();
            if output.read_line(&mut seen)? == 0 {
                let _ = child.kill();
                return Err(format!("{} has not listened: {seen}", program.display()).into());
            }
            if let Some((_, rest)) = seen[begin..].split_once("listening on http://") {
                break rest.trim().parse()?;
            }
        };
        // What it says later is of no interest, but it must be able to say it.
        std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
        Ok(Process { child, address })
    }

    /// Starts one that says nothing, on a free port, which stands for `PORT` in its arguments.
    pub(crate) fn start_at(
        ground: Ground,
        program: &Path,
        args: &[&str],
    ) -> Result<Process, Fault> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let port = address.port().to_string();
        let put = |arg: &&str| if *arg == "PORT" { port.clone() } else { (*arg).to_owned() };
        let args: Vec<String> = args.iter().map(put).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Process::start_listening(ground, program, &args, address)
    }

    /// Starts one that listens at `address` after a while.
    pub(crate) fn start_listening(
        ground: Ground,
        program: &Path,
        args: &[&str],
        address: SocketAddr,
    ) -> Result<Process, Fault> {
        let mut command = command(ground, program);
        let child = command.args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let process = Process { child, address };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            if began.elapsed() > PATIENCE {
                return Err(format!("{} does not listen", program.display()).into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(process)
    }

    /// The time it has spent on processors, all its threads together.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = self.read("stat");
        // The name before may have spaces in it.
        let words = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let ticks: u32 = words.skip(11).take(2).filter_map(|word| word.parse::<u32>().ok()).sum();
        TICK * ticks
    }

    /// Its memory that is in use, in KiB.
    pub(crate) fn rss_kib(&self) -> u64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // What it would still write is not looked at any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(ground: Ground, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", if ground == Ground::Pinned { "0" } else { "0,1" }]).arg(program);
    command
}

/// Puts whoever asks to where it belongs. Children are put elsewhere by themselves.
pub(crate) fn take_place(ground: Ground) -> Result<(), Fault> {
    let cpus = if ground == Ground::Pinned { "1" } else { "0,1" };
    let own = std::process::id().to_string();
    let done = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", cpus, &own])
        .stdout(Stdio::null())
        .status()?;
    done.success().then_some(()).ok_or_else(|| "taskset has failed: are there 2 processors?".into())
}
