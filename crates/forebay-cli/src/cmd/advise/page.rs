//! Advice as a page for people: what saves most first, each with what was measured.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use forebay::{Advice, Effect, Finding, Measured};
use indicatif::HumanBytes;

/// Statements that are shown of one finding.
const EFFECTS_MAX: usize = 5;

/// What is not advised and shown, unless all is asked for.
const REFUSED_MAX: usize = 10;

/// Columns that a line of prose has at most.
const WIDTH: usize = 96;

pub(super) fn page(advice: &Advice, is_all: bool, unit: &str) -> String {
    let looked = format!(
        "{} looked at, {} tried",
        counted(advice.queries, "statement"),
        counted(advice.candidates, "index")
    );
    let mut page = match advice.findings.len() {
        0 => format!("nothing to be done: {looked}, and none is worth having\n"),
        count => format!("{}: {looked}\n", counted(count, "finding")),
    };
    for (number, it) in advice.findings.iter().enumerate() {
        page.push('\n');
        finding(number + 1, it, advice.period, unit, &mut page);
    }
    refused(advice, is_all, &mut page);
    page
}

fn finding(
    number: usize,
    finding: &Finding,
    period: Option<Duration>,
    unit: &str,
    page: &mut String,
) {
    let mut head = format!("{number}. {}", finding.kind);
    if !finding.table.is_empty() {
        let _ = write!(head, " on {}", finding.table);
    }
    if finding.saved > Duration::ZERO {
        let calls: u64 = finding.effects.iter().map(|it| it.calls).sum();
        let _ = write!(head, ": saves {}", saved(finding.saved, calls, period));
    }
    if !finding.is_proven {
        head.push_str(" (estimated, not proven)");
    }
    let _ = writeln!(page, "{head}");
    wrapped("   ", &finding.message, page);
    for sql in &finding.apply {
        let _ = writeln!(page, "     {}", ended(sql));
    }
    for word in &finding.advice {
        wrapped("   -> ", word, page);
    }
    let mut effects: Vec<&Effect> = finding.effects.iter().collect();
    effects.sort_by_key(|it| std::cmp::Reverse(it.before.time.saturating_mul(calls(it))));
    for it in effects.iter().take(EFFECTS_MAX) {
        effect(it, unit, page);
    }
    if effects.len() > EFFECTS_MAX {
        let _ = writeln!(page, "   and {} more", counted(effects.len() - EFFECTS_MAX, "statement"));
    }
    let mut costs = Vec::new();
    if finding.bytes > 0 {
        let verb =
            if finding.apply.iter().any(|it| it.starts_with("DROP")) { "frees" } else { "takes" };
        costs.push(format!("{verb} {}", HumanBytes(finding.bytes)));
    }
    if let Some(cost) = finding.write_cost.filter(|cost| cost.per_row > Duration::ZERO) {
        let rows = match cost.rows {
            0 => "the workload writes none".to_owned(),
            rows => format!("the workload writes {rows}"),
        };
        costs.push(format!("writing a row takes {} longer ({rows})", time(cost.per_row)));
    }
    if !costs.is_empty() {
        wrapped("   ", &costs.join("; "), page);
    }
    // That of triggers takes a page; `--apply` prints it.
    if (1..=2).contains(&finding.undo.len()) {
        let undo: Vec<Cow<'_, str>> = finding.undo.iter().map(|sql| ended(sql)).collect();
        let _ = writeln!(page, "   undo: {}", undo.join(" "));
    }
}

/// A statement as it may be pasted into a shell of the database.
fn ended(sql: &str) -> Cow<'_, str> {
    if sql.ends_with(';') { sql.into() } else { format!("{sql};").into() }
}

