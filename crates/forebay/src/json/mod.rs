//! JSON as a form of values: documents and lists that a column gives as text. Pieces are read
//! without a copy where that is possible, and written; what they mean to a type is in `decode`.

mod scan;
mod write;

pub(crate) use scan::{Malformed, Next, Scan};
#[cfg(any(feature = "postgres", test))]
pub(crate) use write::real;
#[cfg(test)]
use write::{hex, text};
pub(crate) use write::{unhex, value};

#[cfg(test)]
mod tests;
