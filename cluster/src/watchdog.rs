//! What clears up when this process cannot: when it is killed, or ends with a cluster in a static.
//! A shell waits on a pipe whose other end only this process holds; the kernel closes it with us.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// At the end of the pipe: every server of the folder is told to end at once, which gives back its
/// shared memory, and killed if it has not within ten seconds. A server may just be starting, so
/// the search ends only when two in a row find nothing. Arguments are separated by a byte that
/// `read` leaves out.
const SCRIPT: &str = r#"
trap '' HUP INT TERM QUIT
while read -r word; do
    if [ "$word" = done ]; then exit 0; fi
done
servers() {
    for file in /proc/[0-9]*/cmdline; do
        line=
        { read -r line <"$file"; } 2>/dev/null
        case $line in
            *postgres-D"$1/data") file=${file#/proc/}; echo "${file%/cmdline}" ;;
        esac
    done
}
round=0
quiet=0
while [ "$quiet" -lt 2 ] && [ "$round" -lt 200 ]; do
    found=$(servers "$1")
    signal=QUIT
    if [ "$round" -gt 100 ]; then signal=KILL; fi
    quiet=$((quiet + 1))
    for pid in $found; do
        quiet=0
        kill -s CONT "$pid"
        kill -s "$signal" "$pid"
    done
    round=$((round + 1))
    sleep 0.1
done
round=0
while [ -e "$1" ] && [ "$round" -lt 50 ]; do
    rm -rf "$1"
    if [ -e "$1" ]; then sleep 0.1; fi
    round=$((round + 1))
done
"#;

/// A watch over one folder.
pub(crate) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// Watches from now on. The shell is in a process group of its own, so that what ends us with
    /// all of our group leaves it alone.
    pub(crate) fn over(folder: &Path) -> Result<Watchdog> {
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "forebay-watchdog"])
            .arg(folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot run sh")?;
        Ok(Watchdog { shell })
    }

    /// Ends the watch: everything has been cleared up.
    pub(crate) fn dismiss(&mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            // If the shell has been killed there is nobody to tell.
            let _ = pipe.write_all(b"done\n");
        }
        let _ = self.shell.wait();
    }
}
