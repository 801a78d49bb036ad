//! The cache for everything that is not a query: values under keys of the application's own, loaded
//! once for all who ask, and kept as long as they may be. What it rests on is in
//! `docs/design/keyed-cache.md`. It needs no database, and knows none.

mod asked;
mod berth;
mod blocking;
mod builder;
mod cache;
mod cacheable;
#[cfg(feature = "macros")]
mod call;
mod caught;
mod chain;
mod codec;
mod core;
mod entry;
mod failure;
mod flight;
mod guarded;
mod guide;
mod hooks;
mod hot;
mod keep;
mod kept;
mod key;
mod known;
mod landing;
mod life;
mod load;
mod many;
#[cfg(any(feature = "disk", feature = "redis"))]
mod nesting;
mod part;
mod policy;
mod record;
mod saved;
mod space;
mod stats;
mod tagged;
mod tags;
mod tally;
#[cfg(test)]
mod tests;
mod thread;
mod tiers;
mod trace;
mod warm_entry;
mod warming;
mod weigh;
mod words;

pub use blocking::Blocking;
pub use builder::CacheBuilder;
pub use cache::Cache;
pub use cacheable::Cacheable;
#[cfg(feature = "macros")]
pub use call::Returned;
#[cfg(feature = "macros")]
pub(crate) use call::Wants;
pub use entry::CacheEntry;
pub use part::{KeyPart, key_part};
pub use stats::{CacheTierStats, EntryDrops, KeyedStats, LoadTime};
pub use warm_entry::WarmEntry;
pub use warming::{WarmProgress, Warming};
