//! The databases behind Forebay, one folder each. They open, run and observe; what is cached and
//! when is decided above.

pub(crate) mod sqlite;
