//! Limits around one statement: how long it may run and whether anybody still wants it.

mod stop;

pub(crate) use stop::{Stop, StopOnDrop};
