//! Just enough of the protocol to prepare a test: one command, its reply as text.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

const WAIT_MAX: Duration = Duration::from_secs(10);

/// Runs a command on the server at `port` of this machine. Parts of an array are lines; what is not
/// there is the empty text. A server that needs a password or TLS is not for this.
pub fn talk(port: u16, command: &[&str]) -> Result<String> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(WAIT_MAX))?;
    stream.set_write_timeout(Some(WAIT_MAX))?;
    let mut request = format!("*{}\r\n", command.len()).into_bytes();
    for word in command {
        request.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    (&stream).write_all(&request)?;
    reply(&mut BufReader::new(stream))
}

fn reply(from: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        bail!("the server closed the connection");
    }
    let rest = line.get(1..).unwrap_or_default().trim_end();
    match line.as_bytes().first() {
        Some(b'+' | b':') => Ok(rest.to_owned()),
        Some(b'-') => bail!("the server says: {rest}"),
        Some(b'$') => {
            let length: i64 = rest.parse()?;
            let Ok(length) = usize::try_from(length) else { return Ok(String::new()) };
            let mut bytes = vec![0; length + 2];
            from.read_exact(&mut bytes)?;
            bytes.truncate(length);
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        Some(b'*') => {
            let parts = rest.parse::<i64>()?.max(0);
            let lines: Result<Vec<String>> = (0..parts).map(|_| reply(from)).collect();
            Ok(lines?.join("\n"))
        }
        _ => Err(anyhow::anyhow!("not the protocol of Redis")).context(line),
    }
}
