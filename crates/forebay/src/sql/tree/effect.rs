//! What a statement may write, closed over everything that the server does because of it: cascades
//! of foreign keys, partitions, tables that inherit, and whatever runs a function. Deny by default:
//! a trigger, a rule, a view as a target or code that cannot be read makes it *anything*.
//!
//! It walks the tree as it was before rules and policies were applied, and asks the catalogue for
//! what those would have added. It says nothing of the answer; see `analysis`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::analysis::Statement;
use super::build::only_query;
use super::catalogue::{Catalogue, Descent, FIRST_OF_USERS, Needs, Relation};
use super::consequence::Consequence;
use super::harmless::{is_harmless, is_harmless_code};
use super::mention::{KNOWN, Mention, mentions};
use super::node::{Fault, Node, Record};

/// Tables that one statement may change; beyond that, to name them is not worth it.
const TABLES_MAX: usize = 256;

/// Nodes that are judged, beside those that an answer may rest on.
const KNOWN_BESIDE: &[&str] = &[
    "COERCETODOMAIN",
    "COERCETODOMAINVALUE",
    "CONVERTROWTYPEEXPR",
    "CURRENTOFEXPR",
    "FIELDSELECT",
    "FIELDSTORE",
    "INFERENCEELEM",
    "MERGEACTION",
    "MERGESUPPORTFUNC",
    "NEXTVALUEEXPR",
    "ONCONFLICTEXPR",
    "RETURNINGEXPR",
    "ROWMARKCLAUSE",
    "SETTODEFAULT",
    "SQLVALUEFUNCTION",
];

/// What a statement may write.
#[derive(Debug)]
pub(crate) enum Writes {
    /// These objects are to be asked for first.
    Incomplete(Needs),
    /// No table.
    Nothing,
    /// No other tables than these, by the oids under which the stream tells their changes: for a
    /// partition, that of its topmost table. Some of them may not be in the stream at all.
    Tables(BTreeSet<u32>),
    /// Whatever there is, and why that is.
    Anything(String),
}

impl Statement {
    /// What it may write, by what the catalogue holds. The caller fetches what is missing and asks
    /// again, at most as often as views are nested and foreign keys pass changes on. Cost: a pass
    /// over the tree and over those of all that it runs.
    pub(crate) fn writes(&self, catalogue: &Catalogue) -> Writes {
        if let Err(reason) = only_query(self.tree()) {
            return Writes::Anything(reason.to_string());
        }
        let tracer = Tracer::of(self.tree(), catalogue);
        if let Some(why) = tracer.why {
            return Writes::Anything(why);
        }
        if !tracer.needs.is_empty() {
            return Writes::Incomplete(tracer.needs);
        }
        if tracer.changed.is_empty() { Writes::Nothing } else { Writes::Tables(tracer.changed) }
    }
}

impl Statement {
    /// Whether it runs no function of a user, by what the catalogue holds when it is known what it
    /// may write: then it leaves nothing behind in its session.
    pub(crate) fn is_of_server(&self, catalogue: &Catalogue) -> bool {
        let tracer = Tracer::of(self.tree(), catalogue);
        let is_of_user = |met: &Met| matches!(met, Met::Function(oid) if *oid >= FIRST_OF_USERS);
        tracer.why.is_none() && tracer.needs.is_empty() && !tracer.met.iter().any(is_of_user)
    }
}

impl Statement {
    /// The table that it names as its target, by what the catalogue holds when it is known what it
    /// may write: if no other command is run, and no foreign key passes changes on to that table.
    /// Its own conditions say then which of its rows are changed.
    pub(super) fn only_target(&self, catalogue: &Catalogue) -> Option<u32> {
        let tracer = Tracer::of(self.tree(), catalogue);
        let [oid] = tracer.commands[..] else { return None };
        let passing = tracer.targets.iter().filter(|(_, deed)| deed.changes_rows);
        let consequences = passing.map(|(oid, _)| catalogue.consequences.get(oid));
        let consequences: Option<Vec<&Consequence>> =
            consequences.map(|it| it.and_then(Option::as_ref)).collect();
        let is_known = tracer.why.is_none() && tracer.needs.is_empty();
        let is_passed_on = consequences?.iter().any(|it| it.cascades.contains(&oid));
        (is_known && !is_passed_on).then_some(oid)
    }
}

/// How a table is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Deed {
    /// Rows that are there are updated or deleted, which foreign keys pass on.
    changes_rows: bool,
    /// So are those of the tables that inherit from it.
    with_children: bool,
}

/// An object of the catalogue that has been met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Met {
    Read(u32),
    Function(u32),
    Operator(u32),
    Type(u32),
    /// The expressions of a table.
    Expressions(u32),
}

/// What is still to be looked at.
enum Step<'t> {
    Tree(&'t Node),
    Object(Met),
    Target(u32, Deed),
}

