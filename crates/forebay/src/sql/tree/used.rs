//! Which columns of a table a statement uses, wherever in it: what the server has checked the
//! right to read, and every reference that the tree holds, which has to be a part of that.

use std::collections::BTreeSet;

use super::node::{Node, Record};

/// Columns of a table, by attribute number minus one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Used {
    /// All, and those that do not exist yet.
    All,
    These(BTreeSet<u16>),
}

/// Bits of a set of columns begin with the lowest system column.
const OFFSET: i64 = 7;

/// Joins through which a reference is followed.
const STEPS_MAX: usize = 128;

impl Used {
    pub(super) const NONE: Used = Used::These(BTreeSet::new());

    /// Adds a column by its attribute number; 0 is the whole row.
    fn add(&mut self, attno: i64) {
        match (u16::try_from(attno - 1), &mut *self) {
            (Ok(column), Used::These(columns)) => drop(columns.insert(column)),
            (Err(_), Used::These(_)) => *self = Used::All,
            (_, Used::All) => {}
        }
    }

    /// Adds the columns that the server has checked the right to read.
    pub(super) fn add_selected(&mut self, selected: &Node) {
        selected.numbers().iter().for_each(|bit| self.add(bit - OFFSET));
    }
}

/// What is used of each entry of the range table of a query, by references in the query and in
/// those within it.
pub(super) fn used(query: &Record) -> Vec<Used> {
    let table = query.list("rtable");
    let mut seeker = Seeker { table, used: vec![Used::NONE; table.len()] };
    for (name, value) in &query.fields {
        if name != "rtable" {
            seeker.visit(value, 0, 0);
        }
    }
    for entry in table.iter().filter_map(Node::record) {
        for (name, value) in &entry.fields {
            // The columns of a join count where they are referred to.
            if name != "joinaliasvars" {
                seeker.visit(value, 0, 0);
            }
        }
    }
    seeker.used
}

struct Seeker<'t> {
    table: &'t [Node],
    used: Vec<Used>,
}

impl Seeker<'_> {
    /// `depth` is the number of queries around the node within the one that is looked at.
    fn visit(&mut self, node: &Node, depth: i64, steps: usize) {
        match node {
            Node::Record(record) if record.name == "VAR" => {
                if record.number("varlevelsup").is_none_or(|levels| levels == depth) {
                    self.refer(record, steps);
                }
            }
            Node::Record(record) => {
                let depth = if record.name == "QUERY" { depth + 1 } else { depth };
                for (name, value) in &record.fields {
                    if name != "joinaliasvars" {
                        self.visit(value, depth, steps);
                    }
                }
            }
            Node::List(members) => {
                members.iter().for_each(|member| self.visit(member, depth, steps));
            }
            Node::Null | Node::Atom(_) | Node::Numbers(_) | Node::Datum(_) => {}
        }
    }

    fn refer(&mut self, var: &Record, steps: usize) {
        let position = var.number("varno").and_then(|n| usize::try_from(n).ok()?.checked_sub(1));
        let attno = var.number("varattno").unwrap_or(0);
        let table = self.table;
        let entry = position.and_then(|at| table.get(at)).and_then(Node::record);
        let (Some(position), Some(entry)) = (position, entry) else {
            return self.used.iter_mut().for_each(|used| *used = Used::All);
        };
        self.used[position].add(attno);
        let columns = match entry.number("rtekind") {
            Some(2) => entry.list("joinaliasvars"),
            _ => return,
        };
        let column = usize::try_from(attno).ok().and_then(|attno| attno.checked_sub(1));
        match column.and_then(|column| columns.get(column)).filter(|_| steps < STEPS_MAX) {
            Some(meant) => self.visit(meant, 0, steps + 1),
            // The whole row of a join is every column of its sides.
            None => self.used.iter_mut().for_each(|used| *used = Used::All),
        }
    }
}
