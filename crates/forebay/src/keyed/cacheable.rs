//! What may be kept in a cache.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What may be kept in a [`crate::Cache`]: any type that serde can write and read, and that threads
/// may share. It is implemented for all of them.
pub trait Cacheable: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Cacheable for T {}
