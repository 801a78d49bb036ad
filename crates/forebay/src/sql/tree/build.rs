//! From the tree to blocks and leaves. Every entry of a range table has to be reached by way of
//! FROM, or the statement is not understood: nothing that reads a table may stay unseen.

use std::collections::BTreeSet;

use super::block::{Block, Join, Leaf, Side, Table};
use super::catalogue::Catalogue;
use super::node::{Node, Record};
use super::reason::Reason;
use super::used::{Used, used};

/// Queries within queries, views and CTEs included.
const DEPTH_MAX: usize = 24;

/// Leaves in all, since a CTE counts each time it is referenced.
const LEAVES_MAX: usize = 1_024;

type Result<T> = std::result::Result<T, Reason>;

/// Takes one statement apart.
pub(super) struct Builder<'t> {
    catalogue: &'t Catalogue,
    depth: usize,
    leaves: usize,
    /// The CTEs that have been put in somewhere, as the addresses of their queries.
    placed: BTreeSet<usize>,
    /// The entries of tables that have become leaves, by address.
    pub(super) tables: BTreeSet<usize>,
}

/// The CTEs of a query and of those around it, by level.
#[derive(Clone, Copy)]
struct Sight<'s, 't> {
    ctes: &'t [Node],
    outer: Option<&'s Sight<'s, 't>>,
}

impl<'t> Builder<'t> {
    pub(super) fn new(catalogue: &'t Catalogue) -> Builder<'t> {
        Builder { catalogue, depth: 0, leaves: 0, placed: BTreeSet::new(), tables: BTreeSet::new() }
    }

    /// Takes a whole query apart.
    pub(super) fn statement(&mut self, query: &'t Record) -> Result<Block<'t>> {
        self.block(query, None, None)
    }

    /// `view` is the view whose query it is: up to version 15 its range table names it.
    fn block(
        &mut self,
        query: &'t Record,
        outer: Option<&Sight<'_, 't>>,
        view: Option<u32>,
    ) -> Result<Block<'t>> {
        if self.depth == DEPTH_MAX {
            return Err(Reason::NotUnderstood("queries, views and CTEs are nested too deep"));
        }
        self.depth += 1;
        let block = self.body(query, Sight { ctes: query.list("cteList"), outer }, view);
        self.depth -= 1;
        block
    }

    fn body(
        &mut self,
        query: &'t Record,
        sight: Sight<'_, 't>,
        view: Option<u32>,
    ) -> Result<Block<'t>> {
        let mut reached = BTreeSet::new();
        let jointree = query.field("jointree");
        let from = join(jointree, &mut reached)?;
        let mut branches = BTreeSet::new();
        set_operands(query.field("setOperations"), &mut branches)?;
        let mut block = Block {
            query,
            leaves: Vec::new(),
            from,
            is_plain: is_plain(query),
            outputs: outputs(query)?,
            children: Vec::new(),
        };
        let all_used = used(query);
        for (position, (entry, used)) in query.list("rtable").iter().zip(all_used).enumerate() {
            let entry = entry.record().ok_or(UNKNOWN)?;
            let is_reached = reached.contains(&position);
            if branches.contains(&position) {
                let branch = entry.field("subquery").named("QUERY").ok_or(UNKNOWN)?;
                block.children.push(self.block(branch, Some(&sight), None)?);
                block.leaves.push(Leaf::Other);
            } else {
                block.leaves.push(self.leaf(query, entry, used, &sight, (is_reached, view))?);
            }
            // Functions and VALUES in FROM may hold queries.
            for (name, value) in &entry.fields {
                if name != "subquery" {
                    self.queries(value, &sight, &mut block.children)?;
                }
            }
        }
        for (name, value) in &query.fields {
            if !matches!(name.as_str(), "rtable" | "cteList") {
                self.queries(value, &sight, &mut block.children)?;
            }
        }
        for cte in sight.ctes {
            let cte = cte.record().and_then(|cte| cte.field("ctequery").named("QUERY"));
            let cte = cte.ok_or(UNKNOWN)?;
            if !self.placed.contains(&address(cte)) {
                block.children.push(self.block(cte, Some(&sight), None)?);
            }
        }
        Ok(block)
    }

