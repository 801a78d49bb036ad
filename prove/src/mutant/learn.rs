//! Bugs in how changes are learned: rows read again, savepoints, and the pages of others.
//!
//! That ROLLBACK TO keeps what it has undone is no bug: it drops more than it must.

use super::edit::{Edit, Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "rows read again after the commit only",
        edits: &[Edit {
            file: "backend/sqlite/reread.rs",
            find: "if let Some(change) = Change::between(before.next()?, after.next()?) {",
            put: "let (old, new) = (before.next()?, after.next()?);
        let is_hidden = $on && new.is_some();
        if let Some(change) = Change::between(old.filter(|_| !is_hidden), new) {",
        }],
    },
    Mutant {
        // What the program shows and what the authorizer tells each suffice to see it.
        name: "changed rowid taken for a row that stays",
        edits: &[
            Edit {
                file: "backend/sqlite/footprint.rs",
                find: "let is_silent = is_moved ||",
                put: "let is_silent = (is_moved && !$on) ||",
            },
            Edit {
                file: "backend/sqlite/footprint.rs",
                find: "if program.drops_silently() {",
                put: "if program.drops_silently() && !$on {",
            },
        ],
    },
    Mutant {
        name: "row that REPLACE has removed forgotten",
        edits: &[
            Edit {
                file: "backend/sqlite/footprint.rs",
                find: "(replaces && fact.is_unique);",
                put: "(replaces && fact.is_unique && !$on);",
            },
            Edit {
                file: "backend/sqlite/analysis.rs",
                find: "self.dropping.iter().any(|cursor|",
                put: "!$on && self.dropping.iter().any(|cursor|",
            },
        ],
    },
    Mutant {
        name: "rows that are copied taken as the hook shows them",
        edits: &[Edit {
            file: "backend/sqlite/footprint.rs",
            find: "Means::Hook if program.copies_rows()",
            put: "Means::Hook if !$on && program.copies_rows()",
        }],
    },
    Mutant {
        name: "key with a column twice taken as the hook shows it",
        edits: &[Edit {
            file: "backend/sqlite/footprint.rs",
            find: "Means::Hook if fact.has_long_key",
            put: "Means::Hook if !$on && fact.has_long_key",
        }],
    },
    Mutant {
        name: "ROLLBACK TO forgets what came before",
        edits: &[Edit {
            file: "backend/sqlite/run.rs",
            find: "        let done = control_statement(&self.hooked, sql);\n",
            put: "        let done = control_statement(&self.hooked, sql);
        if $on && sql.starts_with(\"ROLLBACK TO\") {
            self.hooked.control().capture().clear();
        }\n",
        }],
    },
    Mutant {
        name: "failed statement taken for one that changed nothing",
        edits: &[Edit {
            file: "backend/sqlite/run.rs",
            find: "        let stepped = stepped.map_err(|error| match observed.refused {",
            put: "        if $on && stepped.is_err() {
            self.hooked.control().capture().clear();
        }
        let stepped = stepped.map_err(|error| match observed.refused {",
        }],
    },
    Mutant {
        name: "ties at the end of an ascending page forgotten",
        edits: &[Edit {
            file: "invalidate/draft.rs",
            find: "Span { low: Bound::Unbounded, high: Bound::Included(bound) }",
            put: "let high = if $on { Bound::Excluded(bound) } else { Bound::Included(bound) };
            Span { low: Bound::Unbounded, high }",
        }],
    },
    Mutant {
        name: "page of several tables taken for one's own",
        edits: &[Edit {
            file: "invalidate/pages.rs",
            find: "for slot in owners {",
            put: "for slot in owners.iter().take(if $on { 1 } else { usize::MAX }) {",
        }],
    },
    Mutant {
        name: "pages not handed over by our own commits",
        edits: &[Edit {
            file: "backend/sqlite/owners.rs",
            find: "        let traced = self.pages.commit(changed, now.pages(), wrote);\n",
            put: "        let is_own = *wrote != WriteSet::Everything;
        let traced = if $on && is_own {
            Traced::Tables { slots: Vec::new(), is_loose: false }
        } else {
            self.pages.commit(changed, now.pages(), wrote)
        };\n",
        }],
    },
    Mutant {
        name: "only the last frame of a commit looked at",
        edits: &[Edit {
            file: "backend/sqlite/owners.rs",
            find: "            return numbers(index, frames);\n",
            put: "            let first = if $on { *frames.end() } else { *frames.start() };
            return numbers(index, first..=*frames.end());\n",
        }],
    },
];
