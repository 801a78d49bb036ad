//! Why a call has failed, in the terms that matter here: whether the server is to be left alone,
//! whether its connection is to be replaced, and whether somebody else has to be asked. Its texts
//! contain no keys, no values and no passwords.

use std::fmt;

use redis::{ErrorKind, RedisError, ServerError, ServerErrorKind};

/// Why a call has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It took longer than its limit.
    Slow,
    /// The connection was lost, or could not be made.
    Unreachable(String),
    /// The server does not let us in.
    Denied(String),
    /// The server is loading, or its Cluster is down.
    NotReady(&'static str),
    /// Not what the protocol says.
    Garbage,
    /// Somebody else has the key.
    Moved,
    /// The server may only be read.
    ReadOnly,
    /// The server has no memory left.
    Full,
    /// The server does not know a script: it is told the text of it.
    NoScript,
    /// Anything else the server says, by the first word of it.
    Refused(String),
    /// The server is left alone after faults.
    LeftAlone,
    /// Nobody is known who has the key.
    Nowhere,
}

impl Fault {
    /// Whether it tells against the server, rather than against the call.
    pub(super) fn counts(&self) -> bool {
        use Fault::{Denied, Garbage, NotReady, Slow, Unreachable};
        matches!(self, Slow | Unreachable(_) | Denied(_) | NotReady(_) | Garbage)
    }

    /// Whether nothing more may be sent on this connection.
    pub(super) fn ends_connection(&self) -> bool {
        matches!(self, Fault::Unreachable(_) | Fault::Garbage)
    }

    /// Whether it has to be found out again who has what.
    pub(super) fn asks_for_map(&self) -> bool {
        matches!(self, Fault::Moved | Fault::ReadOnly | Fault::NotReady("CLUSTERDOWN"))
    }

    pub(super) fn from_server(error: &ServerError) -> Fault {
        match error.kind() {
            Some(ServerErrorKind::Moved) => Fault::Moved,
            Some(ServerErrorKind::NoScript) => Fault::NoScript,
            Some(ServerErrorKind::ReadOnly) => Fault::ReadOnly,
            Some(ServerErrorKind::BusyLoading) => Fault::NotReady("LOADING"),
            Some(ServerErrorKind::MasterDown) => Fault::NotReady("MASTERDOWN"),
            Some(ServerErrorKind::ClusterDown) => Fault::NotReady("CLUSTERDOWN"),
            _ => Fault::from_code(error.code()),
        }
    }

    fn from_code(code: &str) -> Fault {
        match code {
            "OOM" => Fault::Full,
            "NOAUTH" | "WRONGPASS" => Fault::Denied(code.to_owned()),
            _ => Fault::Refused(code.chars().filter(char::is_ascii_uppercase).take(32).collect()),
        }
    }
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Fault {
        match error.kind() {
            ErrorKind::AuthenticationFailed => Fault::Denied("AUTH".to_owned()),
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Fault::Garbage,
            ErrorKind::RESP3NotSupported => Fault::Denied("HELLO".to_owned()),
            ErrorKind::Io if error.is_timeout() => Fault::Slow,
            ErrorKind::Io => Fault::Unreachable(error.to_string()),
            _ => match error.into_server_errors() {
                Some(errors) => {
                    errors.first().map_or(Fault::Garbage, |(_, one)| Fault::from_server(one))
                }
                None => Fault::Garbage,
            },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Slow => f.write_str("Redis took longer than its limit"),
            Fault::Unreachable(why) => write!(f, "Redis cannot be reached: {why}"),
            Fault::Denied(code) => {
                write!(f, "Redis refuses the login ({code}): check user and password in its URL")
            }
            Fault::NotReady(code) => write!(f, "Redis is not ready yet ({code})"),
            Fault::Garbage => f.write_str("what answers at the address of Redis is not Redis"),
            Fault::Moved => f.write_str("the Cluster has moved the key"),
            Fault::ReadOnly => f.write_str("Redis may only be read: is it a replica?"),
            Fault::Full => f.write_str("Redis has no memory left: raise its maxmemory"),
            Fault::NoScript => f.write_str("Redis does not know a script that it was just told"),
            Fault::Refused(code) => write!(f, "Redis refuses the command ({code})"),
            Fault::LeftAlone => f.write_str("Redis is left alone for a while after faults"),
            Fault::Nowhere => f.write_str("there is no Redis to be asked yet"),
        }
    }
}
