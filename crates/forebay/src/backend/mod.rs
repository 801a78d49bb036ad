//! The databases behind Forebay, one folder each. They open, run and observe; what is cached and
//! when is decided above.

mod answer;
mod batch;
mod effect;
mod known;
mod pace;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod scope;
pub(crate) mod sqlite;

pub(crate) use answer::{Answer, Collect, Limits, RowSink};
pub(crate) use batch::{Batch, Batched};
pub(crate) use effect::Effect;
pub(crate) use known::{Described, Known};
pub(crate) use pace::Pace;
pub(crate) use scope::Scope;
