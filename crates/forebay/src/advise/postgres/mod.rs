//! Advice for PostgreSQL. What statements are after is read from the server's own plans, so that
//! views, casts and every operator mean what they mean to it. Nothing is ever committed: indexes
//! are put before the planner by HypoPG, and built only where that is asked for, in a transaction
//! that is rolled back.

mod advise;
mod candidate;
mod catalogue;
mod entry;
mod log;
mod measure;
mod need;
mod needless;
mod offset;
mod plan;
mod prove;
mod quote;
mod report;
mod sample;
mod server;
mod statements;
mod term;
mod weigh;

pub(crate) use advise::advise;
pub(crate) use statements::statements;

#[cfg(test)]
mod tests;
