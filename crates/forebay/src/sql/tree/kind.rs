//! The values that are compared here just as the server compares them, and in which form the
//! dependency index has to be given them. It is the one place where a type gets its form.

use super::typing::{BOOL, INT2, INT4, INT8, OID, TEXT, UUID, VARCHAR};
use crate::sql::Affinity;

/// How a value of a column has to be given to the dependency index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// int2, int4, int8, oid and bool: as an integer, a truth value as 1 or 0.
    Integer,
    /// text and varchar: the text itself.
    Text,
    /// uuid: the text that the server writes, in lower case with four hyphens.
    Uuid,
}

impl Kind {
    /// The kind of a type; `None` if its values are not compared here, and then they may be given
    /// in any form, but for NULL.
    pub(crate) fn of(type_oid: u32) -> Option<Kind> {
        match type_oid {
            INT2 | INT4 | INT8 | OID | BOOL => Some(Kind::Integer),
            TEXT | VARCHAR => Some(Kind::Text),
            UUID => Some(Kind::Uuid),
            _ => None,
        }
    }

    pub(super) fn affinity(self) -> Affinity {
        match self {
            Kind::Integer => Affinity::Integer,
            Kind::Text | Kind::Uuid => Affinity::Text,
        }
    }
}
