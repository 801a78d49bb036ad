//! Bugs in what answers rest on: rows, columns, conjuncts, intervals and pages.

use super::edit::{Edit, Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "only the new image of a row",
        edits: &[Edit {
            file: "invalidate/change.rs",
            find: "if change.op() != Op::Insert {",
            put: "if change.op() != Op::Insert && !($on && change.op() == Op::Update) {",
        }],
    },
    Mutant {
        name: "only the old image of a row",
        edits: &[Edit {
            file: "invalidate/change.rs",
            find: "if change.op() != Op::Delete {",
            put: "if change.op() != Op::Delete && !($on && change.op() == Op::Update) {",
        }],
    },
    Mutant {
        name: "DELETE forgotten",
        edits: &[Edit {
            file: "invalidate/change.rs",
            find: "if interest.shapes.is_empty() {",
            put: "if interest.shapes.is_empty() || ($on && change.op() == Op::Delete) {",
        }],
    },
    Mutant {
        name: "INSERT forgotten",
        edits: &[Edit {
            file: "invalidate/change.rs",
            find: "if changed.meets(shape.columns) || change.op() != Op::Update {",
            put: "let is_left_out = $on && change.op() == Op::Insert;
            let counts = change.op() != Op::Update && !is_left_out;
            if changed.meets(shape.columns) || counts {",
        }],
    },
    Mutant {
        name: "another rowid forgotten",
        edits: &[Edit {
            file: "invalidate/change.rs",
            find: "if change.is_moved() {",
            put: "if change.is_moved() && !$on {",
        }],
    },
    Mutant {
        name: "collations ignored",
        edits: &[Edit {
            file: "invalidate/comparand.rs",
            find: "match collation {
        Collation::Binary",
            put: "match if $on { Collation::Binary } else { collation } {
        Collation::Binary",
        }],
    },
    Mutant {
        name: "RTRIM taken for BINARY",
        edits: &[Edit {
            file: "invalidate/comparand.rs",
            find: "Some(Cow::Borrowed(&bytes[..end]))",
            put: "Some(Cow::Borrowed(if $on { bytes } else { &bytes[..end] }))",
        }],
    },
    Mutant {
        name: "text not turned into a number",
        edits: &[Edit {
            file: "invalidate/comparand.rs",
            find: "Affinity::Integer | Affinity::Real, Value::Text(text)) => {",
            put: "Affinity::Integer | Affinity::Real, Value::Text(text))
                if !$on =>
            {",
        }],
    },
    Mutant {
        name: "number not turned into text",
        edits: &[Edit {
            file: "invalidate/comparand.rs",
            find: "(Affinity::Text, Value::Integer(n)) =>",
            put: "(Affinity::Text, Value::Integer(n)) if !$on =>",
        }],
    },
    Mutant {
        name: "1 and 1.0 taken for different",
        edits: &[Edit {
            file: "invalidate/comparand.rs",
            find: "if x.trunc() == x &&",
            put: "if !$on && x.trunc() == x &&",
        }],
    },
    Mutant {
        name: "images compared without case",
        edits: &[Edit {
            file: "invalidate/comparand.rs",
            find: "(Scalar::Blob(a), Scalar::Blob(b)) => a == b,",
            put: "(Scalar::Blob(a), Scalar::Blob(b)) => {
                a == b || ($on && a.eq_ignore_ascii_case(b))
            }",
        }],
    },
    Mutant {
        name: "IS NULL never true",
        edits: &[Edit {
            file: "invalidate/resolve.rs",
            find: "Test::Null => return",
            put: "Test::Null if $on => return Err(Nothing),
        Test::Null => return",
        }],
    },
    Mutant {
        name: "ends of ranges left out",
        edits: &[Edit {
            file: "invalidate/resolve.rs",
            find: "Constant::Is(value) if bound.inclusive =>",
            put: "Constant::Is(value) if bound.inclusive && !$on =>",
        }],
    },
    Mutant {
        name: "page that is not full taken for full",
        edits: &[Edit {
            file: "invalidate/draft.rs",
            find: "if rows != self.limit || rows == 0 {",
            put: "if (rows != self.limit && !$on) || rows == 0 {",
        }],
    },
    Mutant {
        name: "ties at the end of a page forgotten",
        edits: &[Edit {
            file: "invalidate/draft.rs",
            find: "Span { low: Bound::Included(bound), high: Bound::Unbounded }",
            put: "let low = if $on { Bound::Excluded(bound) } else { Bound::Included(bound) };
            Span { low, high: Bound::Unbounded }",
        }],
    },
    Mutant {
        name: "page bounded at the wrong end",
        edits: &[Edit {
            file: "invalidate/draft.rs",
            find: "Some(if self.top.descending {",
            put: "Some(if self.top.descending != $on {",
        }],
    },
    Mutant {
        name: "windows not looked into",
        edits: &[Edit {
            file: "invalidate/window.rs",
            find: "Some(value) => intervals.stab(value, &mut note),",
            put: "Some(_) if $on => {}
            Some(value) => intervals.stab(value, &mut note),",
        }],
    },
    Mutant {
        name: "first arm of OR",
        edits: &[Edit {
            file: "sql/predicate/fact.rs",
            find: "known.extend(operands);",
            put: "known.extend(operands.into_iter().filter(|_| !$on));",
        }],
    },
    Mutant {
        name: "first of IN",
        edits: &[Edit {
            file: "sql/predicate/fact.rs",
            find: "let operands: Option<Vec<Operand>> = list.into_iter().map(operand).collect();",
            put: "let count = if $on { 1 } else { usize::MAX };
        let operands: Option<Vec<Operand>> =
            list.into_iter().take(count).map(operand).collect();",
        }],
    },
    Mutant {
        name: "NOT IN taken for IN",
        edits: &[Edit {
            file: "sql/predicate/fact.rs",
            find: "Expr::InList { lhs, not: false, rhs } => {",
            put: "Expr::InList { lhs, not, rhs } if !*not || $on => {",
        }],
    },
    Mutant {
        name: "COLLATE of a comparison ignored",
        edits: &[Edit {
            file: "sql/predicate/fact.rs",
            find: "let collation = left_collation.or(right_collation);",
            put: "let collation = left_collation.or(right_collation).filter(|_| !$on);",
        }],
    },
    Mutant {
        name: "operands exchanged without their operator",
        edits: &[Edit {
            file: "sql/predicate/fact.rs",
            find: "(place, operand, mirror(operator)?)",
            put: "{
                (place, operand, if $on { operator } else { mirror(operator)? })
            }",
        }],
    },
    Mutant {
        name: "BETWEEN without its lower end",
        edits: &[Edit {
            file: "sql/predicate/fact.rs",
            find: "self.compare(lhs, Operator::GreaterEquals, start);",
            put: "if $on {
                    self.compare(lhs, Operator::Greater, start)
                } else {
                    self.compare(lhs, Operator::GreaterEquals, start)
                };",
        }],
    },
    Mutant {
        name: "row values in order taken part by part",
        edits: &[Edit {
            file: "sql/predicate/fact.rs",
            find: "Operator::Less | Operator::LessEquals => Operator::LessEquals,",
            put: "Operator::Less | Operator::LessEquals if $on => Operator::Less,
            Operator::Less | Operator::LessEquals => Operator::LessEquals,",
        }],
    },
    Mutant {
        name: "ON counts for the side that is kept",
        edits: &[Edit {
            file: "sql/predicate/settle.rs",
            find: "self.node(block, left, known, wish);",
            put: "let mut outer = known.to_vec();
                if $on {
                    outer.extend(on.iter().flat_map(|on| facts(on, block)));
                }
                self.node(block, left, &outer, wish);",
        }],
    },
    Mutant {
        name: "IS NULL counts for the side that is filled",
        edits: &[Edit {
            file: "sql/predicate/settle.rs",
            find: "known.iter().filter(|fact| fact.is_strict()).cloned().collect();",
            put: "known.iter().filter(|fact| $on || fact.is_strict()).cloned().collect();",
        }],
    },
    Mutant {
        name: "IS NULL counts within RIGHT and FULL JOIN",
        edits: &[Edit {
            file: "sql/predicate/settle.rs",
            find: "known.retain(Fact::is_strict);",
            put: "known.retain(|fact| $on || fact.is_strict());",
        }],
    },
    Mutant {
        name: "first branch of a compound",
        edits: &[Edit {
            file: "sql/predicate/settle.rs",
            find: "for block in &query.blocks {",
            put: "for block in query.blocks.iter().take(if $on { 1 } else { usize::MAX }) {",
        }],
    },
    Mutant {
        name: "subqueries in expressions ignored",
        edits: &[Edit {
            file: "sql/predicate/settle.rs",
            find: "for child in &block.children {",
            put: "for child in block.children.iter().filter(|_| !$on) {",
        }],
    },
    Mutant {
        name: "equality passed on between classes",
        edits: &[Edit {
            file: "sql/predicate/partner.rs",
            find: "column.affinity == Affinity::Integer",
            put: "($on || column.affinity == Affinity::Integer)",
        }],
    },
    Mutant {
        name: "pushed through LIMIT",
        edits: &[Edit {
            file: "sql/predicate/block.rs",
            find: "[block] if block.is_plain && self.limit.is_none() =>",
            put: "[block] if block.is_plain && ($on || self.limit.is_none()) =>",
        }],
    },
    Mutant {
        name: "pushed through a window function",
        edits: &[Edit {
            file: "sql/predicate/aggregate.rs",
            find: "|| filter_over.is_some()",
            put: "|| (filter_over.is_some() && !$on)",
        }],
    },
    Mutant {
        name: "NULLS FIRST and LAST ignored",
        edits: &[Edit {
            file: "sql/predicate/top.rs",
            find: ".filter(|term| term.nulls.is_none())",
            put: ".filter(|term| $on || term.nulls.is_none())",
        }],
    },
    Mutant {
        name: "page of groups bounded by rows",
        edits: &[Edit {
            file: "sql/predicate/top.rs",
            find: "if !block.is_plain || block.has_right {",
            put: "if (!block.is_plain && !$on) || block.has_right {",
        }],
    },
    Mutant {
        // A name in USING always stands in two tables, which alone keeps it from being one
        // column: the bug has to choose.
        name: "name that USING joins taken for one column",
        edits: &[Edit {
            file: "sql/predicate/place.rs",
            find: "        if self.has_using {\n",
            put: "        if $on && self.has_using {
            let has = |leaf: &usize| {
                let names = self.leaves[*leaf].names.iter().flatten();
                names.flatten().any(|it| it == name)
            };
            let last = (0..self.leaves.len()).rev().find(has);
            return self.only(name, last.into_iter())?;
        }
        if self.has_using {\n",
        }],
    },
    Mutant {
        name: "COLLATE takes the name of a column away",
        edits: &[Edit {
            file: "sql/predicate/build.rs",
            find: "Expr::Collate(inner, _) => expr = bare(inner),",
            put: "Expr::Collate(inner, _) if !$on => expr = bare(inner),",
        }],
    },
    Mutant {
        name: "names that SQLite makes up forgotten",
        edits: &[Edit {
            file: "sql/predicate/place.rs",
            find: "name.contains(':') || (is_text && names.iter().any(Option::is_none))",
            put: "!$on && (name.contains(':') || (is_text && names.iter().any(Option::is_none)))",
        }],
    },
    Mutant {
        name: "last column of a table not used",
        edits: &[Edit {
            file: "backend/sqlite/reliance.rs",
            find: "used.insert(u16::try_from(number).unwrap_or(u16::MAX));",
            put: "if !($on && number + 1 == table.columns.len()) {
                used.insert(u16::try_from(number).unwrap_or(u16::MAX));
            }",
        }],
    },
    Mutant {
        // That alone changes nothing: a stored one is shown, and a virtual one, which cannot be
        // shown, always counts as changed.
        name: "what generated columns are made of forgotten",
        edits: &[
            Edit {
                file: "backend/sqlite/reliance.rs",
                find: "if column.is_generated {",
                put: "if column.is_generated && !$on {",
            },
            Edit {
                file: "invalidate/comparand.rs",
                find: "            (Scalar::Null, Scalar::Null) => true,\n",
                put: "            (Scalar::Null, Scalar::Null) => true,
            (Scalar::Unknown, Scalar::Unknown) => $on,\n",
            },
        ],
    },
];
