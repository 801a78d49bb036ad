//! Plans as the server prints them in JSON, read into nodes. What a condition in them means is read
//! in `term`.

use crate::json::{Malformed, Next, Scan};

/// Levels of a plan.
const DEPTH_MAX: usize = 60;

/// A plan, and what running it took if it was run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) root: Node,
    pub(super) time_ms: Option<f64>,
}

/// One node with what is below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Node {
    pub(super) kind: String,
    pub(super) schema: String,
    pub(super) relation: String,
    pub(super) alias: String,
    pub(super) index: String,
    /// Of a node that writes: `Insert`, `Update`, `Delete` or `Merge`.
    pub(super) operation: String,
    pub(super) is_backward: bool,
    pub(super) cost: f64,
    /// Rows that the planner expects of it.
    pub(super) rows: f64,
    /// Rows that it had, if it was run.
    pub(super) rows_seen: f64,
    /// Pages that were touched in it and below it, of tables and of temporary files.
    pub(super) blocks: f64,
    pub(super) filters: Vec<String>,
    /// Conditions of joins and indexes.
    pub(super) conditions: Vec<String>,
    pub(super) order: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) output: Vec<String>,
    pub(super) children: Vec<Node>,
}

impl Plan {
    /// Reads the answer of EXPLAIN with FORMAT JSON. Cost: a pass over the text.
    pub(super) fn read(text: &str) -> Result<Plan, Malformed> {
        let mut scan = Scan::new(text);
        let mut plan = Plan::default();
        scan.enter()?;
        let mut is_first = true;
        while scan.item(is_first, b']')? {
            is_first = false;
            plan.read_member(&mut scan)?;
        }
        scan.end()?;
        Ok(plan)
    }

    fn read_member(&mut self, scan: &mut Scan<'_>) -> Result<(), Malformed> {
        scan.enter()?;
        let mut is_first = true;
        while scan.item(is_first, b'}')? {
            is_first = false;
            match &*scan.key()? {
                "Plan" => self.root = Node::read(scan, 0)?,
                "Execution Time" => self.time_ms = Some(real(scan)?),
                _ => drop(scan.raw()?),
            }
        }
        Ok(())
    }
}

impl Node {
    fn read(scan: &mut Scan<'_>, depth: usize) -> Result<Node, Malformed> {
        if depth > DEPTH_MAX {
            return Err(Malformed);
        }
        let mut node = Node::default();
        scan.enter()?;
        let mut is_first = true;
        while scan.item(is_first, b'}')? {
            is_first = false;
            let key = scan.key()?;
            match &*key {
                "Plans" => node.children = members(scan, |scan| Node::read(scan, depth + 1))?,
                "Node Type" => node.kind = scan.text()?.into_owned(),
                "Schema" => node.schema = scan.text()?.into_owned(),
                "Relation Name" => node.relation = scan.text()?.into_owned(),
                "Alias" => node.alias = scan.text()?.into_owned(),
                "Index Name" => node.index = scan.text()?.into_owned(),
                "Operation" => node.operation = scan.text()?.into_owned(),
                "Scan Direction" => node.is_backward = scan.text()? == "Backward",
                "Total Cost" => node.cost = real(scan)?,
                "Plan Rows" => node.rows = real(scan)?,
                "Actual Rows" => node.rows_seen = real(scan)?,
                "Shared Hit Blocks"
                | "Shared Read Blocks"
                | "Temp Read Blocks"
                | "Temp Written Blocks" => node.blocks += real(scan)?,
                "Filter" | "Join Filter" => node.filters.push(scan.text()?.into_owned()),
                "Hash Cond" | "Merge Cond" | "Index Cond" | "Recheck Cond" => {
                    node.conditions.push(scan.text()?.into_owned());
                }
                "Sort Key" => node.order = texts(scan)?,
                "Group Key" => node.groups = texts(scan)?,
                "Output" => node.output = texts(scan)?,
                _ => drop(scan.raw()?),
            }
        }
        Ok(node)
    }

    /// This node and all below it.
    pub(super) fn all(&self) -> Vec<&Node> {
        let mut all = vec![self];
        let mut at = 0;
        while let Some(node) = all.get(at) {
            all.extend(&node.children);
            at += 1;
        }
        all
    }

    /// What it does, a step each: how tables are read, joined and put in order.
    pub(super) fn lines(&self) -> Vec<String> {
        self.all().into_iter().filter_map(Node::line).collect()
    }

    fn line(&self) -> Option<String> {
        let is_step = ["Sort", "Incremental Sort", "Nested Loop", "Hash Join", "Merge Join"]
            .contains(&&*self.kind);
        let of = if self.alias == self.relation { "" } else { &*self.alias };
        let space = if of.is_empty() { "" } else { " " };
        match (self.index.is_empty(), self.relation.is_empty()) {
            (true, true) => is_step.then(|| self.kind.clone()),
            (true, false) => Some(format!("{} on {}{space}{of}", self.kind, self.relation)),
            (false, true) => Some(format!("{} on {}", self.kind, self.index)),
            (false, false) => {
                Some(format!("{} using {} on {}{space}{of}", self.kind, self.index, self.relation))
            }
        }
    }

    /// The indexes that it reads.
    pub(super) fn indexes(&self) -> Vec<&str> {
        let all = self.all();
        let named = all.into_iter().filter(|node| !node.index.is_empty());
        named.map(|node| node.index.as_str()).collect()
    }
}

fn real(scan: &mut Scan<'_>) -> Result<f64, Malformed> {
    scan.number()?.parse().map_err(|_| Malformed)
}

fn members<'a, T>(
    scan: &mut Scan<'a>,
    mut read: impl FnMut(&mut Scan<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut all = Vec::new();
    scan.enter()?;
    while scan.item(all.is_empty(), b']')? {
        all.push(read(scan)?);
    }
    Ok(all)
}

fn texts(scan: &mut Scan<'_>) -> Result<Vec<String>, Malformed> {
    if scan.next()? != Next::List {
        scan.raw()?;
        return Ok(Vec::new());
    }
    members(scan, |scan| scan.text().map(|text| text.into_owned()))
}
