//! Relations read from SQLite, and what queries over them rest on, against SQLite itself.

mod meaning;
mod query;
