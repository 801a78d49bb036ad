//! Whether two answers are the same, as far as they are determined.

use forebay::Value;

use crate::read::Compare;

/// Digits that two sums of the same floats in another order share.
const DIGITS: usize = 10;

type Rows = Vec<Vec<Value>>;

/// Whether the answers agree in everything that is determined.
pub(crate) fn alike(compare: Compare, mut left: Rows, mut right: Rows) -> bool {
    if compare.volatile {
        return true;
    }
    for value in left.iter_mut().chain(&mut right).flatten() {
        if compare.folded {
            fold(value);
        }
        if compare.rounded {
            round(value);
        }
    }
    if compare.ordered {
        return left == right;
    }
    sorted(&left) == sorted(&right)
}

/// Makes one value of all that some collation or `=` takes to be equal.
fn fold(value: &mut Value) {
    match value {
        Value::Text(text) => *value = Value::from(text.trim_end_matches(' ').to_ascii_lowercase()),
        Value::Real(x) if x.fract() == 0.0 && x.abs() < 9e18 => *value = Value::from(*x as i64),
        _ => {}
    }
}

fn round(value: &mut Value) {
    if let Value::Real(x) = value {
        *value = Value::from(format!("{:.*e}", DIGITS - 1, *x + 0.0));
    }
}

fn sorted(rows: &[Vec<Value>]) -> Vec<String> {
    let mut lines: Vec<String> = rows.iter().map(|row| line(row)).collect();
    lines.sort_unstable();
    lines
}

/// A row as text; different rows have different texts.
pub(crate) fn line(row: &[Value]) -> String {
    let values: Vec<String> = row
        .iter()
        .map(|value| match value {
            Value::Blob(blob) => format!("x{blob:02x?}"),
            value => format!("{value:?}"),
        })
        .collect();
    values.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_determined_counts() {
        let rows = |values: &[Value]| values.iter().map(|value| vec![value.clone()]).collect();
        let check = |compare: Compare, left: &[Value], right: &[Value], expect: bool| {
            let found = alike(compare, rows(left), rows(right));
            assert_eq!(found, expect, "{left:?} {right:?} {compare:?}");
        };
        let [exact, ordered, folded, rounded] = [
            Compare::default(),
            Compare { ordered: true, ..Compare::default() },
            Compare { folded: true, ..Compare::default() },
            Compare { rounded: true, ..Compare::default() },
        ];
        let [one, two]: [Value; 2] = [1.into(), 2.into()];
        check(exact, &[one.clone(), two.clone()], &[two.clone(), one.clone()], true);
        check(ordered, &[one.clone(), two.clone()], &[two.clone(), one.clone()], false);
        check(exact, &[1.into()], &[one.clone(), one.clone()], false);
        check(exact, &[1.into()], &[1.0.into()], false);
        check(exact, &["1".into()], &[1.into()], false);
        check(exact, &[0.0.into()], &[(-0.0).into()], false);
        check(exact, &["a".into()], &["A".into()], false);
        check(exact, &[Value::from(b"a")], &[Value::from(b"b")], false);
        check(exact, &["a\0b".into()], &["a".into()], false);
        check(folded, &["a ".into(), one.clone()], &[1.0.into(), "A".into()], true);
        check(folded, &["a".into()], &["b".into()], false);
        check(rounded, &[0.30000000000000004.into()], &[0.3.into()], true);
        check(rounded, &[0.3.into()], &[0.4.into()], false);
    }
}
