//! `forebay stats`: how large a database is, its tables and its indexes. It only looks.

use anyhow::Result;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use forebay::{Builder, DatabaseStatistics, TableStatistics};
use indicatif::HumanBytes;
use serde_json::json;

use crate::args::StatsArgs;
use crate::exit::Exit;
use crate::login::with_password;
use crate::output;

pub(crate) async fn stats(args: &StatsArgs) -> Result<Exit> {
    let url = with_password(&args.url)?;
    let db = Builder::new(url).read_only(true).create(false).cache(false).open().await?;
    let statistics = db.statistics().await;
    db.close().await;
    let statistics = statistics?;
    if args.json {
        output::print_json(&as_json(&statistics))?;
    } else {
        output::print(&page(&statistics))?;
    }
    Ok(Exit::Done)
}

fn page(statistics: &DatabaseStatistics) -> String {
    let mut head = format!("database  {}", bytes(statistics.bytes));
    if let Some(free) = statistics.free_pages {
        let free = bytes(free * statistics.page_bytes);
        head.push_str(&format!(", {free} of it free pages"));
    }
    head.push_str(&format!(", pages of {} bytes", statistics.page_bytes));
    if let Some(wal) = statistics.wal_bytes {
        head.push_str(&format!("\nlog       {}", bytes(wal)));
    }
    if statistics.tables.is_empty() {
        return format!("{head}\nno tables");
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["table, indexes", "rows", "size", "unused"]);
    for it in &statistics.tables {
        let count = it.rows.map_or("?".to_owned(), |rows| rows.to_string());
        table.add_row([it.name.clone(), count, bytes(it.bytes), unused(it)]);
        for index in &it.indexes {
            let name = format!("  {}", index.name);
            table.add_row([name, String::new(), bytes(index.bytes), String::new()]);
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{head}\n\n{table}")
}

/// The share of a table's pages that holds nothing.
fn unused(table: &TableStatistics) -> String {
    let share = |unused: u64| (unused * 100).checked_div(table.bytes).unwrap_or(0);
    table.unused_bytes.map_or_else(String::new, |unused| format!("{} %", share(unused)))
}

fn bytes(n: u64) -> String {
    HumanBytes(n).to_string()
}

fn as_json(statistics: &DatabaseStatistics) -> serde_json::Value {
    let tables = statistics.tables.iter().map(|table| {
        let indexes = table.indexes.iter().map(|it| json!({ "name": it.name, "bytes": it.bytes }));
        json!({
            "name": table.name,
            "rows": table.rows,
            "bytes": table.bytes,
            "unused_bytes": table.unused_bytes,
            "indexes": indexes.collect::<Vec<_>>(),
        })
    });
    json!({
        "bytes": statistics.bytes,
        "wal_bytes": statistics.wal_bytes,
        "page_bytes": statistics.page_bytes,
        "free_pages": statistics.free_pages,
        "tables": tables.collect::<Vec<_>>(),
    })
}
