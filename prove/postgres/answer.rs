//! Answers in one form, whether they came through Forebay or from a bare session, and what makes
//! two of them alike.

use forebay::{Column, ColumnKind, Rows, Value};

/// Rows of texts; None is NULL.
pub(crate) type Answer = Vec<Vec<Option<String>>>;

/// How an answer has to be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compare {
    /// The order of its rows is told whole by the statement.
    pub(crate) is_ordered: bool,
    /// It may differ each time: that it is not cached is all there is to see.
    pub(crate) is_volatile: bool,
}

/// What Forebay has answered.
pub(crate) fn ours(rows: &Rows) -> Answer {
    let columns = rows.columns();
    let cell = |(at, value): (usize, &Value)| shown(&columns[at], value);
    (0..rows.len()).map(|row| rows.values(row).iter().enumerate().map(cell).collect()).collect()
}

/// The server's own texts in the form that Forebay gives them, whose columns `rows` has.
pub(crate) fn theirs(answer: Answer, rows: &Rows) -> Answer {
    let is_real = |at: usize| {
        let values = (0..rows.len()).map(|row| rows.values(row).get(at));
        values.flatten().any(|value| matches!(value, Value::Real(_)))
    };
    let columns = rows.columns().iter().enumerate();
    let columns: Vec<(&Column, bool)> = columns.map(|(at, it)| (it, is_real(at))).collect();
    let row = |row: Vec<Option<String>>| {
        let cells = row.into_iter().enumerate();
        cells.map(|(at, cell)| cell.map(|text| translated(columns.get(at), text))).collect()
    };
    answer.into_iter().map(row).collect()
}

pub(crate) fn are_alike(compare: Compare, one: &Answer, other: &Answer) -> bool {
    if compare.is_volatile || one == other {
        return true;
    }
    if compare.is_ordered || one.len() != other.len() {
        return false;
    }
    let sorted = |answer: &Answer| {
        let mut rows = answer.clone();
        rows.sort_unstable();
        rows
    };
    sorted(one) == sorted(other)
}

fn shown(column: &Column, value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Integer(n) => n.to_string(),
        Value::Real(x) => real(*x),
        Value::Text(text) if is_array(column) => listed(json(text), text),
        Value::Text(text) => instant(text.to_string()),
        Value::Blob(bytes) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("\\x{hex}")
        }
    })
}

fn real(x: f64) -> String {
    if x.is_nan() { "NaN".to_owned() } else { format!("{:016x}", x.to_bits()) }
}

fn is_array(column: &Column) -> bool {
    matches!(column.kind, ColumnKind::Array(_))
}

fn translated(column: Option<&(&Column, bool)>, text: String) -> String {
    match column {
        Some((_, true)) => text.parse::<f64>().map_or(text, real),
        Some((column, _)) if column.kind == ColumnKind::Bool => {
            if text == "t" { "1" } else { "0" }.to_owned()
        }
        Some((column, _)) if is_array(column) => listed(braced(&text), &text),
        _ => instant(text),
    }
}

/// A text that is a date with a time in one form, wherever it was made a text.
fn instant(text: String) -> String {
    if is_moment(&text) { text.replacen(' ', "T", 1).replace("+00", "Z") } else { text }
}

/// Whether the text is a date with a time and nothing else, as the server writes it.
fn is_moment(text: &str) -> bool {
    let is_like = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b' ',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit() || (at > 18 && matches!(byte, b'.' | b'+')),
    };
    text.len() >= 19 && text.bytes().enumerate().all(is_like)
}

/// A list in a form that stands for itself; what is no list stays as it is.
fn listed(list: Option<Vec<Option<String>>>, text: &str) -> String {
    list.map_or_else(|| text.to_owned(), |list| format!("{list:?}"))
}

fn json(text: &str) -> Option<Vec<Option<String>>> {
    let serde_json::Value::Array(list) = serde_json::from_str(text).ok()? else { return None };
    let element = |value: serde_json::Value| match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Bool(is) => Some(if is { "t" } else { "f" }.to_owned()),
        other => Some(other.to_string()),
    };
    Some(list.into_iter().map(element).collect())
}

/// A list of one dimension as the server writes it.
fn braced(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let (mut list, mut word) = (Vec::new(), String::new());
    let (mut is_quoted, mut was_quoted, mut escapes) = (false, false, false);
    let mut end = |word: &mut String, was_quoted: &mut bool| {
        let text = std::mem::take(word);
        let is_null = text == "NULL" && !std::mem::take(was_quoted);
        *was_quoted = false;
        list.push((!is_null).then_some(text));
    };
    for c in inner.chars() {
        match c {
            _ if escapes => {
                word.push(c);
                escapes = false;
            }
            '\\' => escapes = true,
            '"' => (is_quoted, was_quoted) = (!is_quoted, true),
            ',' if !is_quoted => end(&mut word, &mut was_quoted),
            c => word.push(c),
        }
    }
    if !inner.is_empty() {
        end(&mut word, &mut was_quoted);
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_the_same_in_both_forms() {
        for (server, ours) in [
            ("{}", "[]"),
            ("{1,NULL,2}", "[1,null,2]"),
            ("{a,\"a b\",\"NULL\",\"\",\"x\\\"y\"}", r#"["a","a b","NULL","","x\"y"]"#),
        ] {
            assert_eq!(braced(server), json(ours), "{server}");
            assert!(braced(server).is_some());
        }
    }

    #[test]
    fn order_counts_where_the_statement_tells_it() {
        let rows = |texts: &[&str]| -> Answer {
            texts.iter().map(|text| vec![Some((*text).to_owned())]).collect()
        };
        let check = |is_ordered: bool, expect: bool| {
            let compare = Compare { is_ordered, is_volatile: false };
            assert_eq!(are_alike(compare, &rows(&["a", "b"]), &rows(&["b", "a"])), expect);
        };
        check(true, false);
        check(false, true);
        assert!(!are_alike(Compare::default(), &rows(&["a", "a"]), &rows(&["a", "b"])));
    }
}
