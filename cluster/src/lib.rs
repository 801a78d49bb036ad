//! Private PostgreSQL and Redis servers for tests, benchmarks and the proof, not shipped.
//!
//! A [`Cluster`] is a server of one's own: in a temporary folder, on a free port of 127.0.0.1,
//! never on 5432, with `wal_level=logical` and, unless asked, `fsync=off`. It starts in a fraction
//! of a second, can be killed, frozen, restarted and given standbys, and leaves nothing behind: not
//! even when the process that started it is killed. [`for_each_version`] runs a test on every
//! installed version, and [`Database::create`] gives a database on a server that all tests of a
//! process share.
//!
//! A [`RedisServer`] is the same for Redis, a [`Sentinel`] and a [`RedisCluster`] are several of
//! them.
//!
//! It does not know Forebay, and it is no client library: [`Session`] speaks just enough of the
//! protocol to prepare a test. On systems other than Unix it is empty.

#![cfg(unix)]

mod account;
mod certificate;
mod clone;
mod conf;
mod database;
mod port;
mod process;
mod redis;
mod server;
mod session;
mod settings;
mod shared;
mod standby;
mod template;
mod version;
mod watchdog;

pub use certificate::Certificate;
pub use database::Database;
pub use redis::{
    RedisCluster, RedisServer, RedisSettings, Sentinel, is_installed as redis_is_installed, talk,
};
pub use server::{Cluster, Stop};
pub use session::{Session, SqlError};
pub use settings::{Auth, Settings, Tls};
pub use shared::shared;
pub use standby::Follow;
pub use version::{Version, for_each_version, installed};