    fn leaf(
        &mut self,
        query: &'t Record,
        entry: &'t Record,
        used: Used,
        sight: &Sight<'_, 't>,
        (is_reached, view): (bool, Option<u32>),
    ) -> Result<Leaf<'t>> {
        let kind = entry.number("rtekind");
        let oid = entry.oid("relid");
        if kind == Some(0) && !is_reached && view.is_some() && oid == view {
            self.tables.insert(address(entry));
            return Ok(Leaf::Other);
        }
        if !is_reached && kind != Some(9) {
            return Err(Reason::NotUnderstood("something in FROM is not joined"));
        }
        self.leaves += 1;
        if self.leaves > LEAVES_MAX {
            return Err(Reason::NotUnderstood("it names more than 1024 tables"));
        }
        match (kind, oid) {
            (Some(0), Some(oid)) => self.table(query, entry, oid, used),
            (Some(1), _) => {
                let inner = entry.field("subquery").named("QUERY").ok_or(UNKNOWN)?;
                Ok(Leaf::Query(Box::new(self.block(inner, Some(sight), None)?)))
            }
            (Some(2), _) => Ok(Leaf::Alias(entry.list("joinaliasvars"))),
            (Some(9), _) => Ok(Leaf::Alias(entry.list("groupexprs"))),
            (Some(3 | 5), _) => Ok(Leaf::Other),
            (Some(6), _) if entry.is_true("self_reference") => Ok(Leaf::Other),
            (Some(6), _) => self.cte(entry, sight),
            _ => Err(UNKNOWN),
        }
    }

    fn table(
        &mut self,
        query: &'t Record,
        entry: &'t Record,
        oid: u32,
        mut used: Used,
    ) -> Result<Leaf<'t>> {
        self.tables.insert(address(entry));
        let relation = self.catalogue.relations.get(&oid).and_then(Option::as_ref);
        let relation = relation.ok_or(Reason::Gone(oid))?;
        if let Some(Ok(view)) = &relation.view {
            let query = only_query(view)?;
            return Ok(Leaf::Query(Box::new(self.block(query, None, Some(oid))?)));
        }
        // From version 16 on rights are listed apart from the range table.
        let rights = match entry.number("perminfoindex") {
            None => entry,
            Some(index) => {
                let index = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
                let rights = index.and_then(|index| query.list("rteperminfos").get(index));
                let rights =
                    rights.and_then(Node::record).filter(|it| it.oid("relid") == Some(oid));
                rights.ok_or(UNKNOWN)?
            }
        };
        let selected = rights.field("selectedCols");
        if !matches!(selected, Node::Numbers(_)) {
            return Err(UNKNOWN);
        }
        used.add_selected(selected);
        Ok(Leaf::Table(Table { oid, relation, used }))
    }

    fn cte(&mut self, entry: &'t Record, sight: &Sight<'_, 't>) -> Result<Leaf<'t>> {
        let mut sight = sight;
        for _ in 0..entry.number("ctelevelsup").ok_or(UNKNOWN)? {
            sight = sight.outer.ok_or(UNKNOWN)?;
        }
        let name = entry.text("ctename").ok_or(UNKNOWN)?;
        let mut ctes = sight.ctes.iter().filter_map(Node::record);
        let cte = ctes.find(|cte| cte.text("ctename") == Some(name)).ok_or(UNKNOWN)?;
        let query = cte.field("ctequery").named("QUERY").ok_or(UNKNOWN)?;
        self.placed.insert(address(query));
        Ok(Leaf::Query(Box::new(self.block(query, Some(sight), None)?)))
    }

    /// Adds the queries in an expression, but not those within them.
    fn queries(
        &mut self,
        node: &'t Node,
        sight: &Sight<'_, 't>,
        to: &mut Vec<Block<'t>>,
    ) -> Result<()> {
        match node {
            Node::Record(record) if record.name == "QUERY" => {
                to.push(self.block(record, Some(sight), None)?);
            }
            Node::Record(record) => {
                for (_, value) in &record.fields {
                    self.queries(value, sight, to)?;
                }
            }
            Node::List(members) => {
                for member in members {
                    self.queries(member, sight, to)?;
                }
            }
            Node::Null | Node::Atom(_) | Node::Numbers(_) | Node::Datum(_) => {}
        }
        Ok(())
    }
}

