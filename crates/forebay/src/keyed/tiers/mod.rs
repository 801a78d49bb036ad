//! What lies below memory: the disk tier and the one in Redis, as a cache uses them. Values go down
//! as records and come up again; deletions are waited for. Why nothing deleted comes up is in
//! `docs/design/keyed-cache.md`.

mod absent;
mod below;
mod change;
mod embark;
mod fill;
mod glance;
mod look;
mod name;
mod number;
mod removal;
mod rise;
mod tally;

#[cfg(not(feature = "redis"))]
pub(crate) use absent::{Bid, Redis, RedisLease, RedisTicket, Stamp};
#[cfg(not(feature = "disk"))]
pub(crate) use absent::{Claim, Disk};
pub(crate) use below::{Below, OnDisk};
pub(crate) use change::Point;
pub(crate) use embark::{Embarked, Errand, LOOK_MAX};
pub(crate) use fill::{FILL_MAX, How};
pub(crate) use look::{Asked, Risen};

#[cfg(feature = "redis")]
pub(crate) use crate::tier::redis::{Bid, Redis, RedisLease, RedisTicket, Stamp};
#[cfg(feature = "disk")]
pub(crate) use crate::tier::{Claim, Disk};
