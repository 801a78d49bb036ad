//! What a type of a user is made of: other types, and what the server runs for its values without
//! a statement that says so. It judges nothing.

use super::node::{Fault, Node};
use super::question::Texts;

/// A type that did not come with the server.
#[derive(Debug)]
pub(crate) struct Composition {
    /// What it is a domain over, an array or a range of, or what its fields are.
    pub(super) types: Vec<u32>,
    /// What ranges call, and casts from it and to it: functions of the server that show or read
    /// values of any type look for them.
    pub(super) functions: Vec<u32>,
    /// The checks and the default of a domain.
    pub(super) expressions: Result<Node, Fault>,
}

impl Composition {
    pub(super) fn read(row: &Texts<'_>) -> Option<Composition> {
        Some(Composition {
            types: row.oids(1)?,
            functions: row.oids(2)?,
            expressions: row.trees(3),
        })
    }
}

/// What reads and shows the values of a base type, and what an operator class calls, takes a
/// superuser to install, and is trusted.
pub(super) const COMPOSITIONS: &str = "\
SELECT t.oid,
       pg_catalog.concat_ws(' ', NULLIF(t.typbasetype, 0), NULLIF(t.typelem, 0),
           r.rngsubtype, r.rngtypid,
           (SELECT pg_catalog.string_agg(DISTINCT a.atttypid::text, ' ')
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)),
       pg_catalog.concat_ws(' ', NULLIF(r.rngcanonical::oid, 0), NULLIF(r.rngsubdiff::oid, 0),
           (SELECT pg_catalog.string_agg(DISTINCT k.castfunc::oid::text, ' ')
            FROM pg_catalog.pg_cast AS k
            WHERE t.oid IN (k.castsource, k.casttarget) AND k.castfunc <> 0)),
       '(' || pg_catalog.concat_ws(' ', t.typdefaultbin::text,
           (SELECT pg_catalog.string_agg(k.conbin::text, ' ')
            FROM pg_catalog.pg_constraint AS k WHERE k.contypid = t.oid)) || ')'
FROM pg_catalog.pg_type AS t
LEFT JOIN pg_catalog.pg_range AS r ON t.oid IN (r.rngtypid, r.rngmultitypid)
WHERE t.oid IN ($OIDS)";
