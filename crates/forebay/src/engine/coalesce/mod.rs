//! Reads of one text that are on their way at once, as one statement for all their values: for
//! PostgreSQL, where a round trip costs more than a row. Each caller gets the rows of its own
//! value, with a ticket of its own. What is not proven to be the same is run alone.

mod batch;
mod gather;
mod joint;

pub(super) use gather::{Coalescing, Ride};
