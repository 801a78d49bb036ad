//! A small HTTP/1.1 client over one connection: requests in order, answers whole.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

/// One connection to a service.
pub(crate) struct Http {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
    token: Option<String>,
}

/// A status and a body.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Http {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Http> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        Ok(Http { stream: BufReader::new(stream), address, token: None })
    }

    pub(crate) fn with_token(mut self, token: &str) -> Http {
        self.token = Some(token.to_owned());
        self
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Response> {
        self.send("GET", path, "", "")
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> io::Result<Response> {
        self.send("POST", path, "", &body.to_string())
    }

    /// Runs a statement by `POST /v1/query`.
    pub(crate) fn query(&mut self, sql: &str, params: &Value) -> io::Result<Response> {
        self.query_with("", sql, params)
    }

    /// The same with more headers, each with the end of its line.
    pub(crate) fn query_with(
        &mut self,
        headers: &str,
        sql: &str,
        params: &Value,
    ) -> io::Result<Response> {
        let body = json!({ "sql": sql, "params": params }).to_string();
        self.send("POST", "/v1/query", headers, &body)
    }

    /// The first value of the first row of an answer that must succeed.
    pub(crate) fn scalar(&mut self, sql: &str, params: &Value) -> io::Result<Value> {
        let response = self.query(sql, params)?;
        assert_eq!(response.status, 200, "{sql}: {response:?}");
        Ok(response.json()["rows"][0][0].clone())
    }

    fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> io::Result<Response> {
        let (address, length) = (self.address, body.len());
        let token = self.token.as_ref();
        let token = token.map_or(String::new(), |t| format!("Authorization: Bearer {t}\r\n"));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             {token}{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let header = self.line()?.to_ascii_lowercase();
            match header.split_once(':') {
                None => break,
                Some(("content-length", value)) => length = value.trim().parse().unwrap(),
                Some(("transfer-encoding", value)) => chunked = value.trim() == "chunked",
                Some(_) => {}
            }
        }
        let body = if chunked { self.chunks()? } else { self.bytes(length)? };
        Ok(Response { status, body: String::from_utf8(body).unwrap() })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line()?, 16).unwrap();
            all.extend(self.bytes(length)?);
            self.line()?;
            if length == 0 {
                return Ok(all);
            }
        }
    }
}
