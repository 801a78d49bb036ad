//! Rows into the types of the caller, through serde.
