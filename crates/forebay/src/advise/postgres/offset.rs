//! Statements that leave out many rows before the first that they show: each page costs as much as
//! all before it. What they would cost from the first row on is measured.

use std::collections::BTreeMap;
use std::time::Duration;

use super::measure::{Taken, taken};
use super::prove::shortened;
use super::report::effect;
use super::server::Server;
use super::weigh::Read;
use crate::advise::advice::{Finding, FindingKind, Refusal};
use crate::advise::offset::{DEEP, cure};
use crate::error::Result;
use crate::sql::{outer_offset, without_offset};
use crate::value::Value;

/// What is to be said of a statement.
pub(super) enum Said {
    Finding(Finding),
    Refusal(Refusal),
}

/// Looks at the offset of a statement. It is run only if `is_run` says so.
pub(super) async fn offset(server: &Server, read: &Read, is_run: bool) -> Result<Option<Said>> {
    let Some((rows, first)) = from_the_first_row(read) else { return Ok(None) };
    if !is_run {
        let reason = format!(
            "it reads {rows} rows only to leave them out, and no index helps that: ask for the \
             rows behind the last one that was shown; --prove measures what that saves"
        );
        let candidate = shortened(&read.text);
        return Ok(Some(Said::Refusal(Refusal { candidate, reason })));
    }
    let measured = server
        .rolled_back("BEGIN READ ONLY", async || {
            Ok((taken(server, read).await?, taken(server, &first).await?))
        })
        .await;
    let (before, after) = match measured {
        Ok(both) => both,
        Err(error) if server.is_gone() => return Err(error),
        Err(_) => return Ok(None),
    };
    if after.blocks > before.blocks * 0.8 && after.time_ms > before.time_ms * 0.5 {
        return Ok(None);
    }
    Ok(Some(Said::Finding(finding(read, rows, &before, &after))))
}

fn finding(read: &Read, rows: i64, before: &Taken, after: &Taken) -> Finding {
    let saved_ms = (before.time_ms - after.time_ms).max(0.0) * read.calls;
    let tables: Vec<&str> = read.tables.iter().map(|(_, name)| name.as_str()).collect();
    Finding {
        kind: FindingKind::DeepOffset,
        table: tables.join(", "),
        message: format!("a statement reads {rows} rows only to leave them out"),
        apply: Vec::new(),
        undo: Vec::new(),
        advice: cure(&read.order, read.is_order_unique),
        effects: vec![effect(read, before, after, &BTreeMap::new())],
        bytes: 0,
        write_cost: None,
        saved: Duration::from_secs_f64(saved_ms / 1_000.0),
        is_proven: true,
    }
}

/// How many rows a statement leaves out, and the statement that leaves out none.
fn from_the_first_row(read: &Read) -> Option<(i64, Read)> {
    let mut first = read.clone();
    let offset = outer_offset(&read.text)?;
    let rows = match offset.strip_prefix('$') {
        None => {
            first.text = without_offset(&read.text)?;
            offset.parse().ok()?
        }
        Some(number) => {
            let at = number.parse::<usize>().ok()?.checked_sub(1)?;
            let deep = |set: &Vec<Value>| match set.get(at)? {
                Value::Integer(rows) => Some(*rows),
                _ => None,
            };
            let most = read.sets.iter().filter_map(deep).max()?;
            for set in &mut first.sets {
                *set.get_mut(at)? = Value::Integer(0);
            }
            most
        }
    };
    (rows > DEEP).then_some((rows, first))
}
