//! `forebay health`: what is wrong with a database, how grave it is, and what to do. It only looks.

use std::fmt::Write as _;

use anyhow::Result;
use forebay::{Builder, Health, HealthCheck, HealthOptions, HealthStatus, Severity};
use serde_json::json;

use crate::args::HealthArgs;
use crate::exit::Exit;
use crate::login::with_password;
use crate::output;

pub(crate) async fn health(args: &HealthArgs) -> Result<Exit> {
    let url = with_password(&args.url)?;
    let db = Builder::new(url).read_only(true).create(false).cache(false).open().await?;
    let options = HealthOptions::new().of_file().deep(args.deep);
    let options = args.expect_index.iter().fold(options, HealthOptions::expect_index);
    let options = match &args.migrations {
        Some(directory) => options.expect_migrations(directory),
        None => options,
    };
    let health = db.health_with(options).await;
    db.close().await;
    let health = health?;
    if args.json {
        output::print_json(&as_json(&health))?;
    } else {
        output::print(&page(&health))?;
    }
    Ok(match health.status {
        HealthStatus::Healthy => Exit::Done,
        HealthStatus::Degraded => Exit::Degraded,
        HealthStatus::Critical => Exit::Critical,
    })
}

/// What was found first, then one line for what was looked at besides.
fn page(health: &Health) -> String {
    let mut page = format!(
        "{}: score {:.2}, confidence {:.2}, {} checks\n",
        health.status,
        health.score,
        health.confidence,
        health.checks.len()
    );
    let is_found = |check: &&HealthCheck| check.severity > Severity::Unknown;
    for check in health.checks.iter().filter(is_found) {
        let _ = writeln!(
            page,
            "\n{:<8}  {}: {}{}",
            check.severity,
            check.name,
            check.value,
            limit(check)
        );
        let _ = writeln!(page, "          {}", check.message);
        for step in &check.cure {
            let _ = writeln!(page, "          -> {step}");
        }
    }
    page.push('\n');
    let rest = health.checks.iter().filter(|check| !is_found(check));
    let width = |of: fn(&HealthCheck) -> &str| {
        rest.clone().map(|check| of(check).chars().count()).max().unwrap_or(0)
    };
    let (name, value) = (width(|it| &it.name), width(|it| &it.value));
    for check in rest {
        let _ = writeln!(
            page,
            "{:<8}  {:<name$}  {:<value$}  {}",
            check.severity, check.name, check.value, check.message
        );
    }
    page
}

fn limit(check: &HealthCheck) -> String {
    if check.limit.is_empty() { String::new() } else { format!(" (limit: {})", check.limit) }
}

fn as_json(health: &Health) -> serde_json::Value {
    let check = |check: &HealthCheck| {
        json!({
            "name": check.name,
            "severity": check.severity.to_string(),
            "value": check.value,
            "limit": check.limit,
            "weight": check.weight,
            "data_loss": check.is_data_loss,
            "message": check.message,
            "cure": check.cure,
        })
    };
    json!({
        "status": health.status.to_string(),
        "score": health.score,
        "confidence": health.confidence,
        "checks": health.checks.iter().map(check).collect::<Vec<_>>(),
    })
}
