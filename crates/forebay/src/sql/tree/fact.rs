//! What WHERE or ON says about single columns: comparisons with constants, and columns that are
//! equal to one another. A fact follows from the condition being true; what is not listed here
//! gives none. Where it may be used is not decided here.

use super::block::{Block, Place, same_value};
use super::catalogue::Catalogue;
use super::datum::ByteOrder;
use super::kind::Kind;
use super::node::{Node, Record};
use super::operator::{Comparison, operator};
use super::typing::BOOL;
use crate::sql::{Bound, Operand, Test};
use crate::value::Value;

/// Constants in one list; longer ones would not be used anyway.
const LIST_MAX: usize = 1_000;

/// Facts of one condition; more would cost more than they could bring.
const FACTS_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fact {
    Compared(Compared),
    /// Two columns are equal, as values of this kind.
    Same(Place, Place, Kind),
}

/// A column compared with constants.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Compared {
    pub(super) place: Place,
    /// How it is compared; `None` where only NULL is told from the rest.
    pub(super) kind: Option<Kind>,
    pub(super) test: Test,
}

impl Fact {
    /// Whether it is never true for a row that a join has filled with NULL.
    pub(super) fn is_strict(&self) -> bool {
        !matches!(self, Fact::Compared(Compared { test: Test::Null, .. }))
    }
}

/// Reads facts, under what the server is and holds.
#[derive(Clone, Copy)]
pub(super) struct FactReader<'c> {
    pub(super) catalogue: &'c Catalogue,
    pub(super) order: ByteOrder,
    /// Facts about dates and points in time are wanted, too; the dependency index takes none.
    pub(super) of_time: bool,
}

/// One side of a comparison.
enum Operandum {
    Column(Place),
    Constant(Operand),
}

