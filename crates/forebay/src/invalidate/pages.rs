//! Which tables the pages of a database file may belong to, so that the page numbers of a commit
//! tell which tables it may have changed. Pure: who reads page numbers, and who found out the
//! owners to begin with, is not known here.
//!
//! Why the sets stay complete while pages change hands: `docs/design/consistency.md`.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::versions::slot_of_table;
use super::write::WriteSet;

/// Tables that a page may be thought to belong to; one with more belongs to anybody.
const OWNERS_MAX: usize = 16;

/// Different sets of owners; pages of a further one belong to anybody.
const SETS_MAX: usize = 16_384;

/// The first page, which also counts the free pages and the pages of the file.
const FIRST: u32 = 1;

/// In the class of a page: it is the root of a b-tree, and stays with it.
const ROOT: u16 = 1 << 15;

/// The class of pages that no b-tree reaches, or none did when the map was made.
const NOBODY: u16 = 0;

/// The class of pages that may belong to any table.
const ANYBODY: u16 = 1;

/// Stands for the schema table among the slots of tables.
const SCHEMA: u32 = u32::MAX;

/// Whose b-tree a page is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'a> {
    /// The schema table's.
    Schema,
    /// That of a table, or of an index on it.
    Table(&'a str),
}

/// What the changed pages of a commit say about the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Traced {
    /// No other tables than these were changed; `is_loose` if some pages had several owners, so
    /// that perhaps fewer were.
    Tables { slots: Vec<u32>, is_loose: bool },
    /// The schema table may have been changed.
    Schema,
    /// Any table may have been changed.
    Unknown,
}

/// The possible owners of every page of a file.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    /// By page number less one; what lies beyond is nobody's.
    classes: Vec<u16>,
    /// By class less two: slots in ascending order.
    sets: Vec<Box<[u32]>>,
    by_set: HashMap<Box<[u32]>, u16, RandomState>,
    /// Pages with several possible owners.
    loose: u32,
    /// Commits in which pages may have changed hands.
    hand_overs: u32,
}

/// Owners gathered from several pages.
#[derive(Default)]
struct Gathered {
    slots: Vec<u32>,
    last: u16,
    is_loose: bool,
    is_unknown: bool,
}

impl Pages {
    /// A map of so many pages that belong to nobody.
    pub(crate) fn new(size: u32) -> Pages {
        Pages {
            classes: vec![NOBODY; size as usize],
            sets: Vec::new(),
            by_set: HashMap::default(),
            loose: 0,
            hand_overs: 0,
        }
    }

    /// Gives a page to its owner; `false` if it has one already or is not in the file.
    pub(crate) fn own(&mut self, page: u32, owner: Owner<'_>, is_root: bool) -> bool {
        let slot = match owner {
            Owner::Schema => SCHEMA,
            Owner::Table(name) => slot_of_table(name),
        };
        let class = self.class_of(&[slot]) | if is_root { ROOT } else { 0 };
        match self.class_mut(page) {
            Some(known) if *known == NOBODY => *known = class,
            _ => return false,
        }
        true
    }

    /// The pages of the file.
    pub(crate) fn len(&self) -> u32 {
        self.classes.len() as u32
    }

    /// Pages with several possible owners.
    pub(crate) fn loose(&self) -> u32 {
        self.loose
    }

    /// Commits in which pages may have changed hands. What was given back since the map was made
    /// is still taken for the old owner's.
    pub(crate) fn hand_overs(&self) -> u32 {
        self.hand_overs
    }

    /// Takes down one commit, or several in a row, after which the file has `size` pages, of
    /// which `changed` may differ from before. `wrote` are the tables that were written, if that
    /// is known: no others can have taken a page over.
    pub(crate) fn commit(&mut self, changed: &[u32], size: u32, wrote: &WriteSet) -> Traced {
        let mut gathered = Gathered::default();
        for page in changed.iter().filter(|page| **page != FIRST) {
            gathered.add(self.class(*page), &self.sets);
        }
        for class in self.classes.get(size as usize..).unwrap_or_default() {
            gathered.add(*class, &self.sets);
        }
        for class in self.classes.drain(self.classes.len().min(size as usize)..) {
            self.loose -= u32::from(is_loose(class, &self.sets));
        }
        self.classes.resize(size as usize, NOBODY);
        // Pages change hands by way of the list of free pages or the end of the file, and the
        // first page counts both.
        if changed.contains(&FIRST) {
            self.hand_over(changed, &gathered, wrote);
        }
        gathered.into_traced()
    }

