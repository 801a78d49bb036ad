//! Subscriptions to other servers of which nothing arrives.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::counted;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("subscriptions").weight(20).limit("0");
    let Some(stopped) = &facts.objects.stopped else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    let check = check.value(counted(stopped.len(), "subscription", "subscriptions"));
    if stopped.is_empty() {
        return check.found(Severity::Ok, "every subscription is followed");
    }
    let named = stopped.iter().map(|(name, is_off)| match is_off {
        0 => format!("{name} (its worker does not run)"),
        _ => format!("{name} (disabled)"),
    });
    let named: Vec<String> = named.collect();
    let text = format!(
        "the tables grow apart from those of the publisher, which keeps its log meanwhile: {}",
        named.join(", ")
    );
    check
        .found(Severity::Warning, text)
        .cure("look in the server's log for why it stopped: a conflict, or no way to the publisher")
        .cure("ALTER SUBSCRIPTION … ENABLE; or DROP SUBSCRIPTION, if nobody needs it")
}