struct Tracer<'t> {
    catalogue: &'t Catalogue,
    steps: Vec<Step<'t>>,
    met: BTreeSet<Met>,
    targets: BTreeMap<u32, Deed>,
    /// The targets of the commands that are run, once for each.
    commands: Vec<u32>,
    needs: Needs,
    changed: BTreeSet<u32>,
    /// Why it may write anything.
    why: Option<String>,
}

impl<'t> Tracer<'t> {
    fn new(catalogue: &'t Catalogue) -> Tracer<'t> {
        Tracer {
            catalogue,
            steps: Vec::new(),
            met: BTreeSet::new(),
            targets: BTreeMap::new(),
            commands: Vec::new(),
            needs: Needs::default(),
            changed: BTreeSet::new(),
            why: None,
        }
    }

    /// All that a statement runs.
    fn of(tree: &'t Node, catalogue: &'t Catalogue) -> Tracer<'t> {
        let mut tracer = Tracer::new(catalogue);
        tracer.steps.push(Step::Tree(tree));
        while let (None, Some(step)) = (&tracer.why, tracer.steps.pop()) {
            tracer.follow(&step);
        }
        tracer
    }

    fn follow(&mut self, step: &Step<'t>) {
        match *step {
            Step::Tree(tree) => self.visit(tree),
            Step::Target(oid, deed) => self.target(oid, deed),
            Step::Object(Met::Read(oid)) => self.read(oid),
            Step::Object(Met::Function(oid)) => self.function(oid),
            Step::Object(Met::Operator(oid)) => self.operator(oid),
            Step::Object(Met::Type(oid)) => self.type_(oid),
            Step::Object(Met::Expressions(_)) => {}
        }
    }

    /// Looks at an object later, unless that has been done.
    fn meet(&mut self, object: Met) {
        if self.met.insert(object) {
            self.steps.push(Step::Object(object));
        }
    }

    fn meet_all(&mut self, oids: &[u32], of: fn(u32) -> Met) {
        oids.iter().for_each(|oid| self.meet(of(*oid)));
    }

    fn expressions(&mut self, trees: &'t Result<Node, Fault>) {
        match trees {
            Ok(trees) => self.steps.push(Step::Tree(trees)),
            Err(fault) => self.beyond(format!("an expression is not understood: {}", fault.0)),
        }
    }

    fn beyond(&mut self, why: String) {
        self.why.get_or_insert(why);
    }

    fn visit(&mut self, node: &'t Node) {
        match node {
            Node::Record(record) => {
                self.judge(record);
                record.fields.iter().for_each(|(_, value)| self.visit(value));
            }
            Node::List(members) => members.iter().for_each(|member| self.visit(member)),
            Node::Null | Node::Atom(_) | Node::Numbers(_) | Node::Datum(_) => {}
        }
    }

    fn judge(&mut self, record: &'t Record) {
        let name = record.name.as_str();
        if !KNOWN.contains(&name) && !KNOWN_BESIDE.contains(&name) {
            return self.beyond(format!("it has a node that is not judged: {name}"));
        }
        match name {
            "QUERY" => self.query(record),
            "RANGETBLENTRY" => match (record.number("rtekind"), record.oid("relid")) {
                (Some(0), Some(oid)) => self.meet(Met::Read(oid)),
                (Some(1 | 2 | 3 | 5 | 6 | 9), _) => {}
                _ => self.beyond("it has an unknown kind of entry in FROM".to_owned()),
            },
            _ => {}
        }
        for mention in mentions(record) {
            self.meet(match mention {
                Mention::Function(oid) => Met::Function(oid),
                Mention::Operator(oid) => Met::Operator(oid),
                Mention::Type(oid) => Met::Type(oid),
            });
        }
    }

    fn query(&mut self, record: &Record) {
        let target = record.number("resultRelation");
        // SELECT, UPDATE, INSERT, DELETE, MERGE.
        let changes_rows = match record.number("commandType") {
            _ if record.has("utilityStmt") => None,
            Some(1) if target == Some(0) => return,
            Some(2 | 4 | 5) => Some(true),
            // What a conflict does: 1 is nothing.
            Some(3) => match record.field("onConflict").record() {
                None if record.has("onConflict") => None,
                conflict => Some(conflict.is_some_and(|it| it.number("action") != Some(1))),
            },
            _ => None,
        };
        let position = target.and_then(|n| usize::try_from(n).ok()?.checked_sub(1));
        let entry = position.and_then(|at| record.list("rtable").get(at)?.named("RANGETBLENTRY"));
        let entry = entry.filter(|entry| entry.number("rtekind") == Some(0));
        let oid = entry.and_then(|entry| entry.oid("relid"));
        match (changes_rows, entry, oid) {
            (Some(changes_rows), Some(entry), Some(oid)) => {
                let with_children = entry.text("inh") != Some("false");
                self.commands.push(oid);
                self.steps.push(Step::Target(oid, Deed { changes_rows, with_children }));
            }
            _ => self.beyond("it is a command of an unknown form".to_owned()),
        }
    }

