//! What a cluster is started with. How that is written for the server is in `conf`.

use super::version::Version;

/// All of it has a default: a server of the newest installed version that trusts everybody.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The newest that is installed, unless given.
    pub version: Option<Version>,
    /// Lines for postgresql.conf, which win over those that every cluster gets. `port`,
    /// `listen_addresses` and `unix_socket_directories` have to stay as they are.
    pub lines: Vec<String>,
    /// How clients prove who they are over TCP, and over the socket unless they are `postgres`.
    pub auth: Auth,
    /// Whether connections over TCP may or must be encrypted.
    pub tls: Tls,
    /// Whether commits reach the disk. Without, a killed server loses nothing; a machine that loses
    /// its power does.
    pub fsync: bool,
}

impl Settings {
    /// The defaults on this version.
    pub fn on(version: &Version) -> Settings {
        Settings { version: Some(version.clone()), ..Settings::default() }
    }
}

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// Not at all.
    #[default]
    Trust,
    /// With the password in the clear.
    Password,
    /// With MD5; passwords are stored so.
    Md5,
    /// With SCRAM-SHA-256.
    Scram,
}

/// Encryption of the connections over TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// There is none.
    #[default]
    Off,
    /// A client may ask for it.
    Offered,
    /// Connections without it are refused.
    Required,
}
