//! What is said of a plan and of a database, as text and as JSON. It asks and does nothing.

use std::collections::BTreeMap;
use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use forebay::{Followed, SetupFinding, SetupPlan, SetupStatus, SetupTable};
use serde_json::{Value, json};

use crate::quantity::{brief_size, grouped};

/// Names of tables that are shown after a reason; what is beyond is counted.
const NAMES_SHOWN: usize = 10;

/// Ways of following, with what they mean.
const WAYS: [(Followed, &str); 4] = [
    (Followed::Rows, "each change is told with the row before and after it"),
    (Followed::Keys, "each change is told with the row after it, and of the one before its key"),
    (Followed::Whole, "it is told that something has changed: answers that rest on it are dropped"),
    (Followed::Never, "changes are not told: answers that rest on it are not cached"),
];

/// A plan for a database.
pub(super) struct Page<'a> {
    /// The URL without a password.
    pub(super) database: &'a str,
    pub(super) is_undo: bool,
    pub(super) plan: &'a SetupPlan,
}

impl Page<'_> {
    /// The plan as text.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", self.database);
        if !self.is_undo {
            text += &tables(&self.plan.tables, true);
        }
        text += &findings(&self.plan.findings);
        let steps = &self.plan.steps;
        match (steps.len(), self.is_undo) {
            (0, true) => text += "\nThere is nothing that setup made.\n",
            (count, _) => {
                let _ = writeln!(text, "\n{} steps, each in a transaction of its own:", count);
            }
        }
        for (index, step) in steps.iter().enumerate() {
            let _ = writeln!(text, "\n-- {}. {}", index + 1, plain(&step.about));
            let _ = writeln!(text, "{};", plain(&step.sql));
        }
        text
    }

    /// The plan as one JSON object, with how many of its steps are done and how it is then.
    pub(super) fn json(&self, done: usize, status: Option<&SetupStatus>) -> Value {
        let steps = self.plan.steps.iter().enumerate().map(
            |(index, step)| json!({ "about": step.about, "sql": step.sql, "done": index < done }),
        );
        json!({
            "database": self.database,
            "findings": findings_json(&self.plan.findings),
            "tables": tables_json(&self.plan.tables),
            "steps": steps.collect::<Vec<_>>(),
            "after": status.map(|status| json!({
                "findings": findings_json(&status.findings),
                "tables": tables_json(&status.tables),
            })),
        })
    }
}

/// How a database is, as text.
pub(super) fn status(database: &str, status: &SetupStatus) -> String {
    let mut text = format!("{database}\n{}", tables(&status.tables, false));
    text += &findings(&status.findings);
    if faults(&status.findings).is_empty() {
        text += "\nThe database is prepared.\n";
    }
    text
}

/// The same as one JSON object.
pub(super) fn status_json(database: &str, status: &SetupStatus) -> Value {
    json!({
        "database": database,
        "findings": findings_json(&status.findings),
        "tables": tables_json(&status.tables),
    })
}

/// What has come of it, once all steps are done.
pub(super) fn result(is_undo: bool, status: &SetupStatus) -> String {
    let mut text = findings(&status.findings);
    if !faults(&status.findings).is_empty() {
        return text;
    }
    if is_undo {
        text += "Everything that setup made is removed.";
        return text;
    }
    let is_followed = |table: &&SetupTable| table.is_published && table.partition_of.is_none();
    let count = |followed| {
        let of_it = status.tables.iter().filter(is_followed);
        grouped(of_it.filter(|table| table.followed == followed).count() as u64)
    };
    let _ = write!(
        text,
        "The database is prepared. Tables followed by rows: {}, by keys: {}.",
        count(Followed::Rows),
        count(Followed::Keys)
    );
    text
}

/// The texts of the faults.
pub(super) fn faults(findings: &[SetupFinding]) -> Vec<String> {
    let faults = findings.iter().filter(|finding| finding.is_fault);
    faults.map(|finding| plain(&finding.text)).collect()
}

/// Text of the database as it may be written to a terminal: a name may hold what moves its cursor.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => plain.push('\n'),
            _ if character.is_control() => plain.extend(character.escape_default()),
            _ => plain.push(character),
        }
    }
    plain
}

