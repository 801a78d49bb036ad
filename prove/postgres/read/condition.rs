//! Conditions: comparisons of every kind, and how they are put together.

use fastrand::Rng;

use super::relation::Joined;
use crate::domain::{Draft, Type, once_in, pick};

/// A condition over any of the leaves, with AND, OR and NOT down to `depth`.
pub(crate) fn condition(
    rng: &mut Rng,
    draft: &mut Draft,
    joined: &Joined<'_>,
    depth: usize,
) -> Option<String> {
    if depth == 0 {
        return single(rng, draft, joined);
    }
    Some(match rng.u8(..8) {
        0..4 => single(rng, draft, joined)?,
        4 | 5 => {
            let one = condition(rng, draft, joined, depth - 1)?;
            let other = condition(rng, draft, joined, depth - 1)?;
            format!("{one} AND {other}")
        }
        6 => {
            draft.note("OR");
            let one = condition(rng, draft, joined, depth - 1)?;
            let other = condition(rng, draft, joined, depth - 1)?;
            format!("({one} OR {other})")
        }
        _ => {
            draft.note("NOT");
            format!("NOT ({})", condition(rng, draft, joined, depth - 1)?)
        }
    })
}

/// One comparison.
pub(crate) fn single(rng: &mut Rng, draft: &mut Draft, joined: &Joined<'_>) -> Option<String> {
    let (column, of) = joined.one(rng, |column| column.of != Type::Other)?;
    Some(match rng.u8(..24) {
        0..7 => compared(rng, draft, &column, of, "="),
        7..10 => {
            draft.note("range");
            let operator = pick(rng, &["<", "<=", ">", ">="]);
            ordered(rng, draft, &column, of, operator)
        }
        10 => {
            draft.note("<>");
            compared(rng, draft, &column, of, "<>")
        }
        11..14 => list(rng, draft, &column, of),
        14 => {
            draft.note("BETWEEN");
            let (low, high) = (draft.value(rng, of), draft.value(rng, of));
            if is_unordered(of) {
                format!("{column} IS NOT NULL")
            } else {
                format!("{column} BETWEEN {low} AND {high}")
            }
        }
        15 | 16 => {
            draft.note("IS NULL");
            format!("{column} IS {}NULL", if rng.bool() { "" } else { "NOT " })
        }
        17 => {
            draft.note("IS DISTINCT FROM");
            let not = if rng.bool() { "NOT " } else { "" };
            format!("{column} IS {not}DISTINCT FROM {}", draft.value(rng, of))
        }
        18 => pair(rng, draft, joined)?,
        19 => row_value(rng, draft, joined)?,
        20 => expression(rng, draft, &column, of),
        21 => cast(rng, draft, &column, of),
        22 if of == Type::Bool => column,
        _ => compared(rng, draft, &column, of, "="),
    })
}

fn is_unordered(of: Type) -> bool {
    matches!(of, Type::Other)
}

fn compared(rng: &mut Rng, draft: &mut Draft, column: &str, of: Type, operator: &str) -> String {
    draft.note(if operator == "=" { "=" } else { "other comparison" });
    let value = draft.value(rng, of);
    if once_in(rng, 6) {
        format!("{value} {operator} {column}")
    } else {
        format!("{column} {operator} {value}")
    }
}

/// In the order of the column's collation, or now and then of another one.
fn ordered(rng: &mut Rng, draft: &mut Draft, column: &str, of: Type, operator: &str) -> String {
    let value = draft.value(rng, of);
    if (of.is_text() || of == Type::TextLoose) && once_in(rng, 4) {
        draft.note("COLLATE");
        let collation = pick(rng, &["\"C\"", "public.firm", "public.loose"]);
        return format!("{column} {operator} {value} COLLATE {collation}");
    }
    format!("{column} {operator} {value}")
}

