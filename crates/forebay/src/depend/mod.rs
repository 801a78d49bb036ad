//! What the queries inside a piece of work rest on, collected along its task, so that whatever is
//! made of their answers can be kept exactly as long as they can. It knows tickets, not how they
//! are made void: whoever answers a query adds its ticket, and is asked about it later.

mod collector;
mod evidence;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use collector::current;
pub use collector::inherit;
pub(crate) use collector::{Question, collect, doubt, is_collecting, note};
pub(crate) use evidence::{Authority, Evidence, Part};
