//! A look at every node of a statement and of the views that it reads: which objects of the
//! catalogue it names, and what of it makes the statement uncacheable. Where there is no rule for
//! a node, it is a reason by itself; no field is left out of the walk.

use std::collections::BTreeSet;

use super::binding::Parameters;
use super::catalogue::{Catalogue, Descent, Needs, Relation};
use super::clock::is_free_of_now;
use super::function::{self, Rests};
use super::kind::Kind;
use super::mention::{KNOWN, Mention, mentions};
use super::node::{Node, Record};
use super::operator::operator;
use super::reason::Reason;
use super::typing::{self, Judgement, is_cast_fixed, is_of_time};

/// Reasons that are kept of one statement.
const REASONS_MAX: usize = 16;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) needs: Needs,
    pub(super) reasons: Vec<Reason>,
    /// Tables, and views.
    pub(super) relations: BTreeSet<u32>,
    pub(super) parameters: Parameters,
    pub(super) rests_on_settings: bool,
    has_type_of_user: bool,
    /// A stable function that looks for casts of users' types, perhaps.
    shows: Option<String>,
}

/// Looks at a whole statement.
pub(super) fn survey(tree: &Node, sql: &str, catalogue: &Catalogue) -> Survey {
    let mut surveyor = Surveyor {
        catalogue,
        found: Survey::default(),
        is_own: true,
        may_be_now: !is_free_of_now(sql),
    };
    surveyor.visit(tree);
    let mut found = surveyor.found;
    if let (true, Some(name)) = (found.has_type_of_user, found.shows.take()) {
        found.refuse(Reason::Function(name));
    }
    found
}

impl Survey {
    fn refuse(&mut self, reason: Reason) {
        if self.reasons.len() < REASONS_MAX && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}

struct Surveyor<'c> {
    catalogue: &'c Catalogue,
    found: Survey,
    /// It is in the statement itself, not in a view, whose literals were read when it was made.
    is_own: bool,
    may_be_now: bool,
}

