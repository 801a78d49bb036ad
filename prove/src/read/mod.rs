//! Random reads from the whole grammar, each with what may be demanded of its answer. They are
//! made so that the schema and the rows determine the answer, up to what `Compare` says.

mod block;
mod condition;
mod draft;
mod edge;
mod join;
mod nested;
mod page;
mod partner;
mod shape;
mod spot;
#[cfg(test)]
mod tests;
mod trap;
mod view;

pub(crate) use draft::{Compare, Draft, Read, Source, highest_mark};
pub(crate) use shape::read;
pub(crate) use spot::Aim;
pub(crate) use view::view;
