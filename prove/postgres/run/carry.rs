//! Carrying a turn out, in its way. What the server refuses is no failure here.

use std::sync::Arc;

use anyhow::Result;
use cluster::Cluster;
use forebay::{Db, Error, Isolation, TransactionOptions};

use crate::bare::Bare;
use crate::domain::Statement;
use crate::write::{Op, Turn, Way};

/// How a turn has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Done,
    /// The text of what was refused.
    Refused(String),
}

/// The name of a prepared transaction.
const PREPARED: &str = "proof";

/// Carries it out through Forebay.
pub(crate) async fn through(db: &Db, turn: &Turn) -> Ended {
    let done = match turn.way {
        Way::Execute => each(db, turn).await,
        Way::Prepared => prepared(db, turn).await,
        Way::Transaction(isolation) => transaction(db, turn, isolation).await,
        Way::Session(isolation) => session(db, turn, isolation).await,
        Way::Changed(how) => changed(db, turn, how).await,
        Way::Script => db.execute_batch(&script(turn)).await,
        Way::SessionScript => db.session().execute_batch(&session_script(turn)).await,
        Way::TwoPhase => two_phase(db, turn).await,
        Way::Past | Way::PastTransaction | Way::PastTwoPhase => Ok(()),
    };
    match done {
        Ok(()) => Ended::Done,
        Err(error) => Ended::Refused(kind_of(&error)),
    }
}

fn kind_of(error: &Error) -> String {
    for (is_so, name) in [
        (error.is_constraint_violation(), "constraint"),
        (error.is_serialization_failure(), "serialization"),
        (error.is_usage(), "usage"),
        (error.is_outcome_unknown(), "outcome unknown"),
        (error.is_closed(), "closed"),
        (error.is_timeout(), "timeout"),
        (error.is_pool_exhausted(), "pool exhausted"),
        (error.is_denied(), "denied"),
    ] {
        if is_so && name == "usage" {
            let text = error.to_string();
            return format!("usage: {}", text.chars().take(70).collect::<String>());
        }
        if is_so {
            return name.to_owned();
        }
    }
    format!("SQLSTATE {}", error.code().unwrap_or("none"))
}

async fn run(db: &Db, statement: &Statement) -> Result<(), Error> {
    let mut query = db.query(&statement.sql);
    for value in &statement.params {
        query = query.bind(value.clone());
    }
    query.fetch().await.map(drop)
}

async fn each(db: &Db, turn: &Turn) -> Result<(), Error> {
    for statement in turn.statements() {
        run(db, statement).await?;
    }
    Ok(())
}

async fn prepared(db: &Db, turn: &Turn) -> Result<(), Error> {
    for statement in turn.statements() {
        let prepared = db.prepare(&statement.sql);
        for _ in 0..2 {
            let mut query = prepared.query();
            for value in &statement.params {
                query = query.bind(value.clone());
            }
            query.fetch().await?;
        }
    }
    Ok(())
}

async fn transaction(db: &Db, turn: &Turn, isolation: Isolation) -> Result<(), Error> {
    let options = TransactionOptions::new().isolation(isolation);
    let turn = Arc::new(turn.clone());
    let work = |handle: forebay::Transaction| {
        let turn = turn.clone();
        async move {
            for op in &turn.ops {
                match op {
                    Op::Run(statement) => bound(handle.query(&statement.sql), statement).await?,
                    Op::Nested(inner, is_kept) => nested(&handle, inner, *is_kept).await?,
                }
            }
            // An answer within the transaction has to see its own writes.
            handle.query("SELECT n FROM public.tick WHERE id = 1").fetch().await?;
            if turn.commits { Ok(()) } else { handle.execute("SELECT 1 / 0").await.map(drop) }
        }
    };
    db.transaction_with(options, work).await
}

async fn bound(query: forebay::Query<'_>, statement: &Statement) -> Result<(), Error> {
    let mut query = query;
    for value in &statement.params {
        query = query.bind(value.clone());
    }
    query.fetch().await.map(drop)
}

async fn nested(
    handle: &forebay::Transaction,
    inner: &[Statement],
    is_kept: bool,
) -> Result<(), Error> {
    let work = |handle: forebay::Transaction| async move {
        for statement in inner {
            bound(handle.query(&statement.sql), statement).await?;
        }
        if is_kept { Ok(()) } else { handle.execute("SELECT 1 / 0").await.map(drop) }
    };
    let done = handle.savepoint(work).await;
    match done {
        // What was undone on purpose is no failure of the whole.
        Err(error) if error.is_closed() => Err(error),
        _ => Ok(()),
    }
}

