//! Looks at the health of the database on a schedule, so that whoever asks is answered at once, and
//! says in the log when something changes.

use std::time::Duration;

use forebay::{Db, Health, HealthCheck, HealthOptions, HealthStatus, Result, Severity};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// More requests than this that wait mean that no worker keeps up.
const WAITING_MAX: u64 = 1_000;

/// Begins to look, every `period`. The latest report is in the receiver.
pub(crate) async fn begin(db: Db, period: Duration) -> Result<watch::Receiver<Health>> {
    let (latest, receiver) = watch::channel(look(&db).await?);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        // Ends when nobody reads the reports any more.
        while !latest.is_closed() {
            ticks.tick().await;
            let found = look(&db).await.unwrap_or_else(|error| unreadable(&error));
            let (was, is) = (latest.borrow().status, found.status);
            match is {
                HealthStatus::Healthy if was != is => tracing::info!("healthy again"),
                _ if was != is => tracing::warn!("{was} before, {is} now: see /health"),
                _ => {}
            }
            latest.send_replace(found);
        }
    });
    Ok(receiver)
}

async fn look(db: &Db) -> Result<Health> {
    let options = HealthOptions::new().expect_migrations(forebay::migrations!("reader/migrations"));
    let health = db.health_with(options).await?;
    let sql = "SELECT count(*) FROM requests WHERE status = 'waiting'";
    let waiting: u64 = db.query(sql).scalar().await?;
    let queue = HealthCheck::new("queue").value(waiting).limit(WAITING_MAX);
    let queue = match waiting {
        0..=WAITING_MAX => queue.found(Severity::Ok, "requests are taken as they come"),
        _ => queue.found(Severity::Warning, "requests wait").cure("start another worker"),
    };
    Ok(health.and([queue]))
}

/// The report when there can be none.
fn unreadable(error: &forebay::Error) -> Health {
    tracing::error!(%error, "the health of the database cannot be looked at");
    let check = HealthCheck::new("database").found(Severity::Critical, "it cannot be read");
    let none =
        Health { status: HealthStatus::Healthy, score: 0.0, confidence: 0.0, checks: vec![] };
    none.and([check])
}