const UNKNOWN: Reason = Reason::NotUnderstood("a query has another form than is known");

/// The only query of a tree: in lists, however many.
pub(super) fn only_query(tree: &Node) -> Result<&Record> {
    let mut node = tree;
    while let Node::List(members) = node {
        let [only] = members.as_slice() else { return Err(Reason::Several) };
        node = only;
    }
    node.named("QUERY").ok_or(UNKNOWN)
}

/// A record is known by where it is: trees do not move while they are read.
pub(super) fn address(record: &Record) -> usize {
    std::ptr::from_ref(record).addr()
}

fn is_plain(query: &Record) -> bool {
    let flags = ["hasAggs", "hasWindowFuncs", "hasTargetSRFs", "hasDistinctOn"];
    let clauses = [
        "distinctClause",
        "groupClause",
        "groupingSets",
        "havingQual",
        "limitCount",
        "limitOffset",
        "setOperations",
        "windowClause",
    ];
    !flags.iter().any(|flag| query.text(flag) != Some("false"))
        && !clauses.iter().any(|clause| query.has(clause))
}

/// The result columns, by their numbers.
fn outputs(query: &Record) -> Result<Vec<&Node>> {
    let targets = query.list("targetList").iter().filter_map(Node::record);
    let mut outputs = Vec::new();
    for target in targets.filter(|target| !target.is_true("resjunk")) {
        outputs.push(target.field("expr"));
        if target.number("resno").and_then(|n| usize::try_from(n).ok()) != Some(outputs.len()) {
            return Err(UNKNOWN);
        }
    }
    Ok(outputs)
}

/// FROM as a tree of joins; notes which entries of the range table it reaches.
fn join<'t>(node: &'t Node, reached: &mut BTreeSet<usize>) -> Result<Join<'t>> {
    let record = node.record().ok_or(UNKNOWN)?;
    match record.name.as_str() {
        "FROMEXPR" => {
            let parts = record.list("fromlist").iter().map(|part| join(part, reached));
            Ok(Join::Inner(parts.collect::<Result<_>>()?, record.field("quals")))
        }
        "RANGETBLREF" => Ok(Join::Leaf(reach(record, reached)?)),
        "JOINEXPR" => {
            reach(record, reached)?;
            let left = join(record.field("larg"), reached)?;
            let right = join(record.field("rarg"), reached)?;
            let on = record.field("quals");
            let side = match record.number("jointype") {
                Some(0) => return Ok(Join::Inner(vec![left, right], on)),
                Some(1) => Side::Left,
                Some(2) => Side::Both,
                Some(3) => Side::Right,
                _ => return Err(UNKNOWN),
            };
            Ok(Join::Outer { side, left: Box::new(left), right: Box::new(right), on })
        }
        _ => Err(UNKNOWN),
    }
}

/// The position that a record refers to; each may be reached only once.
fn reach(record: &Record, reached: &mut BTreeSet<usize>) -> Result<usize> {
    let index = record.number("rtindex").and_then(|n| usize::try_from(n).ok());
    let position = index.and_then(|index| index.checked_sub(1)).ok_or(UNKNOWN)?;
    if reached.insert(position) { Ok(position) } else { Err(UNKNOWN) }
}

fn set_operands(node: &Node, operands: &mut BTreeSet<usize>) -> Result<()> {
    let Some(record) = node.record() else { return Ok(()) };
    match record.name.as_str() {
        "SETOPERATIONSTMT" => {
            set_operands(record.field("larg"), operands)?;
            set_operands(record.field("rarg"), operands)
        }
        "RANGETBLREF" => reach(record, operands).map(drop),
        _ => Err(UNKNOWN),
    }
}
