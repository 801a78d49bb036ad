//! `forebay explain`: what Forebay makes of a statement. It only looks.

use std::io::Read;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use forebay::{Builder, Explanation};
use serde_json::json;

use crate::args::ExplainArgs;
use crate::exit::Exit;
use crate::login::with_password;
use crate::output;

/// The longest statement that is read from standard input: SQLite's own limit.
const SQL_BYTES_MAX: u64 = 1_000_000_000;

/// The longest that is waited for a PostgreSQL server to be followed.
const READY_MAX: Duration = Duration::from_secs(5);

pub(crate) async fn explain(args: &ExplainArgs) -> Result<Exit> {
    let sql = statement(&args.sql)?;
    let url = with_password(&args.url)?;
    let db = Builder::new(url).read_only(true).create(false).open().await?;
    // Before that, a server that is to be followed says less. Why not, the explanation says.
    let _ = db.cache().ready(READY_MAX).await;
    let explanation = db.explain(&sql).await;
    db.close().await;
    let explanation = explanation?;
    if args.json {
        output::print_json(&as_json(&explanation))?;
    } else {
        output::print(&explanation.to_string())?;
    }
    Ok(Exit::Done)
}

/// The statement as given, or from standard input for `-`.
fn statement(given: &str) -> Result<String> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut text = String::new();
    std::io::stdin()
        .take(SQL_BYTES_MAX)
        .read_to_string(&mut text)
        .context("cannot read the statement from standard input")?;
    if text.trim().is_empty() {
        bail!("there is no statement on standard input");
    }
    Ok(text)
}

fn as_json(explanation: &Explanation) -> serde_json::Value {
    json!({
        "statement": explanation.statement,
        "fingerprint": format!("{:016x}", explanation.fingerprint),
        "effect": explanation.effect,
        "cacheable": explanation.cacheable,
        "reasons": explanation.reasons,
        "reads": explanation.reads,
        "rests_on": explanation.rests_on,
        "writes": explanation.writes,
        "drops": explanation.drops,
        "key": explanation.key,
        "freshness": explanation.freshness,
        "switch": explanation.switch,
        "policy": explanation.policy,
        "worth": explanation.worth,
        "plan": explanation.plan,
    })
}
