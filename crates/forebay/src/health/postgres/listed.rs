//! A finding about objects that are named, each with the statement that mends it.

use super::objects::Mended;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::counted;

/// Objects that are named, and mended.
const NAMED_MAX: usize = 10;

/// What a check says of its objects.
pub(super) struct Words {
    /// What one of them is called, and several.
    pub(super) one: &'static str,
    pub(super) many: &'static str,
    /// What is true when there are none.
    pub(super) fine: &'static str,
    /// What it means that there are some, before their names.
    pub(super) text: &'static str,
}

pub(super) fn listed(
    check: HealthCheck,
    found: &Mended,
    severity: Severity,
    words: &Words,
) -> HealthCheck {
    let check = check.limit("0");
    let Some(found) = found else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    let check = check.value(counted(found.len(), words.one, words.many));
    if found.is_empty() {
        return check.found(Severity::Ok, words.fine);
    }
    let more = match found.len().saturating_sub(NAMED_MAX) {
        0 => "",
        _ => " and more",
    };
    let named = found.iter().take(NAMED_MAX);
    let names: Vec<&str> = named.clone().map(|(name, _)| name.as_str()).collect();
    let text = format!("{}: {}{more}", words.text, names.join(", "));
    named.fold(check.found(severity, text), |check, (_, cure)| check.cure(cure))
}
