//! Where Redis is and who we are there, as a URL says it. It connects to nothing, and never shows a
//! password.

use std::fmt;

use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};
use redis::{RedisConnectionInfo, TlsCertificates};

use crate::error::{Error, Result};

const PORT: u16 = 6_379;
const SENTINEL_PORT: u16 = 26_379;

/// How many servers one URL may name.
const HOSTS_MAX: usize = 64;

/// What the addresses are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Single,
    /// Sentinels, and the name of the master that they are asked for.
    Sentinel(String),
    Cluster,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Host {
    Tcp(String, u16),
    Unix(std::path::PathBuf),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Tcp(host, port) => write!(f, "{host}:{port}"),
            Host::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A URL that was understood.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) layout: Layout,
    pub(super) hosts: Vec<Host>,
    is_tls: bool,
    login: RedisConnectionInfo,
    /// The login at the Sentinels.
    sentinel_login: RedisConnectionInfo,
    authority: Option<Vec<u8>>,
}

/// Without the login.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("layout", &self.layout)
            .field("hosts", &self.hosts)
            .field("is_tls", &self.is_tls)
            .finish_non_exhaustive()
    }
}

impl Address {
    /// Reads `redis://`, `rediss://` and `unix://`; with `-sentinel` behind the scheme several
    /// hosts and the name of the master, with `-cluster` several hosts.
    pub(super) fn read(url: &str) -> Result<Address> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| refused("it has no scheme"))?;
        if scheme == "unix" || scheme == "redis+unix" {
            return Address::unix(url);
        }
        let (base, kind) = scheme.split_once('-').unwrap_or((scheme, ""));
        if !["redis", "rediss"].contains(&base) {
            return Err(refused("its scheme is none of redis, rediss and unix"));
        }
        let (before, hosts, path) = split(rest);
        let (layout, path, port) = match kind {
            "" => (Layout::Single, path, PORT),
            "cluster" => (Layout::Cluster, path, PORT),
            "sentinel" => {
                let (master, path) = path.split_once('/').unwrap_or((path, ""));
                if master.is_empty() {
                    return Err(refused("it does not name the master, as in /mymaster/0"));
                }
                (Layout::Sentinel(master.to_owned()), path, SENTINEL_PORT)
            }
            _ => return Err(refused("behind its scheme stands neither -sentinel nor -cluster")),
        };
        let hosts: Vec<Host> =
            hosts.split(',').map(|one| host(one, port)).collect::<Result<_>>()?;
        if hosts.len() > HOSTS_MAX || (layout == Layout::Single && hosts.len() > 1) {
            return Err(refused("it names more servers than it may"));
        }
        let info = info(&format!("redis://{before}localhost/{path}"))?;
        let login = info.redis_settings().clone();
        if layout == Layout::Cluster && login.db() != 0 {
            return Err(refused("a Cluster has no database but 0"));
        }
        Ok(Address { is_tls: base == "rediss", ..Address::plain(layout, hosts, login) })
    }

    /// Who we are at the Sentinels; nobody in particular unless it is said.
    pub(super) fn with_sentinel_login(mut self, user: Option<&str>, password: &str) -> Address {
        self.sentinel_login = self.sentinel_login.set_password(password);
        if let Some(user) = user {
            self.sentinel_login = self.sentinel_login.set_username(user);
        }
        self
    }

    /// Trusts the certificates in this PEM text instead of those of the system.
    pub(super) fn with_authority(mut self, pem: Vec<u8>) -> Result<Address> {
        if !self.is_tls {
            return Err(refused("it has a certificate authority, and its scheme is not rediss"));
        }
        self.authority = Some(pem);
        Ok(self)
    }

    pub(super) fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// What connects to a server that serves keys.
    pub(super) fn client(&self, host: &Host) -> Result<Client> {
        self.client_as(host, &self.login)
    }

    /// What connects to a Sentinel.
    pub(super) fn sentinel(&self, host: &Host) -> Result<Client> {
        self.client_as(host, &self.sentinel_login)
    }

    fn client_as(&self, host: &Host, login: &RedisConnectionInfo) -> Result<Client> {
        let address = match host.clone() {
            Host::Unix(path) => ConnectionAddr::Unix(path),
            Host::Tcp(host, port) if self.is_tls => {
                ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
            }
            Host::Tcp(host, port) => ConnectionAddr::Tcp(host, port),
        };
        let login = login.clone().set_protocol(ProtocolVersion::RESP3);
        let info = address.into_connection_info().map(|info| info.set_redis_settings(login));
        let info = info.map_err(|_| refused("its host cannot be used"))?;
        let client = match &self.authority {
            Some(pem) => Client::build_with_tls(
                info,
                TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) },
            ),
            None => Client::open(info),
        };
        client.map_err(|_| Error::usage("the certificate authority for Redis is not PEM"))
    }

    fn unix(url: &str) -> Result<Address> {
        let info = info(url)?;
        let ConnectionAddr::Unix(path) = info.addr() else {
            return Err(refused("it is not the path of a socket"));
        };
        let (hosts, login) = (vec![Host::Unix(path.clone())], info.redis_settings().clone());
        Ok(Address::plain(Layout::Single, hosts, login))
    }

    fn plain(layout: Layout, hosts: Vec<Host>, login: RedisConnectionInfo) -> Address {
        let sentinel_login = RedisConnectionInfo::default();
        Address { layout, hosts, is_tls: false, login, sentinel_login, authority: None }
    }
}