fn findings(findings: &[SetupFinding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let word = if finding.is_fault { "FAULT " } else { "notice" };
        let _ = writeln!(text, "{word} {}", plain(&finding.text));
    }
    text
}

/// The tables with their ways, partitions counted with the table they belong to, and in a plan what
/// becomes of their identity; then what the words mean, and why some are not followed row by row.
fn tables(tables: &[SetupTable], is_plan: bool) -> String {
    if tables.is_empty() {
        return "There are no tables.\n".to_owned();
    }
    let mut partitions: BTreeMap<&str, Vec<&SetupTable>> = BTreeMap::new();
    for table in tables {
        if let Some(root) = &table.partition_of {
            partitions.entry(root).or_default().push(table);
        }
    }
    let mut shown = Table::new();
    shown.load_style(presets::UTF8_FULL_CONDENSED);
    shown.set_content_arrangement(ContentArrangement::Disabled);
    let mut header = vec!["table", "owner", "size", "followed", "published"];
    if is_plan {
        header[4] = "published now";
        header.push("identity");
    }
    shown.set_header(header);
    for table in tables.iter().filter(|table| table.partition_of.is_none()) {
        let name = format!("{}.{}", table.schema, table.name);
        let parts = partitions.get(name.as_str()).map_or(&[][..], Vec::as_slice);
        let bytes = table.bytes + parts.iter().map(|part| part.bytes).sum::<u64>();
        let sets_full = table.sets_full || parts.iter().any(|part| part.sets_full);
        let counted = match parts.len() {
            0 => String::new(),
            1 => " (1 partition)".to_owned(),
            count => format!(" ({} partitions)", grouped(count as u64)),
        };
        let mut row = vec![
            line(&name) + &counted,
            line(&table.owner),
            brief_size(bytes),
            table.followed.to_string(),
            if table.is_published { "yes" } else { "no" }.to_owned(),
        ];
        if is_plan {
            row.push(if sets_full { "becomes FULL" } else { "stays" }.to_owned());
        }
        shown.add_row(row);
    }
    if let Some(column) = shown.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{shown}\n{}{}", words(tables), reasons(tables))
}

/// What the words of the table mean, those that are in it.
fn words(tables: &[SetupTable]) -> String {
    let mut text = String::new();
    for (way, means) in WAYS {
        if tables.iter().any(|table| table.followed == way) {
            let _ = writeln!(text, "{way:<6} {means}", way = way.to_string());
        }
    }
    text
}

/// Each reason with its tables, of partitions those they belong to.
fn reasons(tables: &[SetupTable]) -> String {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for table in tables.iter().filter(|table| table.partition_of.is_none()) {
        if let Some(why) = table.why {
            let name = line(&format!("{}.{}", table.schema, table.name));
            by_reason.entry(why).or_default().push(name);
        }
    }
    let mut text = String::new();
    for (why, names) in by_reason {
        let mut list = names.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
        if names.len() > NAMES_SHOWN {
            let _ = write!(list, " and {} more", grouped((names.len() - NAMES_SHOWN) as u64));
        }
        let _ = writeln!(text, "{list}: {why}");
    }
    text
}

/// A name on one line.
fn line(name: &str) -> String {
    plain(name).replace('\n', "\\n")
}

fn findings_json(findings: &[SetupFinding]) -> Value {
    let finding = |finding: &SetupFinding| {
        let kind = if finding.is_fault { "fault" } else { "notice" };
        json!({ "kind": kind, "text": finding.text })
    };
    findings.iter().map(finding).collect()
}

fn tables_json(tables: &[SetupTable]) -> Value {
    let table = |table: &SetupTable| {
        json!({
            "schema": table.schema,
            "name": table.name,
            "owner": table.owner,
            "bytes": table.bytes,
            "partition_of": table.partition_of,
            "followed": table.followed.to_string(),
            "why": table.why,
            "sets_full": table.sets_full,
            "is_published": table.is_published,
        })
    };
    tables.iter().map(table).collect()
}
