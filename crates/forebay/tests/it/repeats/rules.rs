//! The rules by which others find repeated statements, as their sources have them, on the log of a
//! trace. Each gives the shapes that it would report.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

use super::world::Entry;

pub(super) type Rule = fn(&[Entry]) -> BTreeSet<String>;

pub(super) const RULES: &[(&str, Rule)] = &[
    ("two of one text", twice),
    ("Sentry, no time", |log| siblings(log, Duration::ZERO)),
    ("Sentry, 50 ms", |log| siblings(log, Duration::from_millis(50))),
    ("scout, 5 and 150 ms", scout),
    ("laravel, by line", laravel),
    ("prosopite, by stack", prosopite),
    ("zeal, by line of a list", zeal),
];

/// A text without its values.
pub(super) fn shape(sql: &str) -> String {
    let mut out = String::new();
    let mut in_text = false;
    let mut before = ' ';
    for next in sql.chars() {
        match next {
            '\'' => {
                in_text = !in_text;
                if !in_text {
                    out.push('?');
                }
            }
            _ if in_text => {}
            '0'..='9' if !before.is_alphanumeric() && before != '_' => out.push('?'),
            '0'..='9' if out.ends_with('?') => {}
            _ => out.push(next),
        }
        before = next;
    }
    while out.contains("?, ?") {
        out = out.replace("?, ?", "?");
    }
    out
}

fn is_query(entry: &&Entry) -> bool {
    entry.sql.starts_with("SELECT")
}

/// The shapes of groups of so many entries of one request.
fn groups<'a, K: Hash + Eq>(
    entries: impl Iterator<Item = &'a Entry>,
    key: impl Fn(&Entry) -> K,
    least: usize,
) -> BTreeSet<String> {
    let mut groups: HashMap<(u32, K), Vec<&Entry>> = HashMap::new();
    for entry in entries {
        groups.entry((entry.request, key(entry))).or_default().push(entry);
    }
    let many = groups.into_values().filter(|group| group.len() >= least);
    many.map(|group| shape(&group[0].sql)).collect()
}

fn twice(log: &[Entry]) -> BTreeSet<String> {
    groups(log.iter(), |entry| shape(&entry.sql), 2)
}

/// One query, then five or more of another shape without one between, and a time in all.
fn siblings(log: &[Entry], least: Duration) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut at = 0;
    while at < log.len() {
        let (own, request) = (shape(&log[at].sql), log[at].request);
        let run = log[at..].iter();
        let run: Vec<&Entry> =
            run.take_while(|it| it.request == request && shape(&it.sql) == own).collect();
        let has_source = at > 0 && log[at - 1].request == request;
        let took: Duration = run.iter().map(|it| it.took).sum();
        if has_source && run.len() >= 5 && took >= least {
            found.insert(own);
        }
        at += run.len();
    }
    found
}

fn scout(log: &[Entry]) -> BTreeSet<String> {
    let mut groups: HashMap<(u32, &str), (usize, Duration)> = HashMap::new();
    for entry in log {
        let group = groups.entry((entry.request, &entry.sql)).or_default();
        group.0 += 1;
        group.1 += entry.took;
    }
    let slow = groups.into_iter().filter(|(_, it)| it.0 >= 5 && it.1 >= Duration::from_millis(150));
    slow.map(|((_, sql), _)| shape(sql)).collect()
}

fn laravel(log: &[Entry]) -> BTreeSet<String> {
    groups(log.iter(), |entry| (entry.sql.clone(), entry.site), 2)
}

fn prosopite(log: &[Entry]) -> BTreeSet<String> {
    groups(log.iter().filter(is_query), |entry| (shape(&entry.sql), entry.site), 2)
}

/// Only where a list was read before.
fn zeal(log: &[Entry]) -> BTreeSet<String> {
    let is_of_list =
        |at: usize| log[..at].iter().any(|it| it.request == log[at].request && it.rows > 1);
    let of_lists = (0..log.len()).filter(|at| is_of_list(*at)).map(|at| &log[at]);
    groups(of_lists.filter(is_query), |entry| entry.site, 2)
}
