//! A file of TOML as a list of values with their lines. It knows no settings.

use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Fault;
use super::given::{Given, Origin, Raw};

/// A file larger than this is not what somebody has written by hand.
pub(super) const BYTES_MAX: u64 = 1 << 20;

/// Every value of a text, and everything that is no TOML.
pub(super) fn parse(path: &Path, text: &str) -> (Vec<Given>, Vec<Fault>) {
    let file = File { path: path.into(), text };
    let (table, errors) = DeTable::parse_recoverable(text);
    let faults = errors.iter().map(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Fault::new(file.origin(at), format!("this is no TOML: {}", error.message()))
    });
    let faults = faults.collect();
    let mut all = Vec::new();
    file.walk("", table.get_ref(), &mut all);
    (all, faults)
}

struct File<'a> {
    path: Arc<Path>,
    text: &'a str,
}

impl File<'_> {
    fn walk(&self, place: &str, table: &DeTable<'_>, all: &mut Vec<Given>) {
        for (name, value) in table {
            let key = join(place, name.get_ref());
            self.take(&key, name.span().start, value, all);
        }
    }

    fn take(&self, key: &str, at: usize, value: &Spanned<DeValue<'_>>, all: &mut Vec<Given>) {
        let origin = self.origin(at);
        match value.get_ref() {
            DeValue::Table(table) => {
                all.push(Given { key: key.to_owned(), raw: Raw::Table, origin });
                self.walk(key, table, all);
            }
            DeValue::Array(array) if !array.is_empty() && array.iter().all(is_table) => {
                for (index, element) in array.iter().enumerate() {
                    self.take(&format!("{key}[{index}]"), element.span().start, element, all);
                }
            }
            value => all.push(Given { key: key.to_owned(), raw: raw(value), origin }),
        }
    }

    fn origin(&self, at: usize) -> Origin {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Origin::File(self.path.clone(), line)
    }
}

fn is_table(value: &Spanned<DeValue<'_>>) -> bool {
    matches!(value.get_ref(), DeValue::Table(_))
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::String(text.to_string()),
        DeValue::Boolean(value) => Raw::Boolean(*value),
        DeValue::Integer(value) => {
            let digits = value.as_str();
            i64::from_str_radix(digits, value.radix())
                .map_or_else(|_| Raw::Other(digits.to_owned()), Raw::Integer)
        }
        DeValue::Float(value) => {
            let digits = value.as_str();
            digits.parse().map_or_else(|_| Raw::Other(digits.to_owned()), Raw::Float)
        }
        DeValue::Datetime(value) => Raw::Other(value.to_string()),
        DeValue::Array(array) => Raw::List(array.iter().map(|it| raw(it.get_ref())).collect()),
        DeValue::Table(_) => Raw::Table,
    }
}

fn join(place: &str, name: &str) -> String {
    let is_plain = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    // What stands in quotes is no key of ours, and is shown as it was written.
    let name = if is_plain { name.to_owned() } else { format!("{name:?}") };
    if place.is_empty() { name } else { format!("{place}.{name}") }
}
