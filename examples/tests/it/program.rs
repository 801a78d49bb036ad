//! Running a program, and asking it over HTTP/1.0, which needs no library.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything takes that is not stuck.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A program that runs until this is dropped.
pub(crate) struct Program {
    child: Child,
    address: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Program {
    /// Starts the application of this name on a free port, with its data in `folder`.
    pub(crate) fn start(name: &str, folder: &Path, settings: &[(&str, &str)]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forebay-examples"));
        command.arg(name).env("DATA", folder).env("NO_COLOR", "1").env("LISTEN", "127.0.0.1:0");
        command.envs(settings.iter().copied());
        Program::run(command)
    }

    pub(crate) fn run(mut command: Command) -> Program {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = log.by_ref().map(Result::unwrap).find(|line| line.contains("listening on"));
        let line = line.expect("it ended before it listened: see above");
        let address = line.rsplit_once("http://").unwrap().1.to_owned();
        // A pipe that nobody reads would stop it.
        std::thread::spawn(move || log.for_each(drop));
        Program { child, address }
    }

    /// One that was started by itself.
    pub(crate) fn at(child: Child, address: &str) -> Program {
        Program { child, address: address.to_owned() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[], Some(body))
    }

    pub(crate) fn delete(&self, path: &str, body: Value) -> Answer {
        self.send("DELETE", path, &[], Some(body))
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let mut head = format!("{method} {path} HTTP/1.0\r\nhost: {}\r\n", self.address);
        if !body.is_empty() {
            head +=
                &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        }
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let body = String::from_utf8_lossy(&answer[end + 4..]).into_owned();
        Answer { status: head[9..12].parse().unwrap(), head: head.to_lowercase(), body }
    }

    /// Asks it to end, as Ctrl-C does, and waits for that.
    pub(crate) fn interrupt(mut self) {
        // Whoever has answered waits for the signal, too.
        self.get("/");
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    /// The body of what has to be a success.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}\n{}", self.head, self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Prepares a database, as `forebay setup` does.
pub(crate) fn set_up(url: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let setup = forebay::Setup::new(url).unwrap();
        setup.apply(&setup.plan().await.unwrap(), |_| {}).await.unwrap();
    });
}

/// Waits for what has to come about.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < WAIT_MAX, "still not: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
