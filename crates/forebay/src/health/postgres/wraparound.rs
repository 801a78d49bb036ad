//! How near the server is to the end of its transaction numbers: at the end it takes no writes.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

/// Transactions after which nothing can be told from what is to come.
const ALL: u64 = 1 << 31;

/// The share that is used from which on autovacuum has not kept up, in percent; from the later ones
/// on writes are about to be refused.
const WARNING: u64 = 40;
const CRITICAL: u64 = 75;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("wraparound").weight(100).limit(format_args!("{WARNING} %"));
    let Some(age) = facts.age else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    let share = age * 100 / ALL;
    let check = check.value(format_args!("{share} %"));
    if share < WARNING {
        return check.found(Severity::Ok, "old rows are frozen in time");
    }
    let severity = if share < CRITICAL { Severity::Warning } else { Severity::Critical };
    let check = if severity == Severity::Critical { check.data_loss() } else { check };
    check
        .found(
            severity,
            "old rows are not frozen, and the server takes no writes once its transaction numbers \
             are used up: vacuum does not keep up, or a transaction, a slot or a prepared \
             transaction holds it back",
        )
        .cure("VACUUM (FREEZE); -- in the database with the largest age(datfrozenxid)")
        .cure(
            "end what holds it back: the oldest of pg_stat_activity, pg_replication_slots, \
             pg_prepared_xacts",
        )
}
