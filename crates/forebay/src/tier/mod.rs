//! Tiers behind memory: bytes under keys, which outlive the process or are shared. A tier knows no
//! types and no queries, and not what a value rests on; that is known above.

#[cfg(feature = "disk")]
mod disk;
#[cfg(feature = "redis")]
pub(crate) mod redis;

#[cfg(feature = "disk")]
pub(crate) use disk::Claim;
#[cfg(feature = "disk")]
pub use disk::{Disk, DiskBuilder, DiskHealth, DiskStats};
