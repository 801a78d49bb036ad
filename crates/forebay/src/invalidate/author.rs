//! Who made a change, for people: a number for each statement that writes. No answer rests on it.

use smallvec::SmallVec;

use super::write::WriteSet;

/// Tables of one transaction whose authors are told apart.
const TABLES_MAX: usize = 64;

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Author(u32);

impl Author {
    /// Nobody that is known.
    pub(crate) const UNKNOWN: Author = Author(1);
    /// Whatever empties the cache: commits of others, changes of the schema, or being told to.
    pub(crate) const OTHERS: Author = Author(2);

    /// A statement, by a number of its own.
    pub(crate) fn statement(number: u32) -> Author {
        Author(number.max(3))
    }

    /// A number that is never 0.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    pub(super) fn of(number: u32) -> Option<Author> {
        (number != 0).then_some(Author(number))
    }
}

/// The authors of one transaction by table: of each, the last statement that may have written it.
#[derive(Clone, Debug)]
pub(crate) struct Authors {
    by_table: SmallVec<[(u32, Author); 2]>,
    /// Of every other table.
    otherwise: Author,
}

impl Authors {
    /// One author of everything.
    pub(crate) fn all(author: Author) -> Authors {
        Authors { by_table: SmallVec::new(), otherwise: author }
    }

    /// Notes a statement that may write these tables.
    pub(crate) fn note(&mut self, writes: &WriteSet, author: Author) {
        let WriteSet::Tables(slots) = writes else { return };
        for slot in slots {
            let place = self.by_table.iter().position(|(known, _)| known == slot);
            match place {
                Some(place) => self.by_table[place].1 = author,
                None if self.by_table.len() < TABLES_MAX => self.by_table.push((*slot, author)),
                None => return,
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.by_table.clear();
    }

    pub(super) fn of_table(&self, slot: u32) -> Author {
        let found = self.by_table.iter().find(|(known, _)| *known == slot);
        found.map_or(self.otherwise, |(_, author)| *author)
    }
}
