//! Whether an answer from the cache and the database's own are the same, as far as the statement
//! determines its answer: as multisets of rows, without what ties, float sums and the like leave
//! open. It only compares; whether the comparison is fair is for the caller to know.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

use crate::row::Rows;
use crate::sql::{Agreement, Determined, Extent};
use crate::value::Value;
use crate::watch::Compared;

/// Compares the answer that was kept with the one that was read.
pub(super) fn compare(determined: Option<&Determined>, kept: &Rows, read: &Rows) -> Compared {
    if kept == read {
        return Compared::Equal;
    }
    if kept.columns() != read.columns() {
        return Compared::Different;
    }
    let Some(determined) = determined else { return Compared::Undetermined };
    let Some(columns) = determined.columns(kept.columns().len()) else {
        return Compared::Undetermined;
    };
    if kept.len() != read.len() {
        return Compared::Different;
    }
    let is_same = match determined.extent {
        Extent::All => canonical(kept, &columns, None) == canonical(read, &columns, None),
        Extent::Page { by: Some(by), has_offset } if columns.get(by) >= Some(&Agreement::Alike) => {
            let [kept_ends, read_ends] = [kept, read].map(|rows| ends(rows, by, has_offset));
            kept_ends == read_ends
                && canonical(kept, &columns, Some((by, &kept_ends)))
                    == canonical(read, &columns, Some((by, &read_ends)))
        }
        Extent::Page { .. } => return Compared::Undetermined,
    };
    match is_same {
        true if columns.iter().all(|it| *it == Agreement::Free) => Compared::Undetermined,
        true => Compared::Equal,
        false => Compared::Different,
    }
}

/// A number for a multiset of rows: equal multisets have the same.
pub(super) fn digest(rows: &Rows) -> u64 {
    let hasher = FixedState::with_seed(rows.len() as u64);
    let row = |index: usize| hasher.hash_one(rows.values(index));
    (0..rows.len()).map(row).fold(0, u64::wrapping_add)
}

/// The keys in column `by` with which rows outside of the page may be tied.
fn ends(rows: &Rows, by: usize, has_offset: bool) -> Vec<Vec<u8>> {
    let last = rows.len().checked_sub(1);
    let first = last.filter(|_| has_offset).map(|_| 0);
    first.into_iter().chain(last).map(|index| key(rows, index, by)).collect()
}

fn key(rows: &Rows, index: usize, by: usize) -> Vec<u8> {
    let mut key = Vec::new();
    write(&rows.values(index)[by], Agreement::Alike, &mut key);
    key
}

/// The rows in a form whose equality is that of multisets, without those tied at the ends.
fn canonical(
    rows: &Rows,
    columns: &[Agreement],
    page: Option<(usize, &[Vec<u8>])>,
) -> Vec<Vec<u8>> {
    let is_tied =
        |index: usize| page.is_some_and(|(by, ends)| ends.contains(&key(rows, index, by)));
    let row = |index: usize| {
        let mut form = Vec::new();
        for (value, agreement) in rows.values(index).iter().zip(columns) {
            write(value, *agreement, &mut form);
        }
        form
    };
    let mut forms: Vec<Vec<u8>> =
        (0..rows.len()).filter(|index| !is_tied(*index)).map(row).collect();
    forms.sort_unstable();
    forms
}

/// Appends a form of a value that is the same for all values that agree with it.
fn write(value: &Value, agreement: Agreement, to: &mut Vec<u8>) {
    const FREE: u8 = 9;
    let mut put = |kind: u8, bytes: &[u8]| {
        to.push(kind);
        to.extend((bytes.len() as u64).to_le_bytes());
        to.extend(bytes);
    };
    match (agreement, value) {
        (Agreement::Free, _) | (Agreement::ButFloats, Value::Real(_)) => to.push(FREE),
        (_, Value::Null) => to.push(0),
        (Agreement::Alike, Value::Integer(n)) => put(2, &(*n as f64).to_bits().to_le_bytes()),
        // Adding zero makes one of the two zeros.
        (Agreement::Alike, Value::Real(x)) => put(2, &(x + 0.0).to_bits().to_le_bytes()),
        (Agreement::Alike, Value::Text(text)) => put(3, &folded(text)),
        (_, Value::Integer(n)) => put(1, &n.to_le_bytes()),
        (_, Value::Real(x)) => put(2, &x.to_bits().to_le_bytes()),
        (_, Value::Text(text)) => put(3, text.as_bytes()),
        (_, Value::Blob(blob)) => put(4, blob),
    }
}

/// What NOCASE and RTRIM together leave of a text; NOCASE does not look beyond a NUL byte.
fn folded(text: &str) -> Vec<u8> {
    let seen = text.split('\0').next().unwrap_or_default();
    seen.trim_end_matches(' ').bytes().map(|byte| byte.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests;
