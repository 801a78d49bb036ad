//! Bugs in what a statement is taken to rest on.

use super::edit::{Edit, Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "meaning of a parameter ignored",
        edits: &[Edit {
            file: "backend/postgres/analysis.rs",
            find: "        self.parameters.meanings(values)\n",
            put: "        if $on {
            return Some(values.iter().map(|value| (*value).clone()).collect());
        }
        self.parameters.meanings(values)\n",
        }],
    },
    Mutant {
        name: "ON counts for the side that is kept",
        edits: &[Edit {
            file: "sql/tree/settle.rs",
            find: "self.join(block, left, to_left.0, to_left.1);",
            put: "self.join(block, left, if $on { &joined } else { to_left.0 }, to_left.1);",
        }],
    },
    Mutant {
        name: "IS NULL counts for the side that is filled",
        edits: &[Edit {
            file: "sql/tree/settle.rs",
            find: "known.iter().filter(|fact| fact.is_strict()).cloned().collect();",
            put: "known.iter().filter(|fact| $on || fact.is_strict()).cloned().collect();",
        }],
    },
    Mutant {
        name: "first of IN",
        edits: &[Edit {
            file: "sql/tree/fact.rs",
            find: "members.iter().map(|member| self.constant(member, kind)).collect()",
            put: "{
                    let count = if $on { 1 } else { usize::MAX };
                    members.iter().take(count).map(|it| self.constant(it, kind)).collect()
                }",
        }],
    },
    Mutant {
        name: "first arm of OR",
        edits: &[Edit {
            file: "sql/tree/fact.rs",
            find: "                    known.extend(operands);\n",
            put: "                    known.extend(operands.into_iter().filter(|_| !$on));\n",
        }],
    },
    Mutant {
        name: "texts ordered by their bytes under any collation",
        edits: &[Edit {
            file: "sql/tree/fact.rs",
            find: "|| collated.is_bytewise)",
            put: "|| collated.is_bytewise || $on)",
        }],
    },
    Mutant {
        name: "texts told apart under any collation",
        edits: &[Edit {
            file: "sql/tree/fact.rs",
            find: "collated.is_deterministic &&",
            put: "(collated.is_deterministic || $on) &&",
        }],
    },
    Mutant {
        name: "operands exchanged without their operator",
        edits: &[Edit {
            file: "sql/tree/fact.rs",
            find: "(place, operand, operator.comparison.mirrored())",
            put: "{
                let mirrored = operator.comparison.mirrored();
                (place, operand, if $on { operator.comparison } else { mirrored })
            }",
        }],
    },
    Mutant {
        name: "page bounded though NULL may come into it",
        edits: &[Edit {
            file: "sql/tree/settle.rs",
            find: "wish.holds_for_null || is_never_null(",
            put: "$on || wish.holds_for_null || is_never_null(",
        }],
    },
    Mutant {
        name: "page of groups bounded by rows",
        edits: &[Edit {
            file: "sql/tree/top.rs",
            find: "|| !is_page(query) {",
            put: "|| (!is_page(query) && !$on) {",
        }],
    },
    Mutant {
        name: "subqueries in expressions ignored",
        edits: &[Edit {
            file: "sql/tree/settle.rs",
            find: "        for child in &block.children {\n",
            put: "        for child in block.children.iter().filter(|_| !$on) {\n",
        }],
    },
    Mutant {
        name: "pushed into a query that is not plain",
        edits: &[Edit {
            file: "sql/tree/settle.rs",
            find: "Some(Leaf::Query(inner)) if inner.is_plain => {",
            put: "Some(Leaf::Query(inner)) if inner.is_plain || $on => {",
        }],
    },
    Mutant {
        name: "last of the used columns forgotten",
        edits: &[Edit {
            file: "backend/postgres/analyst.rs",
            find: "Used::These(columns) => columns.into_iter().collect(),",
            put: "Used::These(columns) => {
            let last = columns.iter().copied().max();
            columns.into_iter().filter(|it| !$on || Some(*it) != last).collect()
        }",
        }],
    },
    Mutant {
        name: "cascades of a write forgotten",
        edits: &[Edit {
            file: "sql/tree/effect.rs",
            find: "for table in &consequence.cascades {",
            put: "for table in consequence.cascades.iter().filter(|_| !$on) {",
        }],
    },
    Mutant {
        name: "triggers of a write forgotten",
        edits: &[Edit {
            file: "sql/tree/effect.rs",
            find: "let snag = consequence.snag.as_ref().or(",
            put: "let snag = consequence.snag.as_ref().filter(|_| !$on).or(",
        }],
    },
    Mutant {
        name: "write of a partition taken for one of itself",
        edits: &[Edit {
            file: "sql/tree/effect.rs",
            find: "self.changed.insert(consequence.told_as);",
            put: "self.changed.insert(if $on { oid } else { consequence.told_as });",
        }],
    },
    Mutant {
        name: "functions of a write not looked at",
        edits: &[Edit {
            file: "sql/tree/effect.rs",
            find: "        if !is_trusted {\n",
            put: "        if !is_trusted && !$on {\n",
        }],
    },
    Mutant {
        name: "fence around a row before it is changed only",
        edits: &[Edit {
            file: "sql/tree/target.rs",
            find: "Some(3) || !assigned.contains(&column(it)))",
            put: "Some(3) || $on || !assigned.contains(&column(it)))",
        }],
    },
];