impl FactReader<'_> {
    /// The facts of a condition.
    pub(super) fn facts(&self, condition: &Node, block: &Block<'_>) -> Vec<Fact> {
        let mut facts = Vec::new();
        let mut waiting = vec![condition];
        while let Some(node) = waiting.pop() {
            match bool_arms(node, "and") {
                Some(arms) => waiting.extend(arms.iter().rev()),
                None => facts.extend(self.part(node, block)),
            }
            if facts.len() >= FACTS_MAX {
                facts.truncate(FACTS_MAX);
                break;
            }
        }
        facts
    }

    /// What one condition without AND says.
    fn part(&self, node: &Node, block: &Block<'_>) -> Option<Fact> {
        let record = node.record()?;
        match record.name.as_str() {
            "BOOLEXPR" => match (bool_arms(node, "or"), bool_arms(node, "not")) {
                (Some(arms), _) => self.either(arms, block),
                (_, Some([only])) => truth(block.place(only)?, block, false),
                _ => None,
            },
            "OPEXPR" => {
                let [left, right] = record.list("args") else { return None };
                self.compare(record.oid("opno")?, record.oid("inputcollid"), [left, right], block)
            }
            "ROWCOMPAREEXPR" => self.rows(record, block),
            "SCALARARRAYOPEXPR" => self.one_of(record, block),
            "NULLTEST" if record.text("argisrow") == Some("false") => {
                let place = block.place(record.field("arg"))?;
                let test = match record.number("nulltesttype")? {
                    0 => Test::Null,
                    1 => not_null(),
                    _ => return None,
                };
                Some(Fact::Compared(Compared { place, kind: None, test }))
            }
            "BOOLEANTEST" => {
                let place = block.place(record.field("arg"))?;
                let told = |test| Some(Fact::Compared(Compared { place, kind: None, test }));
                match record.number("booltesttype")? {
                    0 => truth(place, block, true),
                    2 => truth(place, block, false),
                    4 => told(Test::Null),
                    5 => told(not_null()),
                    _ => None,
                }
            }
            // A column of truth values stands for itself.
            _ => truth(block.place(node)?, block, true),
        }
    }

    fn compare(
        &self,
        opno: u32,
        collation: Option<u32>,
        [left, right]: [&Node; 2],
        block: &Block<'_>,
    ) -> Option<Fact> {
        let operator = operator(opno)?;
        if !self.may_compare(operator.kind, operator.comparison, collation) {
            return None;
        }
        let left = self.side(left, operator.left, block)?;
        let right = self.side(right, operator.right, block)?;
        let (place, operand, comparison) = match (left, right) {
            (Operandum::Column(place), Operandum::Constant(operand)) => {
                (place, operand, operator.comparison)
            }
            (Operandum::Constant(operand), Operandum::Column(place)) => {
                (place, operand, operator.comparison.mirrored())
            }
            (Operandum::Column(left), Operandum::Column(right))
                if operator.comparison == Comparison::Equal =>
            {
                return Some(Fact::Same(left, right, operator.kind));
            }
            _ => return None,
        };
        let test = test(comparison, operand);
        Some(Fact::Compared(Compared { place, kind: Some(operator.kind), test }))
    }

    /// Whether a comparison of this kind comes out here as at the server.
    fn may_compare(&self, kind: Kind, comparison: Comparison, collation: Option<u32>) -> bool {
        if kind != Kind::Text {
            return self.of_time || !kind.is_of_time();
        }
        let known = collation.and_then(|oid| self.catalogue.collations.get(&oid));
        known.copied().flatten().is_some_and(|collated| {
            collated.is_deterministic && (comparison == Comparison::Equal || collated.is_bytewise)
        })
    }

    fn side(&self, node: &Node, type_oid: u32, block: &Block<'_>) -> Option<Operandum> {
        match self.constant(node, Kind::ranged(type_oid)?) {
            Some(operand) => Some(Operandum::Constant(operand)),
            None => block.place(node).map(Operandum::Column),
        }
    }

    /// A literal or a parameter whose values are of this kind.
    pub(super) fn constant(&self, node: &Node, kind: Kind) -> Option<Operand> {
        let mut record = node.record()?;
        while let Some(inner) = same_value(record) {
            record = inner.record()?;
        }
        match record.name.as_str() {
            "CONST" => {
                let type_oid =
                    record.oid("consttype").filter(|it| Kind::ranged(*it) == Some(kind))?;
                if record.is_true("constisnull") {
                    return Some(Operand::Literal(Value::Null));
                }
                let Node::Datum(bytes) = record.field("constvalue") else { return None };
                self.order.value(type_oid, bytes).map(Operand::Literal)
            }
            "PARAM" if record.number("paramkind") == Some(0) => {
                record.oid("paramtype").filter(|it| Kind::ranged(*it) == Some(kind))?;
                let number = usize::try_from(record.number("paramid")?).ok()?;
                (number > 0).then_some(Operand::Parameter(number))
            }
            _ => None,
        }
    }

    /// Of two rows in order the first parts are in order or equal.
    fn rows(&self, record: &Record, block: &Block<'_>) -> Option<Fact> {
        let first = |name| record.field(name).numbers().first().copied();
        let opno = u32::try_from(first("opnos")?).ok()?;
        let collation = u32::try_from(first("inputcollids")?).ok().filter(|oid| *oid != 0);
        let (left, right) = (record.list("largs").first()?, record.list("rargs").first()?);
        let comparison = operator(opno)?.comparison.of_first();
        let at = operator(opno)?.with(comparison)?;
        self.compare(at, collation, [left, right], block)
    }

    /// `= ANY` of a list, which is also what IN becomes.
    fn one_of(&self, record: &Record, block: &Block<'_>) -> Option<Fact> {
        let operator = operator(record.oid("opno")?)?;
        let is_any = record.text("useOr") == Some("true");
        let [left, right] = record.list("args") else { return None };
        if operator.comparison != Comparison::Equal
            || !is_any
            || !self.may_compare(operator.kind, operator.comparison, record.oid("inputcollid"))
        {
            return None;
        }
        let Operandum::Column(place) = self.side(left, operator.left, block)? else {
            return None;
        };
        let test = Test::OneOf(self.members(right, operator.kind)?);
        Some(Fact::Compared(Compared { place, kind: Some(operator.kind), test }))
    }

    fn members(&self, node: &Node, kind: Kind) -> Option<Vec<Operand>> {
        use super::typing::{
            DATE, INT2, INT4, INT8, OID, TEXT, TIMESTAMP, TIMESTAMPTZ, UUID, VARCHAR,
        };
        let record = node.record()?;
        match record.name.as_str() {
            "ARRAYEXPR" if record.text("multidims") == Some("false") => {
                let members = record.list("elements");
                let members = (members.len() <= LIST_MAX).then_some(members)?;
                members.iter().map(|member| self.constant(member, kind)).collect()
            }
            "RELABELTYPE" => self.members(record.field("arg"), kind),
            // Each member goes through an expression, which must leave its value as it is.
            "ARRAYCOERCEEXPR" => {
                let mut member = record.field("elemexpr").record()?;
                while let Some(inner) = same_value(member) {
                    member = inner.record()?;
                }
                let is_same = member.name == "CASETESTEXPR";
                is_same.then(|| self.members(record.field("arg"), kind))?
            }
            "CONST" if !record.is_true("constisnull") => {
                let element = match record.oid("consttype")? {
                    1000 => BOOL,
                    1005 => INT2,
                    1007 => INT4,
                    1016 => INT8,
                    1028 => OID,
                    1009 => TEXT,
                    1015 => VARCHAR,
                    1115 => TIMESTAMP,
                    1182 => DATE,
                    1185 => TIMESTAMPTZ,
                    2951 => UUID,
                    _ => return None,
                };
                let Node::Datum(bytes) = record.field("constvalue") else { return None };
                let members = self.order.members(element, bytes)?;
                let is_fit = Kind::ranged(element) == Some(kind) && members.len() <= LIST_MAX;
                is_fit.then(|| members.into_iter().map(Operand::Literal).collect())
            }
            _ => None,
        }
    }

    /// `OR`, if every arm says of the same column what it equals.
    fn either(&self, arms: &[Node], block: &Block<'_>) -> Option<Fact> {
        let mut all: Option<Compared> = None;
        for arm in arms {
            let Some(Fact::Compared(arm)) = self.part(arm, block) else { return None };
            let Test::OneOf(operands) = arm.test else { return None };
            match &mut all {
                None => all = Some(Compared { test: Test::OneOf(operands), ..arm }),
                Some(Compared { place, kind, test: Test::OneOf(known) })
                    if *place == arm.place
                        && *kind == arm.kind
                        && known.len() + operands.len() <= LIST_MAX =>
                {
                    known.extend(operands);
                }
                Some(_) => return None,
            }
        }
        all.map(Fact::Compared)
    }
}

