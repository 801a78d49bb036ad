//! Every setting of the service: its default, its range and its check in one place. What concerns
//! the database (pools, transaction limits, what a remote client may do) is set on
//! [`forebay::Builder`] before the service gets it.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use forebay::{Advisor, Cache, Maintenance, Monitor};

use crate::admin::{Access, Configuration, LogLevel};
use crate::error::{Error, Result};
use crate::outlet::Outlet;
use crate::request::BODY_COPIES;

/// Settings of the service. Begin with [`Options::default`] and change fields; [`crate::run`]
/// checks them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The bearer token that every request but `GET /health` must carry; none by default.
    pub token: Option<Token>,
    /// Who may use the admin API under `/api/v1/admin`. By default nobody may change anything, and
    /// only this machine may look; whoever has `token` may look as well.
    pub admin: Access,
    /// Names that the `Host` header may carry. Empty, the default, means: loopback names and
    /// addresses when the listener is on loopback, any name otherwise. Names given here are
    /// allowed beside loopback names; a port is not part of a name.
    pub allowed_hosts: Vec<String>,
    /// Web origins (`https://app.example.com`) whose pages may send requests; none by default.
    pub allow_origins: Vec<String>,

    /// Connections open at once; further ones wait in the kernel's queue. 2,048.
    pub connections_max: usize,
    /// Requests in work at once, until their answer is sent; more are refused with 503. 1,024.
    pub requests_max: usize,
    /// The longest a connection may take to send the head of a request, and the longest it may
    /// lie idle between two. 30 s.
    pub header_read_timeout: Duration,
    /// The longest the body of a request may take to arrive. 30 s.
    pub body_read_timeout: Duration,
    /// The longest a client may take none of an answer that waits for it; then its connection is
    /// closed. 30 s.
    pub write_stall_timeout: Duration,
    /// The longest one answer may take to be sent, however slowly its client reads. 300 s.
    pub answer_send_timeout: Duration,
    /// The largest body of a request in bytes. 32 MiB.
    pub body_bytes_max: usize,
    /// Bytes of requests and collected answers held at once, all clients together; more is refused
    /// with 503. Once it is decoded, a body counts four times, and each object and array in it 96
    /// bytes; for `POST /v1/query` each comma too. A request that takes more than all of it alone
    /// is refused with 413. 1 GiB.
    pub memory_bytes_max: usize,

    /// Rows of one collected answer at most; a cursor has no such bound. 100,000.
    pub rows_max: usize,
    /// Bytes of one collected answer at most, as JSON; a cursor has no such bound. 64 MiB.
    pub response_bytes_max: usize,
    /// The longest one statement may run. 30 s.
    pub statement_timeout: Duration,
    /// The longest a script (Hrana's `sequence`) may run as a whole. 60 s.
    pub script_timeout: Duration,
    /// The longest a cursor may stay open, however slowly its client reads. 60 s.
    pub cursor_timeout: Duration,

    /// Hrana streams open between two requests. A pipeline that closes its own stream needs
    /// none of these. 1,024.
    pub streams_max: usize,
    /// The longest a stream may lie idle between two requests; then it is rolled back and closed.
    /// 10 s.
    pub stream_idle_timeout: Duration,
    /// Requests in one pipeline. 1,000.
    pub pipeline_requests_max: usize,
    /// Statements in one batch. 10,000.
    pub batch_steps_max: usize,
    /// SQL texts that a stream may store. 64.
    pub stored_sql_max: usize,
    /// Bytes of these, all texts of a stream together. 1 MiB.
    pub stored_sql_bytes_max: usize,

    /// How long the service goes on as before when it is to stop, with `GET /health/ready`
    /// answering 503: as long as a load balancer takes to notice. 0 s.
    pub drain_grace: Duration,
    /// The longest the service waits for requests in work when it stops. 30 s.
    pub drain_timeout: Duration,
    /// The longest `GET /health` waits for the database. 2 s.
    pub health_timeout: Duration,
    /// Statements that `GET /metrics` shows one by one: the busiest. 50.
    pub fingerprints_shown: usize,
    /// How often the files of a certificate are looked at for a new one. 10 s.
    pub tls_reload_every: Duration,
    /// What `GET /metrics` and `GET /health` show beside the database: the caches, tiers and guards
    /// of the application that carries the service. Nothing by default. The database itself need
    /// not be given; how many statements are shown is `fingerprints_shown`.
    pub monitor: Monitor,
    /// The caches of the application that the admin API shows and clears, under their names.
    pub caches: Vec<(String, Cache)>,
    /// Who advises on indexes, through the admin API. Needed for a PostgreSQL database alone. None.
    pub advisor: Option<Advisor>,
    /// What is done for the database on a schedule: the admin API shows it, and runs a task when an
    /// admin asks for it. None.
    pub maintenance: Option<Maintenance>,
    /// The configuration that the admin API shows, with where each value comes from. Empty.
    pub configuration: Configuration,
    /// How the level of the log is told and changed at run time, through the admin API. None.
    pub log_level: Option<LogLevel>,
    /// Where figures go by themselves, beside who asks for `GET /metrics`. None.
    pub outlet: Option<Outlet>,
    /// In which environment the service runs: a word for `GET /health`. `production`.
    pub environment: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            token: None,
            admin: Access::default(),
            allowed_hosts: Vec::new(),
            allow_origins: Vec::new(),
            connections_max: 2_048,
            requests_max: 1_024,
            header_read_timeout: Duration::from_secs(30),
            body_read_timeout: Duration::from_secs(30),
            write_stall_timeout: Duration::from_secs(30),
            answer_send_timeout: Duration::from_secs(300),
            body_bytes_max: 32 << 20,
            memory_bytes_max: 1 << 30,
            rows_max: 100_000,
            response_bytes_max: 64 << 20,
            statement_timeout: Duration::from_secs(30),
            script_timeout: Duration::from_secs(60),
            cursor_timeout: Duration::from_secs(60),
            streams_max: 1_024,
            stream_idle_timeout: Duration::from_secs(10),
            pipeline_requests_max: 1_000,
            batch_steps_max: 10_000,
            stored_sql_max: 64,
            stored_sql_bytes_max: 1 << 20,
            drain_grace: Duration::ZERO,
            drain_timeout: Duration::from_secs(30),
            health_timeout: Duration::from_secs(2),
            fingerprints_shown: 50,
            tls_reload_every: Duration::from_secs(10),
            monitor: Monitor::new(),
            caches: Vec::new(),
            advisor: None,
            maintenance: None,
            configuration: Configuration::default(),
            log_level: None,
            outlet: None,
            environment: "production".to_owned(),
        }
    }
}

