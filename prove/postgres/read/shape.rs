//! The outermost shape of a read, and what is put around its blocks.

use fastrand::Rng;

use super::block::{Block, aggregate, filter, of_types, plain};
use super::page::page;
use super::relation::joined;
use super::trap::trap;
use crate::answer::Compare;
use crate::domain::{Draft, Statement, Type, bound, once_in, pick};
use crate::schema::Schema;

/// A read with how its answers are to be compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Read {
    pub(crate) statement: Statement,
    pub(crate) compare: Compare,
    pub(crate) features: Vec<&'static str>,
    /// What each parameter is for, so that others can be drawn.
    types: Vec<Option<Type>>,
}

impl Read {
    /// A text as it is.
    pub(crate) fn plain(sql: &str) -> Read {
        Read {
            statement: Statement::plain(sql),
            compare: Compare::default(),
            features: Vec::new(),
            types: Vec::new(),
        }
    }

    /// The same text with other values, as far as it has any.
    pub(crate) fn with_other_values(&self, rng: &mut Rng) -> Read {
        let mut read = self.clone();
        for (at, value) in read.statement.params.iter_mut().enumerate() {
            let of = self.types.get(at).copied().flatten();
            let other = match (of, &*value) {
                (Some(of), _) => bound(rng, of),
                (None, forebay::Value::Integer(_)) => rng.i64(1..7).into(),
                (None, other) => other.clone(),
            };
            *value = other;
        }
        read
    }
}

/// A read, which the server may still refuse.
pub(crate) fn read(rng: &mut Rng, schema: &Schema) -> Option<Read> {
    let mut draft = Draft { binds: !once_in(rng, 3), ..Draft::default() };
    let draft = &mut draft;
    let (mut is_ordered, mut is_volatile) = (false, false);
    let sql = match rng.u8(..40) {
        0..12 => simple(rng, schema, draft)?,
        12..19 => {
            is_ordered = true;
            page(rng, schema, draft)?
        }
        19..25 => aggregate(rng, schema, draft, 0)?.sql,
        25..27 => distinct(rng, schema, draft)?,
        27..29 => window(rng, schema, draft)?,
        29..32 => compound(rng, schema, draft)?,
        32..35 => derived(rng, schema, draft)?,
        35 => lateral(rng, schema, draft)?,
        _ => {
            let (sql, changes) = trap(rng, schema, draft)?;
            is_volatile = changes;
            sql
        }
    };
    let types = draft.params.iter().map(of_value).collect();
    Some(Read {
        statement: Statement { sql, params: std::mem::take(&mut draft.params) },
        compare: Compare { is_ordered, is_volatile },
        features: std::mem::take(&mut draft.features),
        types,
    })
}

/// Which type another value for the same place may be of.
fn of_value(value: &forebay::Value) -> Option<Type> {
    match value {
        forebay::Value::Text(text) if text.contains("-4000-8000-") => Some(Type::Uuid),
        forebay::Value::Text(text) if text.len() < 3 && !text.contains('{') => Some(Type::Text),
        _ => None,
    }
}

/// One block; over one table with its key now and then, as most statements of an application are.
fn simple(rng: &mut Rng, schema: &Schema, draft: &mut Draft) -> Option<String> {
    if rng.u8(..3) > 0 {
        return Some(plain(rng, schema, draft, 0)?.sql);
    }
    draft.note("by key");
    let relation = schema.any(rng)?;
    let column = relation.one(rng, |column| matches!(column.name.as_str(), "id" | "ref" | "u"))?;
    let value = draft.value(rng, column.of);
    let list = if rng.bool() { "*".to_owned() } else { relation.any(rng).name.clone() };
    Some(format!("SELECT {list} FROM {} WHERE {} = {value}", relation.called(rng), column.name))
}

fn distinct(rng: &mut Rng, schema: &Schema, draft: &mut Draft) -> Option<String> {
    if rng.bool() {
        let block = plain(rng, schema, draft, 0).filter(Block::is_crisp)?;
        draft.note("DISTINCT");
        return Some(block.sql.replacen("SELECT", "SELECT DISTINCT", 1));
    }
    draft.note("DISTINCT ON");
    let joined = joined(rng, schema, draft, 0).filter(|it| it.leaves.len() == 1)?;
    let key = joined.leaves[0].key()?.join(", ");
    let (on, _) = joined.one(rng, |column| column.of.is_crisp())?;
    let (other, _) = joined.one(rng, |_| true)?;
    let filter = filter(rng, schema, draft, &joined, 0)?;
    let sql = format!(
        "SELECT DISTINCT ON ({on}) {on} AS o0, {other} AS o1 FROM {}{filter} ORDER BY {on}, {key}",
        joined.sql
    );
    // With a condition around it, which may be applied first on what it is distinct by only.
    Some(if once_in(rng, 3) {
        format!("SELECT * FROM ({sql}) s WHERE o1 IS NOT NULL")
    } else {
        sql
    })
}