/// What AND, OR or NOT joins.
fn bool_arms<'n>(node: &'n Node, operator: &str) -> Option<&'n [Node]> {
    let record = node.named("BOOLEXPR")?;
    (record.text("boolop") == Some(operator)).then(|| record.list("args"))
}

/// A column of truth values that has one.
fn truth(place: Place, block: &Block<'_>, is_true: bool) -> Option<Fact> {
    let (table, column) = block.origin(place)?;
    let column = table.relation.column(column)?;
    let test = Test::OneOf(vec![Operand::Literal(Value::Integer(is_true.into()))]);
    let is_bool = column.type_oid == BOOL;
    is_bool.then_some(Fact::Compared(Compared { place, kind: Some(Kind::Integer), test }))
}

fn test(comparison: Comparison, operand: Operand) -> Test {
    let bound = |operand, inclusive| Some(Bound { operand, inclusive });
    match comparison {
        Comparison::Equal => Test::OneOf(vec![operand]),
        Comparison::Less => Test::Range { low: None, high: bound(operand, false) },
        Comparison::LessEqual => Test::Range { low: None, high: bound(operand, true) },
        Comparison::Greater => Test::Range { low: bound(operand, false), high: None },
        Comparison::GreaterEqual => Test::Range { low: bound(operand, true), high: None },
    }
}

fn not_null() -> Test {
    Test::Range { low: None, high: None }
}
