//! Pages of the guide that are about all of the library, whose examples are compiled and run with
//! those of the documentation. Those about one part stand beside it. There is nothing else here.
#![cfg(doctest)]

#[doc = include_str!("../../../docs/guide/start.md")]
mod start {}
#[doc = include_str!("../../../docs/guide/library.md")]
mod library {}
#[cfg(feature = "disk")]
#[doc = include_str!("../../../docs/guide/disk-tier.md")]
mod disk {}
#[cfg(feature = "redis")]
#[doc = include_str!("../../../docs/guide/redis.md")]
mod redis {}
#[cfg(feature = "postgres")]
#[doc = include_str!("../../../docs/guide/postgres.md")]
mod postgres {}
#[cfg(feature = "postgres")]
#[doc = include_str!("../../../docs/guide/postgres-cache.md")]
mod postgres_cache {}
#[cfg(feature = "postgres")]
#[doc = include_str!("../../../docs/guide/postgres-types.md")]
mod postgres_types {}