    /// An object of the catalogue, if it is known; otherwise it is asked for.
    fn look_up<V>(
        &mut self,
        of: &'t HashMap<u32, Option<V>>,
        oid: u32,
        needed: fn(&mut Needs) -> &mut BTreeSet<u32>,
    ) -> Option<&'t V> {
        match of.get(&oid) {
            Some(Some(found)) => return Some(found),
            Some(None) => self.beyond(format!("object {oid} is not in the catalogue")),
            None => drop(needed(&mut self.needs).insert(oid)),
        }
        None
    }

    fn relation(&mut self, oid: u32) -> Option<&'t Relation> {
        self.look_up(&self.catalogue.relations, oid, |needs| &mut needs.relations)
    }

    fn consequence(&mut self, oid: u32) -> Option<&'t Consequence> {
        self.look_up(&self.catalogue.consequences, oid, |needs| &mut needs.consequences)
    }

    /// What reading a relation runs.
    fn read(&mut self, oid: u32) {
        let Some(relation) = self.relation(oid) else { return };
        match (relation.kind, &relation.view) {
            (b'v', Some(tree)) => self.expressions(tree),
            (b'r' | b'p' | b'm' | b'S' | b't', _) => {}
            _ => self.beyond(format!("it reads {}, which runs unknown code", relation.name)),
        }
        let may_have_strangers =
            matches!(relation.descent, Descent::Parent | Descent::Root { is_ordinary: false });
        if !relation.has_row_security && !may_have_strangers {
            return;
        }
        let Some(consequence) = self.consequence(oid) else { return };
        self.expressions(&consequence.policies);
        self.meet_all(&consequence.children, Met::Read);
        if let Some(stranger) = &consequence.stranger {
            self.beyond(format!("it reads {} with {stranger}", relation.name));
        }
    }

    /// What a write of a table runs and changes, beside what reading it runs: policies do not
    /// count for what a foreign key does.
    fn target(&mut self, oid: u32, deed: Deed) {
        let known = self.targets.get(&oid).copied();
        let deed = known.map_or(deed, |known| Deed {
            changes_rows: known.changes_rows || deed.changes_rows,
            with_children: known.with_children || deed.with_children,
        });
        if known == Some(deed) {
            return;
        }
        self.targets.insert(oid, deed);
        let (Some(relation), Some(consequence)) = (self.relation(oid), self.consequence(oid))
        else {
            return;
        };
        if let Some(why) = refusal(relation, consequence) {
            return self.beyond(why);
        }
        self.changed.insert(consequence.told_as);
        if self.changed.len() > TABLES_MAX {
            return self.beyond(format!("it may change more than {TABLES_MAX} tables"));
        }
        // So that it has a name.
        self.relation(consequence.told_as);
        if self.met.insert(Met::Expressions(oid)) {
            self.expressions(&consequence.expressions);
            self.meet_all(&consequence.types, Met::Type);
        }
        if deed.with_children {
            for child in &consequence.children {
                self.steps.push(Step::Target(*child, deed));
            }
        }
        if deed.changes_rows {
            for table in &consequence.cascades {
                // What a foreign key does, it does to this table ONLY.
                let deed = Deed { changes_rows: true, with_children: false };
                self.steps.push(Step::Target(*table, deed));
            }
        }
    }

    fn operator(&mut self, oid: u32) {
        let function = self.look_up(&self.catalogue.operators, oid, |needs| &mut needs.operators);
        function.into_iter().for_each(|function| self.meet(Met::Function(*function)));
    }

    fn function(&mut self, oid: u32) {
        let functions = &self.catalogue.functions;
        let function = self.look_up(functions, oid, |needs| &mut needs.functions);
        let Some(function) = function else { return };
        let is_trusted = match oid {
            ..FIRST_OF_USERS => is_harmless(oid, function),
            _ => {
                let body = self.look_up(&self.catalogue.bodies, oid, |needs| &mut needs.bodies);
                let Some(body) = body else { return };
                self.meet_all(&body.functions, Met::Function);
                self.expressions(&body.expressions);
                body.is_shown || body.is_native && is_harmless_code(function, body)
            }
        };
        if !is_trusted {
            self.beyond(format!("it calls {}, which may write anything", function.name));
        }
    }

    fn type_(&mut self, oid: u32) {
        if oid < FIRST_OF_USERS {
            return;
        }
        let compositions = &self.catalogue.compositions;
        let composition = self.look_up(compositions, oid, |needs| &mut needs.compositions);
        let Some(composition) = composition else { return };
        self.meet_all(&composition.types, Met::Type);
        self.meet_all(&composition.functions, Met::Function);
        self.expressions(&composition.expressions);
    }
}

/// Why a write of a table may change anything.
fn refusal(relation: &Relation, consequence: &Consequence) -> Option<String> {
    let name = &relation.name;
    if relation.is_system {
        return Some(format!("it writes the system table {name}"));
    }
    if !matches!(relation.kind, b'r' | b'p') {
        return Some(format!("it writes {name}, which is not a table"));
    }
    let snag = consequence.snag.as_ref().or(consequence.stranger.as_ref());
    snag.map(|snag| format!("it writes {name}, which has {snag}"))
}
