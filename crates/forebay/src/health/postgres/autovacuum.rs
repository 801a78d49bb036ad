//! Whether somebody cleans up: autovacuum of the server, and of each large table.

use super::facts::Facts;
use super::listed::{Words, listed};
use crate::health::report::{HealthCheck, Severity};

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("autovacuum").weight(30);
    let is_off = |name: &&str| facts.settings.get(*name).is_some_and(|value| value == "off");
    if let Some(name) = ["autovacuum", "track_counts"].into_iter().find(is_off) {
        return check
            .value(format_args!("{name} off"))
            .limit("on")
            .found(
                Severity::Warning,
                "dead rows stay, tables grow, plans are made by old numbers, and rows are frozen \
                 at the last moment only",
            )
            .cure(format!("ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();"));
    }
    let words = Words {
        one: "table",
        many: "tables",
        fine: "autovacuum looks after every large table",
        text: "autovacuum is switched off for these tables of 50000 rows or more",
    };
    listed(check, &facts.objects.unvacuumed, Severity::Notice, &words)
}
