//! Private Redis servers, with Sentinels and as a Cluster: on free ports of 127.0.0.1, never on
//! 6379 or 26379, gone with the process that started them. They know nothing of Forebay.

mod binary;
mod cluster;
mod process;
mod sentinel;
mod server;
mod talk;

pub use binary::is_installed;
pub use cluster::RedisCluster;
pub use sentinel::Sentinel;
pub use server::{RedisServer, RedisSettings};
pub use talk::talk;
