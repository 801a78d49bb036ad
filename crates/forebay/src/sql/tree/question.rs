//! The queries that fill the catalogue, and the way of their rows into it. They are to be run in
//! the transaction of the analysis, with `search_path` set to `pg_catalog` and nothing else, and
//! return texts. It runs nothing itself.

use super::body::{BODIES, Body};
use super::catalogue::{Catalogue, Collated, Column, Descent, Function, Needs, Relation, Type};
use super::composition::{COMPOSITIONS, Composition};
use super::consequence::{CONSEQUENCES, Consequence};
use super::node::{Fault, Node};
use super::trigger::with_names;
use crate::error::{Error, Kind};

/// One row of the answer to a question, as texts.
pub(crate) type Row = Vec<Option<String>>;

/// A query, and what it is about.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) sql: String,
    pub(super) topic: Topic,
    pub(super) oids: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Topic {
    Relations,
    Functions,
    Operators,
    Collations,
    Types,
    Consequences,
    Compositions,
    Bodies,
}

impl Needs {
    /// The queries that answer what is needed; at most one for each kind of object.
    pub(crate) fn questions(&self) -> Vec<Question> {
        let all = [
            (Topic::Relations, &self.relations),
            (Topic::Functions, &self.functions),
            (Topic::Operators, &self.operators),
            (Topic::Collations, &self.collations),
            (Topic::Types, &self.types),
            (Topic::Consequences, &self.consequences),
            (Topic::Compositions, &self.compositions),
            (Topic::Bodies, &self.bodies),
        ];
        let asked = all.into_iter().filter(|(_, oids)| !oids.is_empty());
        asked.map(|(topic, oids)| Question::new(topic, oids.iter().copied().collect())).collect()
    }
}

impl Question {
    fn new(topic: Topic, oids: Vec<u32>) -> Question {
        let text = match topic {
            Topic::Relations => RELATIONS,
            Topic::Functions => FUNCTIONS,
            Topic::Operators => OPERATORS,
            Topic::Collations => COLLATIONS,
            Topic::Types => TYPES,
            Topic::Consequences => CONSEQUENCES,
            Topic::Compositions => COMPOSITIONS,
            Topic::Bodies => BODIES,
        };
        let list: Vec<String> = oids.iter().map(u32::to_string).collect();
        let text = with_names(text);
        Question { sql: text.replace("$OIDS", &list.join(",")), topic, oids }
    }
}

impl Catalogue {
    /// Takes the rows of the answer to a question. What was asked for and is not among them counts
    /// as not there.
    pub(crate) fn learn(&mut self, question: &Question, rows: &[Row]) -> Result<(), Error> {
        for oid in question.oids.iter().copied() {
            match question.topic {
                Topic::Relations => drop(self.relations.insert(oid, None)),
                Topic::Functions => drop(self.functions.insert(oid, None)),
                Topic::Operators => drop(self.operators.insert(oid, None)),
                Topic::Collations => drop(self.collations.insert(oid, None)),
                Topic::Types => drop(self.types.insert(oid, None)),
                Topic::Consequences => drop(self.consequences.insert(oid, None)),
                Topic::Compositions => drop(self.compositions.insert(oid, None)),
                Topic::Bodies => drop(self.bodies.insert(oid, None)),
            }
        }
        for row in rows {
            let row = Texts(row);
            let oid = row.oid(0);
            let is_taken = oid.and_then(|oid| self.take(question.topic, oid, &row)).is_some();
            if !is_taken {
                let text = "a row of the catalogue has another form than was asked for; \
                            is search_path set to pg_catalog?";
                return Err(Error::new(Kind::Database, text));
            }
        }
        Ok(())
    }

    fn take(&mut self, topic: Topic, oid: u32, row: &Texts<'_>) -> Option<()> {
        match topic {
            Topic::Relations => drop(self.relations.insert(oid, Some(row.relation()?))),
            Topic::Functions => {
                let function = Function {
                    name: row.text(1)?.to_owned(),
                    volatility: row.byte(2)?,
                    schema: row.oid(3)?,
                };
                self.functions.insert(oid, Some(function));
            }
            Topic::Operators => drop(self.operators.insert(oid, Some(row.oid(1)?))),
            Topic::Collations => {
                let collated =
                    Collated { is_deterministic: row.is_true(1)?, is_bytewise: row.is_true(2)? };
                self.collations.insert(oid, Some(collated));
            }
            Topic::Types => {
                let of = row.oid(2)?;
                let kind = match row.byte(1)? {
                    b'e' => Type::Enum,
                    b'd' => Type::Domain(of),
                    b'A' => Type::Array(of),
                    _ => Type::Other,
                };
                self.types.insert(oid, Some(kind));
            }
            Topic::Consequences => {
                self.consequences.insert(oid, Some(Consequence::read(row)?));
            }
            Topic::Compositions => {
                self.compositions.insert(oid, Some(Composition::read(row)?));
            }
            Topic::Bodies => drop(self.bodies.insert(oid, Some(Body::read(row)?))),
        }
        Some(())
    }
}

/// A row, read by position.
pub(super) struct Texts<'a>(&'a [Option<String>]);