/// The text before the hosts with its `@`, the hosts, and the path.
fn split(rest: &str) -> (&str, &str, &str) {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    match authority.rfind('@') {
        Some(at) => (&authority[..=at], &authority[at + 1..], path),
        None => ("", authority, path),
    }
}

fn host(text: &str, port: u16) -> Result<Host> {
    let plain = |host: &str, port| match host {
        "" => Err(refused("a host of it is empty")),
        host => Ok(Host::Tcp(host.trim_matches(['[', ']']).to_owned(), port)),
    };
    match text.rsplit_once(':') {
        Some((host, number)) if !number.contains(']') => {
            let number = number.parse().map_err(|_| refused("a port of it is not a number"))?;
            plain(host, number)
        }
        _ => plain(text, port),
    }
}

fn info(url: &str) -> Result<ConnectionInfo> {
    url.into_connection_info().map_err(|_| {
        refused("write redis://user:password@host:port/0, with special letters as %XX")
    })
}

/// Never with a part of the URL, which may be a password.
fn refused(why: &str) -> Error {
    Error::usage(format!("the URL of Redis cannot be used: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let tcp = |host: &str, port| Host::Tcp(host.to_owned(), port);
        let check = |url: &str, layout: Layout, hosts: &[Host], user: Option<&str>, db: i64| {
            let address = Address::read(url).unwrap();
            assert_eq!((address.layout, &address.hosts[..]), (layout, hosts), "{url}");
            assert_eq!((address.login.username(), address.login.db()), (user, db), "{url}");
            assert_eq!(address.is_tls, url.starts_with("rediss"));
        };
        let one = [tcp("h", 6_379)];
        check("redis://h", Layout::Single, &one, None, 0);
        check("rediss://u:p@h:7/3", Layout::Single, &[tcp("h", 7)], Some("u"), 3);
        check("redis://[::1]:7", Layout::Single, &[tcp("::1", 7)], None, 0);
        check("redis://[::1]", Layout::Single, &[tcp("::1", 6_379)], None, 0);
        check("unix:///run/r.sock", Layout::Single, &[Host::Unix("/run/r.sock".into())], None, 0);
        let two = [tcp("a", 26_379), tcp("b", 5)];
        let layout = Layout::Sentinel("mymaster".to_owned());
        check("redis-sentinel://u:p@a,b:5/mymaster/2", layout, &two, Some("u"), 2);
        check("rediss-cluster://a:1,b:2", Layout::Cluster, &[tcp("a", 1), tcp("b", 2)], None, 0);
    }

    #[test]
    fn wrong_urls_are_refused_without_showing_them() {
        let urls = [
            "",
            "h",
            "http://secret",
            "redis://secret:x",
            "redis://:secret@",
            "redis://a,b",
            "redis-sentinel://secret",
            "redis-other://secret",
            "redis-cluster://secret/1",
            "redis://u:secret@h/x",
        ];
        for url in urls {
            let error = Address::read(url).expect_err(url);
            assert!(error.is_usage() && !format!("{error}{error:?}").contains("secret"), "{url}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let address = Address::read("redis://someone:hidden@h").unwrap();
        let address = address.with_sentinel_login(Some("someone"), "hidden");
        assert!(!format!("{address:?}").contains("hidden"));
    }
}
