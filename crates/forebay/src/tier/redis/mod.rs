//! The tier in Redis, shared by processes: bytes under keys, with copies in the memory of each
//! process that go when another one changes them. It knows no types, no records and no deadlines of
//! entries. Why it is right is in docs/design/redis-tier.md.

mod address;
mod builder;
mod change;
mod counter;
mod ear;
mod fault;
mod fuse;
mod glob;
mod handle;
mod health;
mod heard;
mod keeper;
mod lease;
mod name;
mod node;
mod place;
mod read;
mod reply;
mod roll;
mod script;
mod seek;
mod settings;
mod shared;
mod stats;
mod sweep;
mod tag;
mod write;

pub use builder::RedisBuilder;
pub use change::{RedisChange, RedisChanges};
pub use counter::RedisRate;
pub use handle::Redis;
pub use health::RedisHealth;
pub use heard::RedisTicket;
pub(crate) use heard::Stamp;
pub(crate) use lease::Bid;
pub use lease::RedisLease;
pub use stats::RedisStats;
