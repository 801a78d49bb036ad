//! Replication slots: the server keeps its log for as long as one has not read it.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::{bytes, counted};

/// Bytes kept from which on it is a warning, and from which on the disk is in danger.
const WARNING: u64 = 1 << 30;
const CRITICAL: u64 = 20 << 30;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("replication_slots").weight(40).limit(bytes(WARNING));
    let Some(slots) = &facts.slots else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    if let Some(lost) = facts.server.lost_slots.as_deref().filter(|lost| !lost.is_empty()) {
        let text = "what they need of the log is not kept any more: whoever reads these slots has \
                    to be built anew";
        return check
            .value(counted(lost.len(), "slot lost", "slots lost"))
            .found(Severity::Warning, format!("{text}: {}", lost.join(", ")))
            .cure("build the standby or the subscription anew")
            .cure("SELECT pg_drop_replication_slot('NAME');")
            .cure("raise max_slot_wal_keep_size, if there is space");
    }
    let Some((name, is_followed, kept)) = slots.first() else {
        return check.value("none").found(Severity::Ok, "no slot keeps any log");
    };
    let check = check.value(bytes(*kept));
    if *kept < WARNING {
        return check.found(Severity::Ok, "slots are read as the log is written");
    }
    let severity = if *kept < CRITICAL { Severity::Warning } else { Severity::Critical };
    let who = if *is_followed { "whoever reads it is behind" } else { "nobody reads it" };
    check
        .found(
            severity,
            format!("the log is kept for the slot {name}, until the disk is full: {who}"),
        )
        .cure("start whatever reads it, or: SELECT pg_drop_replication_slot('NAME');")
        .cure("max_slot_wal_keep_size bounds what a slot may keep")
}