fn window(rng: &mut Rng, schema: &Schema, draft: &mut Draft) -> Option<String> {
    draft.note("window");
    let joined = joined(rng, schema, draft, 0).filter(|it| it.leaves.len() == 1)?;
    let key = joined.leaves[0].key()?.join(", ");
    let (part, of) = joined.one(rng, |column| column.of.is_crisp())?;
    let (number, _) = joined.one(rng, |column| column.of.is_whole())?;
    let over = match rng.u8(..3) {
        0 => format!("row_number() OVER (PARTITION BY {part} ORDER BY {key})"),
        1 => format!("sum({number}::bigint) OVER (PARTITION BY {part})"),
        _ => format!("lag({number}) OVER (ORDER BY {key})"),
    };
    let filter = filter(rng, schema, draft, &joined, 0)?;
    let sql = format!("SELECT {part} AS o0, {over} AS o1 FROM {}{filter}", joined.sql);
    Some(match rng.u8(..3) {
        0 => format!("SELECT * FROM ({sql}) s WHERE o0 = {}", draft.value(rng, of)),
        1 => format!("SELECT * FROM ({sql}) s WHERE o1 = 1"),
        _ => sql,
    })
}

fn compound(rng: &mut Rng, schema: &Schema, draft: &mut Draft) -> Option<String> {
    let word = pick(rng, &["UNION ALL", "UNION ALL", "UNION", "INTERSECT", "EXCEPT", "EXCEPT ALL"]);
    draft.note(word);
    let types = [Type::Int4, pick(rng, &[Type::Int4, Type::Text, Type::TextFirm, Type::Uuid])];
    let one = of_types(rng, schema, draft, 0, &types)?;
    let other = of_types(rng, schema, draft, 0, &types)?;
    let sql = format!("{} {word} {}", one.sql, other.sql);
    if once_in(rng, 3) {
        draft.note("condition around a set operation");
        let value = draft.value(rng, types[0]);
        return Some(format!("SELECT * FROM ({sql}) s WHERE o0 = {value}"));
    }
    if once_in(rng, 4) {
        let third = of_types(rng, schema, draft, 0, &types)?;
        return Some(format!("({sql}) {word} {}", third.sql));
    }
    Some(sql)
}

/// A block in FROM or in WITH, with conditions around it.
fn derived(rng: &mut Rng, schema: &Schema, draft: &mut Draft) -> Option<String> {
    let block = match rng.u8(..4) {
        0 => aggregate(rng, schema, draft, 1)?,
        1 => {
            draft.note("subquery with LIMIT");
            let page = page(rng, schema, draft)?;
            return Some(format!("SELECT count(*) FROM ({page}) s"));
        }
        _ => plain(rng, schema, draft, 1)?,
    };
    let output = block.outputs.iter().find(|output| output.of != Type::Other)?;
    let value = draft.value(rng, output.of);
    let condition = match rng.u8(..3) {
        0 => format!("s.{} IS NOT NULL", output.name),
        _ => format!("s.{} = {value}", output.name),
    };
    // A parameter has to be used.
    let rest = if value.starts_with('$') && !condition.contains(&value) {
        format!(" AND {value}::text IS NOT NULL")
    } else {
        String::new()
    };
    let sql = &block.sql;
    Some(match rng.u8(..5) {
        0 | 1 => {
            draft.note("subquery in FROM");
            format!("SELECT * FROM ({sql}) s WHERE {condition}{rest}")
        }
        2 => {
            draft.note("CTE");
            let how = pick(rng, &["", "MATERIALIZED ", "NOT MATERIALIZED "]);
            format!("WITH s AS {how}({sql}) SELECT * FROM s WHERE {condition}{rest}")
        }
        3 => {
            draft.note("CTE used twice");
            format!(
                "WITH s AS ({sql}) SELECT (SELECT count(*) FROM s), s.* FROM s \
                 WHERE {condition}{rest}"
            )
        }
        _ => {
            draft.note("join with a subquery");
            format!(
                "SELECT o.id, s.* FROM public.t0 o LEFT JOIN ({sql}) s ON {condition} \
                 WHERE o.n >= 0{rest}"
            )
        }
    })
}

fn lateral(rng: &mut Rng, schema: &Schema, draft: &mut Draft) -> Option<String> {
    draft.note("LATERAL");
    let relation = schema.any(rng)?;
    let column = relation.one(rng, |column| column.of.is_whole())?;
    let (inner, name) = (&column.name, relation.full());
    let kind = pick(rng, &["CROSS JOIN LATERAL", "LEFT JOIN LATERAL"]);
    let on = if kind.starts_with("LEFT") { " ON true" } else { "" };
    Some(format!(
        "SELECT o.id, l.m FROM public.t0 o {kind} (SELECT max(i.{inner})::bigint AS m \
         FROM {name} i WHERE i.{inner} <= o.n + {}) l{on}",
        rng.u8(0..5)
    ))
}
