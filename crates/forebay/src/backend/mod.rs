//! The databases behind Forebay, one folder each. They open, run and observe; what is cached and
//! when is decided above.

mod answer;
mod effect;
pub(crate) mod sqlite;

pub(crate) use answer::{Answer, Collect, Limits, RowSink};
pub(crate) use effect::Effect;
