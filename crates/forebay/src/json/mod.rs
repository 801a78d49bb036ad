//! JSON as a form of values: documents and lists that a column gives as text. Pieces are read
//! without a copy where that is possible, and written; what they mean to a type is in `decode`.

mod object;
mod scan;
mod write;

pub(crate) use object::Object;
pub(crate) use scan::{Malformed, Next, Scan};
#[cfg(any(feature = "postgres", test))]
pub(crate) use write::hex;
#[cfg(any(feature = "postgres", test))]
pub(crate) use write::real;
pub(crate) use write::{text, unhex, value};

#[cfg(test)]
mod tests;
