//! A fair, bounded pool of connections. It knows no SQL and no database: what a connection is,
//! how it is opened and how it is checked comes with the trait [`Connect`].

mod checkout;
mod connect;
mod options;

pub(crate) use checkout::{Checkout, Pool};
pub(crate) use connect::{Connect, HolderLabel};
pub(crate) use options::Options;
