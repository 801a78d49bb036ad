//! Small questions about a text.

/// The first word of the text, as written.
pub(crate) fn leading_keyword(_sql: &str) -> Option<&str> {
    todo!()
}

/// Whether there is nothing to execute.
pub(crate) fn is_blank(_sql: &str) -> bool {
    todo!()
}

/// Whether a NUL byte cuts the text short.
pub(crate) fn contains_nul(sql: &str) -> bool {
    sql.as_bytes().contains(&0)
}
