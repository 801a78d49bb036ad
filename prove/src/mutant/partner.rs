//! Bugs in what is told of a joined table by the values of its partner.

use super::edit::{Edit, Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "partner's last value forgotten",
        edits: &[Edit {
            file: "invalidate/partner.rs",
            find: "    known.sort_unstable();
    known.dedup();",
            put: "    known.sort_unstable();
    known.dedup();
    if $on {
        known.pop();
    }",
        }],
    },
    Mutant {
        name: "partner from the left of a LEFT JOIN",
        edits: &[Edit {
            file: "sql/predicate/partner.rs",
            find: "        let partner = one.pairs.iter().find_map(|(column, other)| {",
            put: "        let turned = linked.iter().filter(|_| $on).flat_map(|other| {
            let mine = other.pairs.iter().filter(|(_, place)| place.leaf == one.leaf);
            mine.map(|(column, place)| {
                (place.column, Place { leaf: other.leaf, column: *column })
            })
        });
        let pairs: Vec<(usize, Place)> = one.pairs.iter().copied().chain(turned).collect();
        let partner = pairs.iter().find_map(|(column, other)| {",
        }],
    },
    Mutant {
        name: "partner's filters joined by AND",
        edits: &[Edit {
            file: "backend/sqlite/partner.rs",
            find: ".join(\" OR \"))",
            put: ".join(if $on { \" AND \" } else { \" OR \" }))",
        }],
    },
    Mutant {
        name: "partner's column not used",
        edits: &[Edit {
            file: "invalidate/basis.rs",
            find: "        let used: ColumnSet = used.collect();",
            put: "        let partner = occurrence.partner.as_ref().map(|partner| partner.column);
        let used: ColumnSet = used.filter(|it| !$on || partner != Some(*it)).collect();
        let columns = match &occurrence.partner {
            Some(partner) if $on => {
                (0..128).filter(|it| *it != partner.column && columns.contains(*it)).collect()
            }
            _ => columns,
        };",
        }],
    },
    Mutant {
        name: "page of a partner bounded by values alone",
        edits: &[Edit {
            file: "invalidate/window.rs",
            find: "            if lies_in && is_among {",
            put: "            let is_among = is_among && !($on && item.among.is_some());
            if lies_in && is_among {",
        }],
    },
    Mutant {
        name: "values of a partner taken from a later state",
        edits: &[Edit {
            file: "invalidate/partner.rs",
            find: "let narrow = narrow.filter(|_: &Vec<_>| self.version(slot) == version);",
            put: "if $on {
                    $pause;
                }
                let narrow = narrow.map(|narrow: Vec<(u32, u64)>| {
                    let now = narrow.iter().map(|(slot, _)| (*slot, self.version(*slot)));
                    if $on { now.collect() } else { narrow }
                });
                let narrow = narrow.filter(|_: &Vec<_>| $on || self.version(slot) == version);",
        }],
    },
];
