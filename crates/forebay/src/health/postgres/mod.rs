//! The checks of a PostgreSQL database, one a file, and the facts that they judge by.

mod archive;
mod autovacuum;
mod buffers;
mod checksums;
mod collations;
mod connections;
mod constraints;
mod dead_rows;
mod durability;
mod extensions;
mod facts;
mod invalid_index;
mod judge;
mod listed;
mod locks;
mod materialized_views;
mod objects;
mod planner;
mod replica_identity;
mod schema;
mod sequence_positions;
mod sequences;
mod server;
mod settings;
mod slots;
mod standby;
mod subscriptions;
mod synchronous;
mod transactions;
mod triggers;
mod unused_index;
mod wraparound;

#[cfg(test)]
mod tests;

pub(super) use facts::Facts;
pub(super) use judge::judge;
