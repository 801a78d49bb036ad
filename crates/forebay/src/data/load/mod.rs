//! The rows that belong to other rows, many at a time: by one statement with a list of keys, or by
//! a loader that gathers the keys of many callers. It runs no statement.

mod batch;
mod group;
mod guide;
mod loader;

pub(crate) use group::{Chunks, Grouping};
pub use loader::{Loader, LoaderBuilder};

#[cfg(test)]
mod tests;
