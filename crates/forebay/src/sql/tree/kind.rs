//! The values that are compared here just as the server compares them, and in which form the
//! dependency index has to be given them. It is the one place where a type gets its form.

use super::typing::{
    BOOL, DATE, INT2, INT4, INT8, OID, TEXT, TIMESTAMP, TIMESTAMPTZ, UUID, VARCHAR,
};
use crate::sql::Affinity;
use crate::value::Value;

/// How a value of a column has to be given to the dependency index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// int2, int4, int8, oid and bool: as an integer, a truth value as 1 or 0.
    Integer,
    /// text and varchar: the text itself.
    Text,
    /// uuid: the text that the server writes, in lower case with four hyphens.
    Uuid,
    /// date: days since 2000, as an integer. The dependency index is given none.
    Date,
    /// timestamp: microseconds since 2000, as an integer. Nor any of these.
    Timestamp,
    /// timestamptz: the same in UTC. Nor any of these.
    Timestamptz,
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

    /// The same with dates and points in time, whose order is known here: for whoever has to know
    /// in which range a value lies.
    pub(crate) fn ranged(type_oid: u32) -> Option<Kind> {
        match type_oid {
            DATE => Some(Kind::Date),
            TIMESTAMP => Some(Kind::Timestamp),
            TIMESTAMPTZ => Some(Kind::Timestamptz),
            other => Kind::of(other),
        }
    }

    pub(crate) fn is_of_time(self) -> bool {
        matches!(self, Kind::Date | Kind::Timestamp | Kind::Timestamptz)
    }

    /// A value of which nothing can be told beside others of this kind.
    pub(super) fn unclear(self) -> Value {
        match self.affinity() {
            Affinity::Text => Value::Real(0.5),
            _ => Value::from("?"),
        }
    }

    pub(crate) fn affinity(self) -> Affinity {
        match self {
            Kind::Integer | Kind::Date | Kind::Timestamp | Kind::Timestamptz => Affinity::Integer,
            Kind::Text | Kind::Uuid => Affinity::Text,
        }
    }
}
