//! Triggers that do not fire: of foreign keys, and others.

use super::facts::Facts;
use super::listed::{Words, listed};
use crate::health::report::{HealthCheck, Severity};

/// Foreign keys are looked at by triggers of their own.
pub(super) fn enforced(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("foreign_keys").weight(30);
    let role = facts.settings.get("session_replication_role").map(String::as_str);
    if role == Some("replica") {
        return check
            .value("session_replication_role replica")
            .limit("0")
            .found(
                Severity::Warning,
                "sessions write as a replica does: foreign keys are not looked at, and triggers \
                 do not fire",
            )
            .cure("ALTER SYSTEM RESET session_replication_role; SELECT pg_reload_conf();")
            .cure("or ALTER DATABASE, ALTER ROLE … RESET session_replication_role;");
    }
    let words = Words {
        one: "table",
        many: "tables",
        fine: "every foreign key is looked at",
        text: "the triggers of foreign keys are disabled, so that rows may refer to what is not \
               there; look for such rows once they are enabled again. Tables",
    };
    listed(check, &facts.objects.unenforced, Severity::Warning, &words)
}

pub(super) fn silent(facts: &Facts) -> HealthCheck {
    let words = Words {
        one: "trigger",
        many: "triggers",
        fine: "every trigger fires",
        text: "what these triggers are there for is not done",
    };
    let check = HealthCheck::new("disabled_triggers").weight(10);
    listed(check, &facts.objects.silent_triggers, Severity::Notice, &words)
}
