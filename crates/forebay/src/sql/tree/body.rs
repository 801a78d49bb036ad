//! What a function of a user is made of, as far as the catalogue shows it: the tree of its body,
//! the functions of an aggregate, or where its machine code is. It judges nothing.

use super::node::{Fault, Node};
use super::question::Texts;

/// A function that did not come with the server.
#[derive(Debug)]
pub(crate) struct Body {
    /// Everything that it runs is in `functions` and `expressions`.
    pub(super) is_shown: bool,
    /// It is machine code, which takes a superuser to install.
    pub(super) is_native: bool,
    /// The library of that code and the name in it.
    pub(super) code: Option<String>,
    /// What an aggregate is made of.
    pub(super) functions: Vec<u32>,
    /// The defaults of its arguments, and its body if it was stored as a tree.
    pub(super) expressions: Result<Node, Fault>,
}

impl Body {
    pub(super) fn read(row: &Texts<'_>) -> Option<Body> {
        Some(Body {
            is_shown: row.is_true(1)?,
            is_native: row.is_true(2)?,
            code: row.text(3).map(str::to_owned),
            functions: row.oids(4)?,
            expressions: row.trees(5),
        })
    }
}

/// The oids of the languages are fixed: 12 is `internal`, 13 is `c`, 14 is `sql`. An aggregate is
/// entered as `internal`, whatever it calls.
pub(super) const BODIES: &str = "\
SELECT p.oid,
       (p.prokind = 'a' OR p.prolang = 14 AND p.prosqlbody IS NOT NULL)::int,
       (p.prokind <> 'a' AND p.prolang IN (12, 13))::int,
       CASE WHEN p.prolang = 13 THEN p.probin || ' ' || p.prosrc END,
       pg_catalog.concat_ws(' ', NULLIF(a.aggtransfn::oid, 0), NULLIF(a.aggfinalfn::oid, 0),
           NULLIF(a.aggcombinefn::oid, 0), NULLIF(a.aggserialfn::oid, 0),
           NULLIF(a.aggdeserialfn::oid, 0), NULLIF(a.aggmtransfn::oid, 0),
           NULLIF(a.aggminvtransfn::oid, 0), NULLIF(a.aggmfinalfn::oid, 0)),
       '(' || pg_catalog.concat_ws(' ', p.proargdefaults::text, p.prosqlbody::text) || ')'
FROM pg_catalog.pg_proc AS p LEFT JOIN pg_catalog.pg_aggregate AS a ON a.aggfnoid = p.oid
WHERE p.oid IN ($OIDS)";