async fn session(db: &Db, turn: &Turn, isolation: Isolation) -> Result<(), Error> {
    let level = match isolation {
        Isolation::RepeatableRead => "REPEATABLE READ",
        Isolation::Serializable => "SERIALIZABLE",
        _ => "READ COMMITTED",
    };
    let session = db.session();
    session.execute(&format!("BEGIN ISOLATION LEVEL {level}")).await?;
    for op in &turn.ops {
        match op {
            Op::Run(statement) => bound(session.query(&statement.sql), statement).await?,
            Op::Nested(inner, is_kept) => {
                session.execute("SAVEPOINT inner_one").await?;
                let mut done = Ok(());
                for statement in inner {
                    if done.is_ok() {
                        done = bound(session.query(&statement.sql), statement).await;
                    }
                }
                let is_kept = *is_kept && done.is_ok();
                let end = if is_kept { "RELEASE inner_one" } else { "ROLLBACK TO inner_one" };
                session.execute(end).await?;
            }
        }
    }
    session.execute(if turn.commits { "COMMIT" } else { "ROLLBACK" }).await.map(drop)
}

async fn changed(db: &Db, turn: &Turn, how: &str) -> Result<(), Error> {
    let session = db.session();
    session.execute(how).await?;
    for statement in turn.statements() {
        // The tables are meant that come first in its path.
        let sql = statement.sql.replace("public.", "");
        let sql = if how.contains("search_path") { sql.as_str() } else { &statement.sql };
        bound(session.query(sql), statement).await?;
    }
    Ok(())
}

async fn two_phase(db: &Db, turn: &Turn) -> Result<(), Error> {
    let first = db.session();
    first.execute("BEGIN").await?;
    for statement in turn.statements() {
        bound(first.query(&statement.sql), statement).await?;
    }
    first.execute(&format!("PREPARE TRANSACTION '{PREPARED}'")).await?;
    let end = if turn.commits { "COMMIT" } else { "ROLLBACK" };
    db.session().execute(&format!("{end} PREPARED '{PREPARED}'")).await.map(drop)
}

fn script(turn: &Turn) -> String {
    turn.statements().map(|it| it.sql.clone() + ";\n").collect()
}

fn session_script(turn: &Turn) -> String {
    let end = if turn.commits { "COMMIT" } else { "ROLLBACK" };
    format!("BEGIN;\n{}{end};\nSELECT 1", script(turn))
}

/// The texts of a turn past Forebay, each to be sent by itself.
pub(crate) fn texts(turn: &Turn) -> Vec<String> {
    let written = || turn.statements().map(Statement::written_out);
    let end = if turn.commits { "COMMIT" } else { "ROLLBACK" };
    let mut all = Vec::new();
    match turn.way {
        Way::PastTransaction => {
            all.push("BEGIN".to_owned());
            for op in &turn.ops {
                match op {
                    Op::Run(statement) => all.push(statement.written_out()),
                    Op::Nested(inner, is_kept) => {
                        all.push("SAVEPOINT inner_one".to_owned());
                        all.extend(inner.iter().map(Statement::written_out));
                        let end = if *is_kept { "RELEASE" } else { "ROLLBACK TO" };
                        all.push(format!("{end} inner_one"));
                    }
                }
            }
            all.push(end.to_owned());
        }
        Way::PastTwoPhase => {
            all.push("BEGIN".to_owned());
            all.extend(written());
            all.push(format!("PREPARE TRANSACTION '{PREPARED}'"));
            all.push(format!("{end} PREPARED '{PREPARED}'"));
        }
        _ => all.extend(written()),
    }
    all
}

/// Carries it out past Forebay, in a session of its own that waits as others do.
pub(crate) fn past(cluster: &Cluster, database: &str, turn: &Turn) -> Result<Ended> {
    let mut bare = Bare::open(cluster, database)?;
    bare.run("RESET synchronous_commit")?;
    let mut ended = Ended::Done;
    for text in texts(turn) {
        if let Err(refusal) = bare.ask(&text)? {
            ended = Ended::Refused(format!("SQLSTATE {}", refusal.code));
        }
    }
    Ok(ended)
}

/// Undoes what was prepared and not ended.
pub(crate) fn end_prepared(bare: &mut Bare) -> Result<()> {
    let sql = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()";
    for row in bare.run(sql)? {
        let gid = row.into_iter().flatten().next().unwrap_or_default();
        bare.run(&format!("ROLLBACK PREPARED '{gid}'"))?;
    }
    Ok(())
}
