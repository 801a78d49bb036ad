//! `forebay ready`: asks a service whether requests may be sent to it, as the health check of a
//! container does, which has no curl.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::args::ReadyArgs;
use crate::exit::{Exit, Usage};
use crate::output;

/// More than the head of an answer and the little that follows it.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

pub(crate) fn ready(args: &ReadyArgs) -> Result<Exit> {
    let (url, limit) = (args.url.as_str(), args.timeout.0);
    if limit.is_zero() {
        bail!(Usage("--timeout must be longer than 0s".to_owned()));
    }
    let answer = Place::read(url)?.ask(limit);
    let answer = answer.with_context(|| format!("{url} does not answer"))?;
    let status = answer.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
    let status = status.ok_or_else(|| anyhow!("{url} does not answer in HTTP"))?;
    if status == 200 {
        output::print("ready")?;
        return Ok(Exit::Done);
    }
    output::print(&format!("not ready: {status}"))?;
    Ok(Exit::Failed)
}

/// Where the service listens.
enum Place<'a> {
    /// An address, or a name, with a port.
    Tcp(&'a str),
    #[cfg(unix)]
    File(&'a str),
}

impl Place<'_> {
    fn read(url: &str) -> Result<Place<'_>> {
        #[cfg(unix)]
        if let Some(path) = url.strip_prefix("unix:") {
            return Ok(Place::File(path));
        }
        match url.strip_prefix("http://") {
            Some(authority) => Ok(Place::Tcp(authority.trim_end_matches('/'))),
            None => {
                bail!(Usage("give http://ADDR:PORT or unix:PATH; https is not asked".to_owned()))
            }
        }
    }

    fn ask(&self, limit: Duration) -> Result<String> {
        match self {
            Place::Tcp(authority) => {
                let address = authority.to_socket_addrs()?.next();
                let address = address.ok_or_else(|| anyhow!("{authority} has no address"))?;
                let stream = TcpStream::connect_timeout(&address, limit)?;
                stream.set_read_timeout(Some(limit))?;
                stream.set_write_timeout(Some(limit))?;
                // On loopback the service takes no other names.
                let host = if address.ip().is_loopback() { "localhost" } else { authority };
                talk(stream, host, limit)
            }
            #[cfg(unix)]
            Place::File(path) => {
                let stream = std::os::unix::net::UnixStream::connect(path)?;
                stream.set_read_timeout(Some(limit))?;
                stream.set_write_timeout(Some(limit))?;
                talk(stream, "localhost", limit)
            }
        }
    }
}

fn talk(mut stream: impl Read + Write, host: &str, limit: Duration) -> Result<String> {
    let started = Instant::now();
    let request =
        format!("GET /health/ready HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut chunk = [0; 1_024];
    // The first line is enough.
    while !answer.contains(&b'\n') && answer.len() as u64 <= ANSWER_BYTES_MAX {
        if started.elapsed() > limit {
            bail!("no answer within {limit:?}");
        }
        match stream.read(&mut chunk)? {
            0 => break,
            count => answer.extend_from_slice(&chunk[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
