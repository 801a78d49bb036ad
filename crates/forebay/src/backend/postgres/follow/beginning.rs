//! What has to be known of a server when a stream begins: which transactions may still show what
//! they committed before it, and up to where the stream has to come before it can be relied on.

use crate::invalidate::{Beginning, Lsn, Snapshot, Xid};

/// To be asked when the slot exists: the number of a transaction, and a position. It is a
/// transaction of our own, which writes a note, so that the stream is certain to pass it. The only
/// row is that of the third statement.
pub(super) const BEGINNING: &str = "\
BEGIN READ WRITE; SET LOCAL synchronous_commit = local; \
SELECT pg_catalog.pg_current_xact_id(), \
pg_catalog.pg_logical_emit_message(true, 'forebay_mark', ''); COMMIT";

/// What is known at the beginning.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    /// Taken after the slot was there.
    pub(super) snapshot: Snapshot,
    pub(super) beginning: Beginning,
}

impl Begun {
    /// Reads the row of [`BEGINNING`].
    pub(super) fn read(snapshot: Snapshot, row: &[Option<&str>]) -> Option<Begun> {
        let [Some(xid), Some(position)] = *row else { return None };
        let bound = Xid::of_full(xid.parse().ok()?);
        let beginning = Beginning { must_pass: Lsn::parse(position)?, bound };
        Some(Begun { snapshot, beginning })
    }
}