impl Options {
    /// Checks every field against its range; the error names the field and the range.
    pub fn validate(&self) -> Result<()> {
        for (name, value, range) in self.counts() {
            within(name, &value, &range)?;
        }
        let seconds = Duration::from_millis(1)..=Duration::from_secs(86_400);
        for (name, value) in self.times() {
            within(name, &value, &seconds)?;
        }
        within("drain_grace", &self.drain_grace, &(Duration::ZERO..=*seconds.end()))?;
        let body_bytes = self.body_bytes_max.saturating_mul(BODY_COPIES);
        if self.memory_bytes_max < body_bytes.max(self.response_bytes_max) {
            return Err(Error::options(format!(
                "memory_bytes_max is smaller than {BODY_COPIES} times body_bytes_max, or than \
                 response_bytes_max, so that a single request could never be served; raise it, \
                 or lower the other two"
            )));
        }
        self.validate_names()
    }

    fn counts(&self) -> [(&'static str, usize, RangeInclusive<usize>); 12] {
        const COUNT: RangeInclusive<usize> = 1..=1_000_000;
        const BYTES: RangeInclusive<usize> = 1_024..=(1 << 40);
        [
            ("connections_max", self.connections_max, COUNT),
            ("requests_max", self.requests_max, COUNT),
            ("rows_max", self.rows_max, 1..=1_000_000_000),
            ("streams_max", self.streams_max, COUNT),
            ("pipeline_requests_max", self.pipeline_requests_max, COUNT),
            ("batch_steps_max", self.batch_steps_max, COUNT),
            ("stored_sql_max", self.stored_sql_max, COUNT),
            ("fingerprints_shown", self.fingerprints_shown, 0..=10_000),
            ("body_bytes_max", self.body_bytes_max, BYTES),
            ("memory_bytes_max", self.memory_bytes_max, BYTES),
            ("response_bytes_max", self.response_bytes_max, BYTES),
            ("stored_sql_bytes_max", self.stored_sql_bytes_max, BYTES),
        ]
    }

    fn times(&self) -> [(&'static str, Duration); 11] {
        [
            ("header_read_timeout", self.header_read_timeout),
            ("body_read_timeout", self.body_read_timeout),
            ("write_stall_timeout", self.write_stall_timeout),
            ("answer_send_timeout", self.answer_send_timeout),
            ("statement_timeout", self.statement_timeout),
            ("script_timeout", self.script_timeout),
            ("cursor_timeout", self.cursor_timeout),
            ("stream_idle_timeout", self.stream_idle_timeout),
            ("drain_timeout", self.drain_timeout),
            ("health_timeout", self.health_timeout),
            ("tls_reload_every", self.tls_reload_every),
        ]
    }

    /// Every setting with its value, for who looks at the configuration in force. Secrets are only
    /// said to be there or not.
    pub(crate) fn shown(&self) -> Vec<(&'static str, String)> {
        let is_set = |is_set| if is_set { "set" } else { "not set" }.to_owned();
        let mut all = vec![
            ("environment", self.environment.clone()),
            ("service_auth", is_set(self.token.is_some())),
            ("admin_auth", is_set(self.admin.admin_token.is_some())),
            ("reader_auth", is_set(self.admin.reader_token.is_some())),
            ("signed_auth", is_set(self.admin.jwt.is_some())),
            ("allowed_hosts", self.allowed_hosts.join(" ")),
            ("allow_origins", self.allow_origins.join(" ")),
        ];
        all.extend(self.counts().into_iter().map(|(name, value, _)| (name, value.to_string())));
        all.push(("drain_grace", format!("{:?}", self.drain_grace)));
        all.extend(self.times().into_iter().map(|(name, value)| (name, format!("{value:?}"))));
        all
    }

    fn validate_names(&self) -> Result<()> {
        if self.token.as_ref().is_some_and(|token| token.text().is_empty()) {
            return Err(Error::options("token is empty; leave it out to require none"));
        }
        for host in &self.allowed_hosts {
            if host.is_empty() || host.contains(['/', ' ', '*']) {
                return Err(Error::options(format!(
                    "allowed_hosts: {host:?} is not a host name; give it as in db.example.com, \
                     without scheme, port or wildcard"
                )));
            }
        }
        for origin in &self.allow_origins {
            let rest = origin.strip_prefix("https://").or(origin.strip_prefix("http://"));
            if rest.is_none_or(|rest| rest.is_empty() || rest.contains(['/', ' ', '*'])) {
                return Err(Error::options(format!(
                    "allow_origins: {origin:?} is not a web origin; give it as in \
                     https://app.example.com, without path, final slash or wildcard"
                )));
            }
        }
        Ok(())
    }
}

fn within<T: PartialOrd + fmt::Debug>(
    name: &str,
    value: &T,
    range: &RangeInclusive<T>,
) -> Result<()> {
    if range.contains(value) {
        return Ok(());
    }
    let (low, high) = (range.start(), range.end());
    Err(Error::options(format!("{name} is {value:?}, but must be from {low:?} to {high:?}")))
}

/// A bearer token. It is never printed, and compared in constant time. A clone is the same token:
/// what replaces one replaces all.
#[derive(Clone)]
pub struct Token(Arc<RwLock<String>>);

impl Token {
    /// The token, without white space around it.
    pub fn new(text: impl AsRef<str>) -> Token {
        Token(Arc::new(RwLock::new(text.as_ref().trim().to_owned())))
    }

    /// Puts the text of `other` in the place of this one's, for requests that come later. An empty
    /// one changes nothing: it would let in whoever shows nothing.
    pub fn replace(&self, other: &Token) {
        let text = other.text().clone();
        if !text.is_empty() {
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = text;
        }
    }

    fn text(&self) -> RwLockReadGuard<'_, String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `presented` is this token. The time it takes tells the length of the token and
    /// nothing else.
    pub(crate) fn matches(&self, presented: &[u8]) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.text().as_bytes(), presented).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Options), expect: Option<&str>) {
        let mut options = Options::default();
        change(&mut options);
        match (options.validate(), expect) {
            (Ok(()), None) => {}
            (Err(error), Some(part)) => {
                assert!(error.is_options());
                assert!(error.to_string().contains(part), "{error}");
            }
            (result, expect) => panic!("{result:?} instead of {expect:?}"),
        }
    }

    #[test]
    fn ranges_are_checked_and_named() {
        check(|_| {}, None);
        check(|o| o.requests_max = 0, Some("requests_max is 0, but must be from 1"));
        check(|o| o.body_bytes_max = 10, Some("body_bytes_max"));
        check(|o| o.drain_timeout = Duration::ZERO, Some("drain_timeout is 0ns"));
        check(|o| o.cursor_timeout = Duration::from_secs(100_000), Some("cursor_timeout"));
        check(|o| o.memory_bytes_max = (128 << 20) - 1, Some("memory_bytes_max is smaller"));
        check(|o| o.memory_bytes_max = 128 << 20, None);
        check(|o| o.token = Some(Token::new(" \n")), Some("token is empty"));
        check(|o| o.token = Some(Token::new("x")), None);
        check(|o| o.allowed_hosts = vec!["db.example.com".into()], None);
        check(|o| o.allowed_hosts = vec!["http://db".into()], Some("allowed_hosts"));
        check(|o| o.allow_origins = vec!["https://app.example.com".into()], None);
        check(|o| o.allow_origins = vec!["*".into()], Some("allow_origins"));
        check(|o| o.allow_origins = vec!["https://a/".into()], Some("allow_origins"));
    }

    #[test]
    fn a_token_can_be_replaced() {
        let (token, given) = (Token::new("old"), Token::new("new"));
        let clone = token.clone();
        token.replace(&Token::new(" "));
        assert!(clone.matches(b"old"));
        token.replace(&given);
        assert!(clone.matches(b"new") && !clone.matches(b"old"));
    }

    #[test]
    fn a_token_is_compared_whole_and_never_printed() {
        let token = Token::new("secret\n");
        assert!(token.matches(b"secret"));
        for other in ["", "secre", "secret2", "Secret"] {
            assert!(!token.matches(other.as_bytes()), "{other}");
        }
        assert!(
            !format!("{:?}", Options { token: Some(token), ..Options::default() })
                .contains("secret")
        );
    }
}
