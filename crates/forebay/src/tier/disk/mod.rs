//! A bounded cache of bytes in one file, which outlives the process. It may lose what it was
//! given at any time; it never gives a wrong value, nor one that was removed. It does not keep
//! anything for certain: that is what databases are for.

mod boot;
mod builder;
mod claim;
mod compress;
mod face;
mod handle;
mod index;
mod layout;
mod queue;
mod read;
mod recover;
mod report;
mod state;
mod task;
mod volume;
mod worker;

// They limit what a process may write as Linux does.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

pub use builder::DiskBuilder;
pub(crate) use claim::Claim;
pub use face::Disk;
pub use report::{DiskHealth, DiskStats};
