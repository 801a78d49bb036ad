//! PostgreSQL's types, both ways: results, as the server sends them, into values, and values into
//! parameters. Bytes in, values out; what is asked of the server and when is not known here.
//!
//! A type that is not listed in `oid` comes as the text that the server makes of it.

mod array;
mod calendar;
mod copy;
mod date;
mod decode;
mod element;
mod encode;
mod interval;
mod literal;
mod number;
mod numeric;
mod oid;
mod param;
mod read;
mod time;

pub(crate) use copy::copy_field;
pub(crate) use decode::{Format, decode, kind, result_format};
pub(crate) use encode::{Encoded, encode, list_text};
pub(crate) use oid::type_name;

#[cfg(test)]
mod tests;
