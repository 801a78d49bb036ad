//! Random views, also over views.

use fastrand::Rng;

use super::draft::Draft;
use crate::schema::{Change, Kind, Part, Relation, Schema};

/// A view over what there is.
pub(crate) fn view(rng: &mut Rng, schema: &mut Schema) -> Option<Part> {
    let name = schema.fresh("v");
    let mut draft = Draft::new(rng, schema);
    draft.may_bind = false;
    let block = draft.block()?;
    let names: Vec<&str> = block.columns.iter().map(|column| column.name.as_str()).collect();
    let sql = format!("CREATE VIEW {name} ({}) AS {}", names.join(", "), block.sql);
    let relation = Relation {
        name,
        kind: Kind::View,
        is_strict: false,
        columns: block.columns,
        key: Vec::new(),
        tie: Vec::new(),
        single: Vec::new(),
        takes_writes: false,
    };
    Some(Part { sql, change: Change::AddRelation(relation) })
}
