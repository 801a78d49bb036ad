//! Where the answer of a read turns: the columns that it compares, and with what. Writes are aimed
//! there, since few others touch just the rows that a rule a little too bold forgets.

use forebay::Value;

use super::draft::{Draft, Read};

/// What a column is compared with.
#[derive(Clone, Debug, Default)]
pub(crate) enum Sought {
    /// With nothing that the text tells.
    #[default]
    Open,
    Literal(Value),
    /// A parameter, by its number.
    Mark(usize),
}

/// A column of a table that a read looks at.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    table: String,
    column: String,
    sought: Sought,
}

/// A spot with the value of its parameter: what a write may be aimed at.
#[derive(Clone, Debug)]
pub(crate) struct Aim {
    pub(crate) table: String,
    pub(crate) column: String,
    pub(crate) value: Option<Value>,
}

impl Read {
    pub(crate) fn aims(&self) -> Vec<Aim> {
        let aim = |spot: &Spot| {
            let value = match &spot.sought {
                Sought::Open => None,
                Sought::Literal(value) => Some(value.clone()),
                Sought::Mark(number) => self.statement.params.get(number - 1).cloned(),
            };
            Aim { table: spot.table.clone(), column: spot.column.clone(), value }
        };
        self.spots.iter().map(aim).collect()
    }
}

impl Draft<'_> {
    /// The column under this whole name is compared with the value that was put last.
    pub(crate) fn seek(&mut self, name: &str) {
        let sought = self.latest.clone();
        self.note_spot(name, sought);
    }

    /// It is compared with what other rows hold, or it is answered.
    pub(crate) fn look_at(&mut self, name: &str) {
        self.note_spot(name, Sought::Open);
    }

    pub(crate) fn note_spot(&mut self, name: &str, sought: Sought) {
        let Some((alias, column)) = name.split_once('.') else { return };
        let Some((_, table)) = self.tables.iter().find(|(known, _)| known == alias) else { return };
        let (table, column) = (table.clone(), column.to_owned());
        self.spots.push(Spot { table, column, sought });
    }
}