fn list(rng: &mut Rng, draft: &mut Draft, column: &str, of: Type) -> String {
    let count = rng.usize(1..=4);
    if once_in(rng, 3) && draft.binds && (of.is_whole() || of.is_text()) {
        draft.note("ANY (parameter)");
        let items: Vec<String> = (0..count).map(|_| crate::domain::text(rng, of)).collect();
        let items = items.iter().map(|it| format!("\"{}\"", it.replace('"', "")));
        let array = format!("{{{}}}", items.collect::<Vec<_>>().join(","));
        let not = once_in(rng, 6);
        let place = draft.bind(array.into());
        return if not {
            format!("{column} <> ALL ({place})")
        } else {
            format!("{column} = ANY ({place})")
        };
    }
    let items: Vec<String> = (0..count).map(|_| draft.value(rng, of)).collect();
    let not = if once_in(rng, 5) { "NOT " } else { "" };
    draft.note(if not.is_empty() { "IN" } else { "NOT IN" });
    format!("{column} {not}IN ({})", items.join(", "))
}

/// Two columns.
fn pair(rng: &mut Rng, draft: &mut Draft, joined: &Joined<'_>) -> Option<String> {
    draft.note("column with column");
    let (one, of) = joined.one(rng, |column| column.of != Type::Other)?;
    let (other, _) = joined.one(rng, |column| column.of.meets(of))?;
    let operator = pick(rng, &["=", "=", "<", "<>", ">="]);
    Some(format!("{one} {operator} {other}"))
}

fn row_value(rng: &mut Rng, draft: &mut Draft, joined: &Joined<'_>) -> Option<String> {
    draft.note("row value");
    let (one, of_one) = joined.one(rng, |column| column.of.is_whole())?;
    let (other, of_other) = joined.one(rng, |column| column.of.is_crisp())?;
    let (first, second) = (draft.value(rng, of_one), draft.value(rng, of_other));
    Some(match rng.u8(..3) {
        0 => format!("({one}, {other}) = ({first}, {second})"),
        1 => format!("({one}, {other}) < ({first}, {second})"),
        _ => {
            let (third, fourth) = (draft.value(rng, of_one), draft.value(rng, of_other));
            format!("({one}, {other}) IN (({first}, {second}), ({third}, {fourth}))")
        }
    })
}

fn expression(rng: &mut Rng, draft: &mut Draft, column: &str, of: Type) -> String {
    draft.note("expression");
    let number = rng.i64(0..8);
    if of.is_whole() {
        return match rng.u8(..5) {
            0 => format!("{column} % 3 = {}", number % 3),
            1 => format!("coalesce({column}, {number}) = {number}"),
            2 => format!("public.twice({column}::int) > {number}"),
            3 => format!("CASE WHEN {column} > {number} THEN true ELSE {column} IS NULL END"),
            _ => format!("public.fixed({column}::int) = {number}"),
        };
    }
    match of {
        Type::Text | Type::Varchar | Type::Word => match rng.u8(..3) {
            0 => format!("{column} LIKE '{}%'", pick(rng, &["a", "A", "b", ""])),
            1 => format!("lower({column}) = 'a'"),
            _ => format!("length({column}) = {}", number % 3),
        },
        Type::Jsonb => format!("({column} ->> 'a') = '{}'", pick(rng, &["1", "1.0"])),
        Type::IntArray => format!("{number} = ANY ({column})"),
        Type::Date => format!("{column} + {number} > date '2024-01-03'"),
        Type::Bool => format!("{column} IS NOT TRUE"),
        _ => format!("{column} IS NOT NULL"),
    }
}

/// The column or the value as another type.
fn cast(rng: &mut Rng, draft: &mut Draft, column: &str, of: Type) -> String {
    draft.note("value of another type");
    let number = rng.i64(0..8);
    match of {
        _ if of.is_whole() => match rng.u8(..5) {
            0 => format!("{column} = {number}.0"),
            1 => format!("{column} = {number}::bigint"),
            2 => format!("{column} = {number}::smallint"),
            3 => format!("{column}::text = '{number}'"),
            _ => format!("{column} >= {number}::float8"),
        },
        Type::Text | Type::TextFirm | Type::Varchar | Type::TextLoose => {
            let text = pick(rng, &["a", "A", "b", "ab", "a "]);
            format!("{column} = '{text}'::{}", pick(rng, &["varchar", "text", "char(3)", "name"]))
        }
        Type::Date => format!("{column} = timestamp '2024-01-01 00:00:00'"),
        Type::Uuid => format!("{column}::text < 'b'"),
        Type::Bool => format!("{column}::int = {}", number % 2),
        _ => format!("{column}::text <> '{number}'"),
    }
}
