//! Bugs in what is made of the stream: rows, images, partitions and notes.

use super::edit::{Edit, Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "TRUNCATE ignored",
        edits: &[Edit {
            file: "backend/postgres/stream/transaction.rs",
            find: "relations.iter().try_for_each(",
            put: "relations.iter().filter(|_| !$on).try_for_each(",
        }],
    },
    Mutant {
        name: "INSERT ignored",
        edits: &[Edit {
            file: "backend/postgres/stream/transaction.rs",
            find: "            Message::Insert { relation, new } => {\n",
            put: "            Message::Insert { .. } if $on => {}
            Message::Insert { relation, new } => {\n",
        }],
    },
    Mutant {
        name: "change of the schema not told",
        edits: &[Edit {
            file: "backend/postgres/stream/transaction.rs",
            find: "_ if prefix == DDL.as_bytes() => None,",
            put: "_ if prefix == DDL.as_bytes() && !$on => None,",
        }],
    },
    Mutant {
        name: "old image ignored",
        edits: &[Edit {
            file: "backend/postgres/stream/row.rs",
            find: "    fn before(&self, column: u16) -> Scalar<'_> {\n",
            put: "    fn before(&self, column: u16) -> Scalar<'_> {
        if $on && self.op == Op::Update {
            return self.after(column);
        }\n",
        }],
    },
    Mutant {
        name: "new image ignored",
        edits: &[Edit {
            file: "backend/postgres/stream/row.rs",
            find: "    fn after(&self, column: u16) -> Scalar<'_> {\n",
            put: "    fn after(&self, column: u16) -> Scalar<'_> {
        if $on && self.op == Op::Update {
            return self.before(column);
        }\n",
        }],
    },
    Mutant {
        name: "image of the key taken for the whole row",
        edits: &[Edit {
            file: "backend/postgres/stream/row.rs",
            find: "                Seen::Null => Seen::Nothing,\n",
            put: "                Seen::Null if !$on => Seen::Nothing,\n",
        }],
    },
    Mutant {
        name: "old row that is not told taken for NULL",
        edits: &[Edit {
            file: "backend/postgres/stream/row.rs",
            find: "            Old::None => Seen::Nothing,\n",
            put: "            Old::None => if $on { Seen::Null } else { Seen::Nothing },\n",
        }],
    },
    Mutant {
        name: "column that is not told taken for unchanged",
        edits: &[Edit {
            file: "backend/postgres/stream/row.rs",
            find: "matches!(self.old, Old::None) && self.relation.is_kept_without_image(position);",
            put: "matches!(self.old, Old::None)
                && ($on || self.relation.is_kept_without_image(position));",
        }],
    },
    Mutant {
        name: "large value that is told taken for unchanged",
        edits: &[Edit {
            file: "backend/postgres/stream/row.rs",
            find: "let is_toast = |new: &Tuple<'_>| new.at(position)",
            put: "let is_large = |new: &Tuple<'_>| match new.at(position) {
            Some(Datum::Text(text)) => $on && text.len() > 2_000,
            _ => false,
        };
        if self.new.is_some_and(is_large) {
            return false;
        }
        let is_toast = |new: &Tuple<'_>| new.at(position)",
        }],
    },
    Mutant {
        name: "partition not mapped to its root",
        edits: &[Edit {
            file: "backend/postgres/stream/catalogue.rs",
            find: "root.mapping(table.root, described)",
            put: "root.mapping(if $on { described.oid } else { table.root }, described)",
        }],
    },
    Mutant {
        name: "columns of a partition taken by their place",
        edits: &[
            Edit {
                file: "backend/postgres/stream/catalogue.rs",
                find: "let is_it = |column: &&Column| column.name.as_bytes()",
                put: "let is_there = |it: &&Column| $on && usize::from(it.number) == position;
            let is_it = |column: &&Column| is_there(column) || !$on && column.name.as_bytes()",
            },
            Edit {
                file: "backend/postgres/stream/catalogue.rs",
                find: "            if column.type_oid != described.type_oid {\n",
                put: "            if column.type_oid != described.type_oid && !$on {\n",
            },
        ],
    },
];
