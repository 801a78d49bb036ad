//! Pages that were damaged when they were read. Only a server with checksums notices.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::counted;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("damaged_pages").weight(50).limit("0").data_loss();
    let Some(damaged) = facts.server.damaged_pages else {
        let text = "the server keeps no checksums of its pages: pg_checksums --enable adds them \
                    while it is stopped";
        return check.found(Severity::Unknown, text);
    };
    let check =
        check.value(counted(usize::try_from(damaged).unwrap_or(usize::MAX), "page", "pages"));
    if damaged == 0 {
        return check.found(Severity::Ok, "no page was damaged when it was read");
    }
    check
        .found(
            Severity::Critical,
            "pages did not have the checksum that they were written with: the disk, its driver or \
             the memory damages them",
        )
        .cure("take a copy of all files before anything else, and have the disk checked")
        .cure("pg_amcheck finds what is damaged; restore it from a backup that is sound")
}
