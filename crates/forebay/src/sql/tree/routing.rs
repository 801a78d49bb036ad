//! What of a query matters to somebody who asks several databases in the stead of one: every
//! occurrence of a table with the conditions on its columns, dates and points in time included, and
//! whether the query is one SELECT over one table, so that it may be taken apart. It reads the tree
//! only; how the text is cut is decided elsewhere.

use super::analysis::{Statement, are_seen};
use super::binding::Parameters;
use super::block::{Block, Join, Leaf};
use super::build::{Builder, only_query};
use super::catalogue::{Catalogue, Needs};
use super::fact::FactReader;
use super::node::{Node, Record};
use super::operator::{Comparison, operator};
use super::reason::Reason;
use super::settle::{Reading, readings};
use super::survey::{Survey, survey};
use super::top::is_page;

/// What is known after a look at a query.
#[derive(Debug)]
pub(crate) enum Routing {
    /// These objects are to be asked for first.
    Incomplete(Needs),
    /// Its answer may rest on more than its tables, its parameters and the settings.
    Refused(Vec<Reason>),
    Known(Queried),
}

/// A query.
#[derive(Debug)]
pub(crate) struct Queried {
    /// Every occurrence of every table, views expanded.
    pub(crate) readings: Vec<Reading>,
    pub(crate) parameters: Parameters,
    /// It is one SELECT over one table, without subqueries, views and WITH.
    pub(crate) only: Option<Only>,
    /// It reads views.
    pub(crate) has_views: bool,
    /// The names of the aggregates that it has, all of them of the server's own.
    pub(crate) aggregates: Vec<Box<str>>,
    /// The collation of each result column; `None` where the tree does not say it.
    pub(crate) collations: Vec<Option<u32>>,
}

/// One SELECT over one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Only {
    pub(crate) table: u32,
    /// Its rows are rows of the table, one for one.
    pub(crate) is_rows: bool,
    /// Its rows are groups, or all different ones, and nothing is done to these but what HAVING,
    /// ORDER BY and LIMIT do.
    pub(crate) is_groups: bool,
    pub(crate) is_ordered: bool,
    /// What the rows are ordered by first, if that is a column as it is.
    pub(crate) leading: Option<LeadingColumn>,
}

/// A column that rows are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeadingColumn {
    /// The attribute number minus one.
    pub(crate) column: u16,
    pub(crate) is_descending: bool,
    pub(crate) is_null_first: bool,
}

impl Statement {
    /// Judges it by what the catalogue holds. Cost: some passes over the tree.
    pub(crate) fn routing(&self, catalogue: &Catalogue) -> Routing {
        let found = survey(self.tree(), self.sql(), catalogue);
        if !found.reasons.is_empty() {
            return Routing::Refused(found.reasons);
        }
        if !found.needs.is_empty() {
            return Routing::Incomplete(found.needs);
        }
        match self.queried(catalogue, found) {
            Ok(queried) => Routing::Known(queried),
            Err(reason) => Routing::Refused(vec![reason]),
        }
    }

    fn queried(&self, catalogue: &Catalogue, found: Survey) -> Result<Queried, Reason> {
        let mut builder = Builder::new(catalogue);
        let query = only_query(self.tree())?;
        let block = builder.statement(query)?;
        let relation = |oid: &u32| catalogue.relations.get(oid)?.as_ref();
        let views =
            found.relations.iter().filter_map(|oid| relation(oid)?.view.as_ref()?.as_ref().ok());
        // The builder follows what it knows; this looks everywhere.
        if !std::iter::once(self.tree()).chain(views).all(|tree| are_seen(tree, &builder.tables)) {
            return Err(Reason::NotUnderstood("a table stands where none was looked for"));
        }
        let reader = FactReader { catalogue, order: self.order(), of_time: true };
        let is_view = |oid: &u32| relation(oid).is_none_or(|relation| relation.kind == b'v');
        Ok(Queried {
            has_views: found.relations.iter().any(is_view),
            aggregates: aggregates(self.tree(), catalogue),
            readings: readings(&block, reader),
            parameters: found.parameters,
            only: only(&block),
            collations: block.outputs.iter().map(|output| collation(output)).collect(),
        })
    }
}