fn effect(effect: &Effect, unit: &str, page: &mut String) {
    let _ = writeln!(page, "   {}", cut(&effect.text, WIDTH - 3));
    let (before, after) = (effect.before, effect.after);
    let factor = before.work / after.work.max(1.0);
    // Of a run that was ended nobody knows what it would have read.
    let work = match before.is_more || after.is_more {
        true => String::new(),
        false => format!(
            ", {} -> {} {unit}{}",
            grouped(before.work),
            grouped(after.work),
            if factor >= 1.5 { format!(" ({factor:.0} times fewer)") } else { String::new() }
        ),
    };
    let _ = writeln!(
        page,
        "     {}: {} -> {}{work}",
        counted_calls(effect.calls),
        measured(before),
        measured(after),
    );
    let is_same = effect.plan_before == effect.plan_after;
    let plans = [("was", &effect.plan_before), ("now", &effect.plan_after)];
    for (head, plan) in plans.into_iter().filter(|_| !is_same) {
        if !plan.is_empty() {
            wrapped(&format!("     {head}: "), &plan.join("; "), page);
        }
    }
}

fn refused(advice: &Advice, is_all: bool, page: &mut String) {
    if advice.refused.is_empty() {
        return;
    }
    let max = if is_all { usize::MAX } else { REFUSED_MAX };
    let is_index = |text: &str| text.starts_with("CREATE INDEX");
    let mut refused: Vec<_> = advice.refused.iter().collect();
    // That a statement could not be looked at is worth knowing more than that an index is no good.
    refused.sort_by_key(|it| is_index(&it.candidate));
    let _ = writeln!(page, "\nnot advised:");
    for it in refused.iter().take(max) {
        let _ = writeln!(page, "   {}", cut(&it.candidate, WIDTH - 3));
        wrapped("     ", &it.reason, page);
    }
    if refused.len() > max {
        let _ = writeln!(page, "   and {} more (--all names them)", refused.len() - max);
    }
}

fn saved(time_saved: Duration, calls: u64, period: Option<Duration>) -> String {
    match period.filter(|period| !period.is_zero()) {
        Some(period) => {
            let hourly = time_saved.as_secs_f64() * 3_600.0 / period.as_secs_f64();
            let hourly = Duration::try_from_secs_f64(hourly).unwrap_or_default();
            format!("{} an hour", time(hourly))
        }
        None => format!("{} in {}", time(time_saved), counted_calls(calls)),
    }
}

fn measured(it: Measured) -> String {
    if it.is_more { format!("more than {}", time(it.time)) } else { time(it.time) }
}

fn calls(effect: &Effect) -> u32 {
    u32::try_from(effect.calls).unwrap_or(u32::MAX)
}

fn counted_calls(calls: u64) -> String {
    if calls == 1 { "1 call".to_owned() } else { format!("{} calls", grouped(calls as f64)) }
}

fn counted(count: usize, what: &str) -> String {
    match (count, what) {
        (1, _) => format!("1 {what}"),
        (_, "index") => format!("{count} indexes"),
        _ => format!("{count} {what}s"),
    }
}

/// A time with three digits that mean something.
fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s >= 100.0 => format!("{s:.0} s"),
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 0.1 => format!("{:.0} ms", s * 1e3),
        s if s >= 1e-3 => format!("{:.1} ms", s * 1e3),
        s if s >= 1e-5 => format!("{:.0} µs", s * 1e6),
        s => format!("{:.1} µs", s * 1e6),
    }
}

/// A whole number with its thousands apart.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A text on one line.
fn cut(text: &str, width: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= width {
        return line;
    }
    let mut short: String = line.chars().take(width - 1).collect();
    short.push('…');
    short
}

/// Words in lines, the first behind `head`, the others as far in.
fn wrapped(head: &str, text: &str, page: &mut String) {
    let mut line = head.to_owned();
    let indent = " ".repeat(head.chars().count());
    let mut is_begun = false;
    for word in text.split_whitespace() {
        if is_begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(page, "{line}");
            line.clone_from(&indent);
            is_begun = false;
        }
        if is_begun {
            line.push(' ');
        }
        line.push_str(word);
        is_begun = true;
    }
    let _ = writeln!(page, "{line}");
}
