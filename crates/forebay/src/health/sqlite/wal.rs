//! The size of the write-ahead log. It grows while somebody reads an old state of the database:
//! what was written since then cannot be copied back into the file.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::bytes;
use crate::health::sqlite::facts;
use crate::stats::Holder;

/// Bytes from which on it is a warning: sixteen times what SQLite lets it grow to by itself.
const WARNING: u64 = 64 << 20;

/// Bytes from which on it is critical, unless the database is much larger.
const CRITICAL: u64 = 1 << 30;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("wal").weight(30).limit(bytes(WARNING));
    let Some(size) = facts.wal_bytes else {
        return check.value(bytes(0)).found(Severity::Ok, "there is no write-ahead log now");
    };
    let check = check.value(bytes(size));
    if size < WARNING {
        return check.found(Severity::Ok, "what was written is copied back into the file in time");
    }
    let is_critical = size >= CRITICAL && facts.bytes().is_none_or(|all| size > all / 2);
    let severity = if is_critical { Severity::Critical } else { Severity::Warning };
    let holder = longest(facts).map(|it| {
        let statement = it.statement.as_deref().unwrap_or("a transaction");
        format!(
            " Of this handle, {} has held a connection for {:.0?}: {statement}.",
            it.caller, it.held
        )
    });
    let text = format!(
        "the log is not copied back into the file: a reader holds on to an old state, or no \
         checkpoint comes through; reads become slower, and the space is not given back.{}",
        holder.unwrap_or_default()
    );
    check
        .found(severity, text)
        .cure("find the connection with a statement or transaction open for long, and end it")
        .cure("PRAGMA wal_checkpoint(TRUNCATE); -- then its answer has to be 0|0|0")
}

/// Who has held a connection of this handle longest, if for longer than a statement takes.
fn longest(facts: &facts::Facts) -> Option<&Holder> {
    let pools = [&facts.stats.readers, &facts.stats.sessions, &facts.stats.writer];
    let holders = pools.into_iter().filter_map(|pool| pool.longest_holder.as_ref());
    holders.max_by_key(|it| it.held).filter(|it| it.held.as_secs() >= 10)
}
