//! The program as a whole, as a process.

mod replay;