    /// Lets every changed page belong to any of the tables that were changed, too. That it stays
    /// with those it belonged to is needed where `wrote` is less than what was touched: pages are
    /// written although all that happened to them was undone.
    fn hand_over(&mut self, changed: &[u32], gathered: &Gathered, wrote: &WriteSet) {
        self.hand_overs = self.hand_overs.saturating_add(1);
        let takers: Option<Vec<u32>> = match (gathered.is_unknown, wrote) {
            (true, WriteSet::Everything) => None,
            (true, WriteSet::Tables(slots)) => Some(slots.clone()),
            (false, WriteSet::Everything) => Some(gathered.slots.clone()),
            (false, WriteSet::Tables(written)) => {
                let is_written = |slot: &u32| written.binary_search(slot).is_ok();
                Some(gathered.slots.iter().copied().filter(is_written).collect())
            }
        };
        let mut last = None;
        for page in changed.iter().filter(|page| **page != FIRST) {
            let known = self.class(*page);
            if known & ROOT != 0 {
                continue;
            }
            let class = match last {
                Some((same, class)) if same == known => class,
                _ => self.join(known, takers.as_deref()),
            };
            last = Some((known, class));
            if let Some(stored) = self.class_mut(*page) {
                *stored = class;
                self.loose -= u32::from(is_loose(known, &self.sets));
                self.loose += u32::from(is_loose(class, &self.sets));
            }
        }
    }

    /// The class of pages that belong to those of `class` or to these; `None` are all.
    fn join(&mut self, class: u16, slots: Option<&[u32]>) -> u16 {
        let (Some(slots), Some(known)) = (slots, owners(class, &self.sets)) else { return ANYBODY };
        let mut joined = [known, slots].concat();
        joined.sort_unstable();
        joined.dedup();
        self.class_of(&joined)
    }

    fn class(&self, page: u32) -> u16 {
        let index = (page as usize).checked_sub(1);
        index.and_then(|index| self.classes.get(index)).copied().unwrap_or(NOBODY)
    }

    fn class_mut(&mut self, page: u32) -> Option<&mut u16> {
        self.classes.get_mut((page as usize).checked_sub(1)?)
    }

    /// The class of pages with these owners, in ascending order.
    fn class_of(&mut self, slots: &[u32]) -> u16 {
        if slots.is_empty() {
            return NOBODY;
        }
        if let Some(class) = self.by_set.get(slots) {
            return *class;
        }
        if slots.len() > OWNERS_MAX || self.sets.len() >= SETS_MAX {
            return ANYBODY;
        }
        self.sets.push(slots.into());
        let class = self.sets.len() as u16 + ANYBODY;
        self.by_set.insert(slots.into(), class);
        class
    }

    /// Whether a page may belong to a table.
    #[cfg(test)]
    pub(crate) fn may_own(&self, page: u32, table: &str) -> bool {
        match owners(self.class(page), &self.sets) {
            Some(slots) => slots.contains(&slot_of_table(table)),
            None => true,
        }
    }
}

impl Gathered {
    fn add(&mut self, class: u16, sets: &[Box<[u32]>]) {
        if class == self.last {
            return;
        }
        self.last = class;
        let Some(owners) = owners(class, sets) else {
            self.is_unknown = true;
            return;
        };
        self.is_loose |= owners.len() > 1;
        for slot in owners {
            if let Err(at) = self.slots.binary_search(slot) {
                self.slots.insert(at, *slot);
            }
        }
    }

    fn into_traced(self) -> Traced {
        if self.slots.last() == Some(&SCHEMA) {
            Traced::Schema
        } else if self.is_unknown {
            Traced::Unknown
        } else {
            Traced::Tables { slots: self.slots, is_loose: self.is_loose }
        }
    }
}

/// The owners that a class stands for; `None` when it is anybody.
fn owners(class: u16, sets: &[Box<[u32]>]) -> Option<&[u32]> {
    match class & !ROOT {
        NOBODY => Some(&[]),
        ANYBODY => None,
        class => sets.get(usize::from(class - ANYBODY) - 1).map(|set| &**set),
    }
}

fn is_loose(class: u16, sets: &[Box<[u32]>]) -> bool {
    owners(class, sets).is_none_or(|owners| owners.len() > 1)
}

#[cfg(test)]
mod tests;
