//! Whether two right answers of a statement must be the same, but for the order of their rows. What
//! is not on the lists leaves it open: the ends of pages within others, windows, aggregates that
//! rest on the order of rows or on floats, groups of values that are equal and not the same.

use super::catalogue::FIRST_OF_USERS;
use super::mention::{Mention, mentions};
use super::node::{Node, Record};
use super::top::Wish;
use super::typing::{BOOL, INT2, INT4, INT8, OID, TEXT, UUID, VARCHAR};
use crate::sql::{Determined, Extent};

/// Aggregates that give the same for the same rows in any order: `count`, sums and averages of
/// whole numbers and numerics, `min` and `max` of types whose equal values are the same,
/// `bool_and`, `bool_or`, `every`, and those of bits. Their numbers are those of versions 14 to 18.
pub(super) const AGGREGATES: &[i64] = &[
    2100, 2101, 2102, 2103, 2107, 2108, 2109, 2114, 2115, 2116, 2117, 2118, 2122, 2126, 2127, 2129,
    2131, 2132, 2133, 2134, 2138, 2142, 2143, 2145, 2147, 2236, 2237, 2238, 2239, 2240, 2241, 2517,
    2518, 2519, 2803,
];

/// Types whose equal values are the same, in texts as long as their collation is deterministic.
/// Beside those that are compared: bytea, date, timestamp, timestamptz.
const SAME: &[u32] = &[BOOL, 17, INT8, INT2, INT4, TEXT, OID, VARCHAR, 1082, 1114, 1184, UUID];

/// How the names of fields end that name a collation.
const COLLATIONS: [&str; 4] = ["collid", "collids", "ollations", "collation"];

/// What is determined of the answers; `None` for nothing. `trees` are the statement's, first, and
/// those of the views that it reads; `page` is what is known of its own page.
pub(super) fn determined<'t>(
    trees: impl Iterator<Item = &'t Node>,
    query: &Record,
    page: Option<&Wish>,
) -> Option<Determined> {
    let is_page = query.has("limitCount") || query.has("limitOffset");
    let extent = match (is_page, page) {
        (false, _) => Extent::All,
        (true, Some(wish)) => {
            Extent::Page { by: Some(wish.output), has_offset: query.has("limitOffset") }
        }
        (true, None) => return None,
    };
    let mut found = Found { is_open: false, groups: false, is_alike: false };
    trees.for_each(|tree| found.visit(tree, query));
    let is_open = found.is_open || (found.groups && found.is_alike);
    (!is_open).then(|| Determined::whole(extent))
}

#[derive(Debug)]
struct Found {
    /// Something leaves the answer open.
    is_open: bool,
    /// Equal values are put together somewhere.
    groups: bool,
    /// There are values that may be equal and not the same.
    is_alike: bool,
}

impl Found {
    fn visit(&mut self, node: &Node, own: &Record) {
        match node {
            Node::Record(record) => {
                self.judge(record, own);
                record.fields.iter().for_each(|(_, value)| self.visit(value, own));
            }
            Node::List(members) => members.iter().for_each(|member| self.visit(member, own)),
            Node::Null | Node::Atom(_) | Node::Numbers(_) | Node::Datum(_) => {}
        }
    }

    fn judge(&mut self, record: &Record, own: &Record) {
        match record.name.as_str() {
            "QUERY" => {
                let is_own = std::ptr::eq(record, own);
                let ends = record.has("limitCount") || record.has("limitOffset");
                self.is_open |= (ends && !is_own) || record.is_true("hasDistinctOn");
                let groups = ["groupClause", "groupingSets", "distinctClause", "setOperations"];
                self.groups |= groups.iter().any(|clause| record.has(clause));
            }
            "WINDOWFUNC" => self.is_open = true,
            "AGGREF" => {
                let is_known = record.number("aggfnoid").is_some_and(|it| AGGREGATES.contains(&it));
                self.is_open |= !is_known;
                let is_text_end = matches!(record.number("aggfnoid"), Some(2129 | 2145));
                let is_own = record.oid("inputcollid").is_some_and(|oid| oid >= FIRST_OF_USERS);
                self.is_open |= is_text_end && is_own;
                self.groups |= record.has("aggdistinct");
            }
            _ => {}
        }
        let is_alike = |mention| matches!(mention, Mention::Type(oid) if !SAME.contains(&oid));
        self.is_alike |= mentions(record).any(is_alike);
        let is_collation = |name: &str| COLLATIONS.iter().any(|end| name.ends_with(end));
        for (_, value) in record.fields.iter().filter(|(name, _)| is_collation(name)) {
            let mut numbers = value.number().into_iter().chain(value.numbers().iter().copied());
            self.is_alike |= numbers.any(|it| it >= i64::from(FIRST_OF_USERS));
        }
    }
}