impl Texts<'_> {
    pub(super) fn text(&self, position: usize) -> Option<&str> {
        self.0.get(position)?.as_deref()
    }

    pub(super) fn oid(&self, position: usize) -> Option<u32> {
        self.text(position)?.parse().ok()
    }

    /// A list with blanks between; NULL is none.
    pub(super) fn oids(&self, position: usize) -> Option<Vec<u32>> {
        let words = self.text(position).unwrap_or_default().split_ascii_whitespace();
        words.map(|word| word.parse().ok()).collect()
    }

    /// Trees in brackets; NULL is none.
    pub(super) fn trees(&self, position: usize) -> Result<Node, Fault> {
        self.text(position).map_or(Ok(Node::Null), Node::parse)
    }

    fn byte(&self, position: usize) -> Option<u8> {
        match self.text(position)?.as_bytes() {
            [only] => Some(*only),
            _ => None,
        }
    }

    pub(super) fn is_true(&self, position: usize) -> Option<bool> {
        match self.text(position)? {
            "1" => Some(true),
            "0" => Some(false),
            _ => None,
        }
    }

    fn relation(&self) -> Option<Relation> {
        let descent = match self.byte(7)? {
            b'a' => Descent::Alone,
            b'p' => Descent::Root { is_ordinary: true },
            b'q' => Descent::Root { is_ordinary: false },
            b'c' => Descent::Partition { root: self.oid(8)? },
            b'i' => Descent::Parent,
            _ => return None,
        };
        let mut columns: Vec<Option<Column>> = Vec::new();
        for line in self.text(9)?.lines() {
            let mut words = line.split(' ');
            let position = words.next()?.parse::<u16>().ok()?.checked_sub(1)?;
            let column = Column {
                type_oid: words.next()?.parse().ok()?,
                is_generated: words.next()? == "1",
                is_not_null: words.next()? == "1",
                name: unhex(words.next()?)?,
            };
            columns.resize(usize::from(position), None);
            columns.push(Some(column));
        }
        Some(Relation {
            name: self.text(1)?.to_owned(),
            kind: self.byte(2)?,
            persistence: self.byte(3)?,
            is_system: self.is_true(4)?,
            has_row_security: self.is_true(5)?,
            is_heap: self.is_true(6)?,
            descent,
            columns,
            view: self.text(10).map(Node::parse),
        })
    }
}

/// The text of hexadecimal digits.
pub(super) fn unhex(digits: &str) -> Option<String> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    String::from_utf8(bytes?).ok()
}

/// A constraint NOT NULL that was not checked for the rows that were there proves nothing, so it
/// is looked for; versions before 18 have none. The texts of names are sent as hexadecimal, for a
/// name may hold anything.
const RELATIONS: &str = "\
SELECT c.oid, n.nspname || '.' || c.relname, c.relkind, c.relpersistence,
       (c.oid < 16384 OR n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast'))::int,
       c.relrowsecurity::int,
       (c.relkind <> 'r' OR c.relam = 2)::int,
       CASE WHEN c.relkind = 'p' AND EXISTS (
                SELECT FROM pg_catalog.pg_partition_tree(c.oid) AS t
                JOIN pg_catalog.pg_class AS x ON x.oid = t.relid
                WHERE x.relkind NOT IN ('r', 'p') OR x.relpersistence <> 'p'
                   OR x.relkind = 'r' AND x.relam <> 2) THEN 'q'
            WHEN c.relispartition THEN 'c'
            WHEN c.relkind = 'p' THEN 'p'
            WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits AS i
                         WHERE i.inhparent = c.oid) THEN 'i'
            ELSE 'a' END,
       CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::oid END,
       COALESCE((SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attnum, a.atttypid,
                    (a.attgenerated <> '')::int,
                    (a.attnotnull AND NOT EXISTS (
                        SELECT FROM pg_catalog.pg_constraint AS k
                        WHERE k.conrelid = a.attrelid AND k.contype = 'n'
                          AND NOT k.convalidated AND a.attnum = ANY (k.conkey)))::int,
                    pg_catalog.encode(pg_catalog.convert_to(a.attname, 'UTF8'), 'hex')),
                    E'\\n' ORDER BY a.attnum)
                 FROM pg_catalog.pg_attribute AS a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), ''),
       (SELECT r.ev_action::text FROM pg_catalog.pg_rewrite AS r
        WHERE r.ev_class = c.oid AND r.rulename = '_RETURN' AND r.ev_type = '1')
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid IN ($OIDS)";

const FUNCTIONS: &str = "\
SELECT p.oid, p.proname, p.provolatile, p.pronamespace
FROM pg_catalog.pg_proc AS p WHERE p.oid IN ($OIDS)";

const OPERATORS: &str = "\
SELECT o.oid, o.oprcode::oid FROM pg_catalog.pg_operator AS o WHERE o.oid IN ($OIDS)";

/// The columns that name the provider and the locale of a database differ between versions, so
/// they are read out of the row as JSON. Bytes are compared as the server holds them, which are
/// those of UTF-8 only where that is its encoding.
const COLLATIONS: &str = "\
SELECT l.oid, l.collisdeterministic::int,
       (pg_catalog.getdatabaseencoding() = 'UTF8' AND CASE
            WHEN l.oid IN (950, 951) THEN true
            WHEN l.collprovider = 'd' THEN (
                SELECT COALESCE(j.d->>'datlocprovider', 'c') = 'c'
                   AND j.d->>'datcollate' IN ('C', 'POSIX')
                FROM (SELECT pg_catalog.to_jsonb(b) AS d FROM pg_catalog.pg_database AS b
                      WHERE b.datname = pg_catalog.current_database()) AS j)
            ELSE l.collprovider = 'c' AND l.collcollate IN ('C', 'POSIX') END)::int
FROM pg_catalog.pg_collation AS l WHERE l.oid IN ($OIDS)";

const TYPES: &str = "\
SELECT t.oid, CASE WHEN t.typtype = 'b' AND t.typcategory = 'A' AND t.typelem <> 0 THEN 'A'
                   ELSE t.typtype::text END,
       CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END
FROM pg_catalog.pg_type AS t WHERE t.oid IN ($OIDS)";
