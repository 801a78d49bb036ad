//! The program as a whole, as a process.
#![allow(clippy::unwrap_used)]

mod replay;