fn only(block: &Block<'_>) -> Option<Only> {
    let has_more = block.query.has("cteList") || block.query.has("setOperations");
    let Join::Inner(parts, _) = &block.from else { return None };
    let ([Join::Leaf(at)], true, false) = (parts.as_slice(), block.children.is_empty(), has_more)
    else {
        return None;
    };
    let others = block.leaves.iter().enumerate().filter(|(other, _)| other != at);
    // The groups of version 18 are no table.
    let is_single = others.into_iter().all(|(_, leaf)| matches!(leaf, Leaf::Alias(_)));
    let Leaf::Table(table) = block.leaves.get(*at)? else { return None };
    is_single.then_some(Only {
        table: table.oid,
        is_rows: is_page(block.query),
        is_groups: is_groups(block.query),
        is_ordered: block.query.has("sortClause"),
        leading: leading(block.query, *at),
    })
}

/// Whether its rows are groups that could be made of parts of them.
fn is_groups(query: &Record) -> bool {
    let flags = ["hasWindowFuncs", "hasTargetSRFs", "hasDistinctOn"];
    let has_more = flags.iter().any(|flag| query.text(flag) != Some("false"))
        || query.has("windowClause")
        || query.has("groupingSets");
    let is_grouped = query.text("hasAggs") != Some("false")
        || ["distinctClause", "groupClause", "havingQual"].iter().any(|it| query.has(it));
    is_grouped && !has_more
}

/// The names of the aggregates in a tree.
fn aggregates(tree: &Node, catalogue: &Catalogue) -> Vec<Box<str>> {
    let mut names = Vec::new();
    let mut waiting = vec![tree];
    while let Some(node) = waiting.pop() {
        match node {
            Node::Record(record) => {
                if let Some(oid) = record.oid("aggfnoid") {
                    let function = catalogue.functions.get(&oid).and_then(Option::as_ref);
                    names.push(function.map_or("", |function| function.name.as_str()).into());
                }
                waiting.extend(record.fields.iter().map(|(_, value)| value));
            }
            Node::List(members) => waiting.extend(members),
            Node::Null | Node::Atom(_) | Node::Numbers(_) | Node::Datum(_) => {}
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// The column of the only leaf that the rows are ordered by first.
fn leading(query: &Record, leaf: usize) -> Option<LeadingColumn> {
    let term = query.list("sortClause").first()?.named("SORTGROUPCLAUSE")?;
    let reference = term.number("tleSortGroupRef").filter(|reference| *reference > 0)?;
    let mut targets = query.list("targetList").iter().filter_map(Node::record);
    let meant = targets.find(|target| target.number("ressortgroupref") == Some(reference))?;
    let var = meant.field("expr").named("VAR")?;
    let position = |name| usize::try_from(var.number(name)?).ok()?.checked_sub(1);
    if var.number("varlevelsup") != Some(0) || position("varno") != Some(leaf) {
        return None;
    }
    let is_descending = match operator(term.oid("sortop")?)?.comparison {
        Comparison::Less => false,
        Comparison::Greater => true,
        _ => return None,
    };
    let column = u16::try_from(position("varattno")?).ok()?;
    Some(LeadingColumn { column, is_descending, is_null_first: term.is_true("nulls_first") })
}

/// The collation that an expression passes on; 0 for one whose type has none.
fn collation(node: &Node) -> Option<u32> {
    let record = node.record()?;
    let field = match record.name.as_str() {
        "VAR" => "varcollid",
        "CONST" => "constcollid",
        "PARAM" => "paramcollid",
        "AGGREF" => "aggcollid",
        "WINDOWFUNC" => "wincollid",
        "FUNCEXPR" => "funccollid",
        "OPEXPR" | "NULLIFEXPR" => "opcollid",
        "RELABELTYPE" | "COERCEVIAIO" | "ARRAYCOERCEEXPR" => "resultcollid",
        "COLLATEEXPR" => "collOid",
        "CASEEXPR" => "casecollid",
        "COALESCEEXPR" => "coalescecollid",
        "MINMAXEXPR" => "minmaxcollid",
        "SUBSCRIPTINGREF" => "refcollid",
        "ARRAYEXPR" => "array_collid",
        "BOOLEXPR" | "NULLTEST" | "BOOLEANTEST" | "SCALARARRAYOPEXPR" | "ROWCOMPAREEXPR"
        | "DISTINCTEXPR" => return Some(0),
        _ => return None,
    };
    record.number(field).and_then(|oid| u32::try_from(oid).ok())
}
