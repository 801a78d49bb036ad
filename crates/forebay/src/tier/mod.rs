//! Tiers behind memory: bytes under keys, which outlive the process or are shared. They know
//! nothing of types, of queries or of what an entry rests on.

mod disk;

pub use disk::{Disk, DiskBuilder, DiskHealth, DiskStats};
