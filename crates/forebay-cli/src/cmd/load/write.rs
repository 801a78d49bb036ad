//! Batches of rows into the table, within a transaction. Where rejects are kept, a batch that fails
//! is taken apart until the row to blame is found.

use anyhow::Result;
use forebay::{Error, Transaction};

use super::lines::Batch;
use super::reject::{Reject, Rejects};

/// Writes a batch: how many of its rows are in the table.
pub(super) async fn write(
    tx: &Transaction,
    table: &str,
    batch: Batch,
    rejects: &mut Rejects,
) -> Result<u64> {
    for reject in &batch.rejects {
        rejects.take(reject)?;
    }
    let mut written = 0;
    let mut parts: Vec<_> = std::iter::once(0..batch.rows.len()).collect();
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        let rows = &batch.rows[part.clone()];
        let bulk = tx.bulk(table).columns(&batch.columns[..]).chunk_rows(rows.len());
        let error = match bulk.insert(rows).await {
            Ok(report) => {
                written += report.affected;
                continue;
            }
            Err(error) => error,
        };
        if !is_of_a_row(&error) {
            return Err(error.into());
        }
        let row = error.row().and_then(|row| usize::try_from(row).ok()).map(|row| part.start + row);
        let row = row.filter(|row| part.contains(row)).or((part.len() == 1).then_some(part.start));
        match row {
            Some(row) => {
                let (line, reason) = (batch.lines[row], reason(&error));
                rejects.take(&Reject { line, reason })?;
                // The last is taken first.
                parts.push(row + 1..part.end);
                parts.push(part.start..row);
            }
            None if rejects.are_kept() => {
                let middle = part.start + part.len() / 2;
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            }
            None => {
                let (first, last) = (batch.lines[part.start], batch.lines[part.end - 1]);
                anyhow::bail!(
                    "lines {first} to {last}: {}; nothing was loaded (--rejects FILE finds the \
                     line, and loads the other rows)",
                    reason(&error)
                );
            }
        }
    }
    Ok(written)
}

/// Whether another row in its place might have been written.
fn is_of_a_row(error: &Error) -> bool {
    // Class 22: what the server cannot read as the type of the column.
    let is_unreadable = error.code().is_some_and(|code| code.starts_with("22"));
    let has_row = error.row().is_some() && error.is_usage();
    error.is_constraint_violation() || is_unreadable || has_row || error.is_too_large()
}

/// The text without the number of the row, which counts from the beginning of the batch.
fn reason(error: &Error) -> String {
    let text = error.message();
    match text.split_once(": ") {
        Some((place, rest)) if place.starts_with("row") => match place.split_once(", ") {
            Some((_, column)) => format!("{column}: {rest}"),
            None => rest.to_owned(),
        },
        _ => text.to_owned(),
    }
}