impl Surveyor<'_> {
    fn visit(&mut self, node: &Node) {
        match node {
            Node::Record(record) => {
                self.judge(record);
                for (name, value) in &record.fields {
                    match name.as_str() {
                        "joinaliasvars" => self.aliases(value),
                        _ => self.visit(value),
                    }
                }
            }
            Node::List(members) => members.iter().for_each(|member| self.visit(member)),
            Node::Null | Node::Atom(_) | Node::Numbers(_) | Node::Datum(_) => {}
        }
    }

    /// A join lists all columns of its sides, used or not; where one is used, it is judged.
    fn aliases(&mut self, list: &Node) {
        let merged = list.list().iter().filter(|member| member.named("VAR").is_none());
        merged.for_each(|member| self.visit(member));
    }

    fn judge(&mut self, record: &Record) {
        if !KNOWN.contains(&record.name.as_str()) {
            self.found.refuse(match record.name.as_str() {
                "SQLVALUEFUNCTION" => Reason::Session,
                "ROWMARKCLAUSE" => Reason::Lock,
                "TABLESAMPLECLAUSE" => Reason::Sample,
                name => Reason::Node(name.to_owned()),
            });
        }
        match record.name.as_str() {
            "QUERY" => self.query(record),
            "RANGETBLENTRY" => self.entry(record),
            "VAR" if record.number("varattno").is_none_or(|attno| attno < 0) => {
                self.found.refuse(Reason::SystemColumn);
            }
            "CONST" if self.is_own && self.may_be_now && may_stand_for_now(record) => {
                self.found.refuse(Reason::Clock);
            }
            "PARAM" => self.parameter(record),
            "COERCEVIAIO" => self.cast(record),
            "OPEXPR" | "SCALARARRAYOPEXPR" | "ROWCOMPAREEXPR" => self.collations(record),
            _ => {}
        }
        for mention in mentions(record) {
            match mention {
                Mention::Function(oid) => self.function(oid),
                Mention::Operator(oid) => self.operator(oid),
                Mention::Type(oid) => self.type_(oid),
            }
        }
    }

    fn query(&mut self, record: &Record) {
        if record.number("commandType") != Some(1) || record.has("utilityStmt") {
            self.found.refuse(Reason::Write);
        }
        let is_true = |name| record.is_true(name);
        if is_true("hasModifyingCTE") || record.has("returningList") || record.has("onConflict") {
            self.found.refuse(Reason::Write);
        }
        if is_true("hasForUpdate") || record.has("rowMarks") {
            self.found.refuse(Reason::Lock);
        }
    }

    fn entry(&mut self, record: &Record) {
        if record.has("tablesample") {
            self.found.refuse(Reason::Sample);
        }
        if record.has("securityQuals") {
            self.found.refuse(Reason::NotUnderstood("a table has a condition of its own"));
        }
        match (record.number("rtekind"), record.oid("relid")) {
            (Some(0), Some(oid)) => self.relation(oid, record.is_true("inh")),
            (Some(1 | 2 | 3 | 5 | 6 | 9), _) => {}
            _ => self.found.refuse(Reason::Node("kind of entry in FROM".to_owned())),
        }
    }

    fn relation(&mut self, oid: u32, with_children: bool) {
        let is_new = self.found.relations.insert(oid);
        match self.catalogue.relations.get(&oid) {
            None => drop(self.found.needs.relations.insert(oid)),
            Some(None) => self.found.refuse(Reason::Gone(oid)),
            Some(Some(relation)) => {
                // It is told of by the name of its root.
                if let Descent::Partition { root } = relation.descent
                    && !self.catalogue.relations.contains_key(&root)
                {
                    self.found.needs.relations.insert(root);
                }
                if let Some(reason) = refusal(relation, with_children) {
                    self.found.refuse(reason);
                } else if let (b'v', true) = (relation.kind, is_new) {
                    self.view(relation);
                }
            }
        }
    }

    fn view(&mut self, relation: &Relation) {
        match &relation.view {
            Some(Ok(tree)) => {
                let is_own = std::mem::replace(&mut self.is_own, false);
                self.visit(tree);
                self.is_own = is_own;
            }
            Some(Err(fault)) => self.found.refuse(Reason::NotUnderstood(fault.0)),
            None => self.found.refuse(Reason::NotUnderstood("a view has no query")),
        }
    }

    fn parameter(&mut self, record: &Record) {
        let number = record.number("paramid").and_then(|id| usize::try_from(id).ok());
        let known = &mut self.found.parameters.0;
        match (record.number("paramkind"), number, record.oid("paramtype")) {
            // What a subquery has found.
            (Some(2), ..) => {}
            (Some(0), Some(number @ 1..), Some(type_oid))
                if self.is_own && *known.entry(number).or_insert(type_oid) == type_oid => {}
            _ => self.found.refuse(Reason::Parameter),
        }
    }

    fn cast(&mut self, record: &Record) {
        self.found.rests_on_settings = true;
        let (from, to) = (typing::of(record.field("arg")), record.oid("resulttype"));
        let is_fixed = from.zip(to).is_some_and(|(from, to)| is_cast_fixed(from, to));
        if !is_fixed {
            self.found.refuse(Reason::Function("a cast by way of a text".to_owned()));
        }
    }

    /// Only comparisons of texts are asked for theirs.
    fn collations(&mut self, record: &Record) {
        let compared = record.oid("opno").into_iter();
        let listed = record.field("opnos").numbers().iter().filter_map(|n| u32::try_from(*n).ok());
        let compares_texts =
            |opno| operator(opno).is_some_and(|operator| operator.kind == Kind::Text);
        if !compared.chain(listed).any(compares_texts) {
            return;
        }
        let own = record.oid("inputcollid").into_iter();
        let all = record.field("inputcollids").numbers().iter();
        let all = all.filter_map(|n| u32::try_from(*n).ok()).filter(|oid| *oid != 0);
        for oid in own.chain(all) {
            if !self.catalogue.collations.contains_key(&oid) {
                self.found.needs.collations.insert(oid);
            }
        }
    }

    fn operator(&mut self, oid: u32) {
        match self.catalogue.operators.get(&oid) {
            None => drop(self.found.needs.operators.insert(oid)),
            Some(None) => self.found.refuse(Reason::Gone(oid)),
            Some(Some(function)) => self.function(*function),
        }
    }

    fn function(&mut self, oid: u32) {
        let function = match self.catalogue.functions.get(&oid) {
            None => {
                self.found.needs.functions.insert(oid);
                return;
            }
            Some(None) => return self.found.refuse(Reason::Gone(oid)),
            Some(Some(function)) => function,
        };
        match function::judge(oid, function) {
            Rests::Arguments => {}
            Rests::Settings => {
                self.found.rests_on_settings = true;
                self.found.shows = Some(function.name.clone());
            }
            Rests::Anything => self.found.refuse(Reason::Function(function.name.clone())),
        }
    }

    fn type_(&mut self, oid: u32) {
        match typing::judge(oid, self.catalogue) {
            Judgement::Harmless => {}
            Judgement::OfUser => self.found.has_type_of_user = true,
            Judgement::Refused => self.found.refuse(Reason::Type(oid)),
            Judgement::Needs(oid) => drop(self.found.needs.types.insert(oid)),
        }
    }
}

/// Whether a literal is of a type whose texts may mean the present moment.
fn may_stand_for_now(constant: &Record) -> bool {
    constant.oid("consttype").is_none_or(is_of_time) && !constant.is_true("constisnull")
}

/// Why a table or view cannot be read from the cache.
fn refusal(relation: &Relation, with_children: bool) -> Option<Reason> {
    let name = || relation.name.clone();
    if relation.is_system {
        return Some(Reason::SystemTable(name()));
    }
    if relation.persistence == b't' {
        return Some(Reason::Temporary(name()));
    }
    match relation.kind {
        b'v' => return None,
        b'r' | b'p' => {}
        b'f' => {
            let why = "it is a foreign table, whose rows are kept elsewhere";
            return Some(Reason::NotStreamed(name(), why));
        }
        b'm' => return Some(Reason::Materialized(name())),
        _ => return Some(Reason::Kind(name())),
    }
    if relation.persistence != b'p' {
        return Some(Reason::NotStreamed(name(), "it is unlogged"));
    }
    if !relation.is_heap {
        let why = "its rows are kept in a way of their own (an access method other than heap)";
        return Some(Reason::NotStreamed(name(), why));
    }
    if relation.has_row_security {
        return Some(Reason::RowSecurity(name()));
    }
    match relation.descent {
        Descent::Root { is_ordinary: false } => {
            let why = "a partition of it is foreign, unlogged, or kept in a way of its own";
            Some(Reason::NotStreamed(name(), why))
        }
        Descent::Parent if with_children => Some(Reason::Inherited(name())),
        _ => None,
    }
}
