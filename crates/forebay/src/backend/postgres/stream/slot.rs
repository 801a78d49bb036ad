//! The commands that begin a stream on a connection in replication mode. They are texts only.

use super::super::setup::quote;

/// Makes a slot that is gone with its connection, or with the first error on it: a cache that has
/// lost the stream has to begin anew anyhow, and no log is kept for it. The old form of the
/// options is understood by every version.
pub(crate) fn create(slot: &str) -> String {
    let slot = quote::identifier(slot);
    format!("CREATE_REPLICATION_SLOT {slot} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT")
}

/// Starts the stream from where the slot begins.
pub(crate) fn start(slot: &str, publication: &str) -> String {
    let names = quote::literal(&quote::identifier(publication));
    let slot = quote::identifier(slot);
    format!(
        "START_REPLICATION SLOT {slot} LOGICAL 0/0 \
         (proto_version '1', publication_names {names}, messages 'true')"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(
            create("forebay_1"),
            "CREATE_REPLICATION_SLOT \"forebay_1\" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT"
        );
        assert_eq!(
            start("a\"b", "it's"),
            "START_REPLICATION SLOT \"a\"\"b\" LOGICAL 0/0 \
             (proto_version '1', publication_names '\"it''s\"', messages 'true')"
        );
    }
}
