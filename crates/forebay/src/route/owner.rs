//! Which member's range a value lies in that is written. It asks nobody.

use super::member::{Layout, Part};
use super::plan::SplitWriting;
use crate::error::{Error, Result};
use crate::invalidate::{Comparand, Constant};
use crate::sql::{Collation, Operand};
use crate::value::Value;

/// The part that owns a value.
pub(super) fn owner(writing: &SplitWriting, layout: &Layout, value: &Value) -> Result<usize> {
    let comparand = match Constant::of(value, writing.affinity, Collation::Binary) {
        Constant::Never => Comparand::Null,
        Constant::Is(comparand) => comparand,
        Constant::Unclear => {
            return Err(Error::usage(
                "the value of the column that rows are split by is not of the column's type, so \
                 that its member cannot be told: give it as the column holds it",
            ));
        }
    };
    let owns = |part: &Part| match comparand {
        Comparand::Null => part.has_null,
        _ => part.span.contains(&comparand),
    };
    layout.parts.iter().position(owns).ok_or_else(|| {
        Error::usage("no member has a range for the value of the column that rows are split by")
    })
}

/// The value of an operand, with these parameters.
pub(super) fn operand<'v>(operand: &'v Operand, values: &'v [Value]) -> &'v Value {
    match operand {
        Operand::Literal(value) => value,
        Operand::Parameter(number) => &values[*number - 1],
    }
}
