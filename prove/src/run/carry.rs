//! Carrying out a turn: through each part of Forebay's public face, or by the second process.

use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::Result;
use forebay::{Db, Error, Execute, Session, Transaction};

use super::second::Second;
use super::tally::Tally;
use crate::domain::Statement;
use crate::write::{By, Kill, Op, Turn};

/// The longest that it is waited until the pages of a database are mapped.
const MAPPING_MAX: Duration = Duration::from_secs(3);

/// Carries the turn out. A statement that fails is counted; the run goes on.
pub(crate) async fn carry_out(
    db: &Db,
    second: &mut Second,
    turn: &Turn,
    tally: &mut Tally,
) -> Result<()> {
    match turn.by {
        By::Execute => {
            for statement in flatten(&turn.ops) {
                let done = bound(db.execute(&statement.sql), &statement).await;
                tally.wrote(done.map(|_| ()));
            }
        }
        By::Batch => {
            let texts: Vec<String> =
                flatten(&turn.ops).iter().map(Statement::written_out).collect();
            tally.wrote(db.execute_batch(&texts.join("; ")).await);
        }
        By::Transaction => in_transaction(db, turn, tally).await,
        By::Session | By::TempSession => in_session(&db.session(), turn, tally).await,
        By::Script => {
            let texts: Vec<String> = in_one(turn).iter().map(Statement::written_out).collect();
            tally.wrote(db.session().execute_batch(&texts.join("; ")).await);
        }
        By::Second => by_second(second, turn, tally)?,
        By::Mapping => tally.mappings += u64::from(until_mapped(db).await),
    }
    Ok(())
}

/// Whether the pages have been mapped before long. They are about a second after a commit of
/// the other process, unless there was none since they were last.
async fn until_mapped(db: &Db) -> bool {
    let until = Instant::now() + MAPPING_MAX;
    while Instant::now() < until {
        if db.stats().cache.foreign.mapped_pages > 0 {
            return true;
        }
        tokio::time::sleep(MAPPING_MAX / 100).await;
    }
    false
}

fn bound<'a>(mut execute: Execute<'a>, statement: &Statement) -> Execute<'a> {
    for value in &statement.params {
        execute = execute.bind(value);
    }
    execute
}

/// An error to give up a transaction with.
async fn give_up(transaction: &Transaction) -> Result<(), Error> {
    transaction.query("SELECT nonsense").fetch().await.map(|_| ())
}

async fn in_transaction(db: &Db, turn: &Turn, tally: &mut Tally) {
    let done = db
        .transaction(|transaction| async move {
            let outcomes = run_ops(&transaction, &turn.ops).await;
            if !turn.commits {
                give_up(&transaction).await?;
            }
            Ok(outcomes)
        })
        .await;
    match done {
        Ok(outcomes) => outcomes.into_iter().for_each(|outcome| tally.wrote(outcome)),
        Err(_) if !turn.commits => tally.rolled_back(),
        Err(error) => tally.wrote(Err(error)),
    }
}

type Outcomes<'a> = Pin<Box<dyn Future<Output = Vec<Result<(), Error>>> + 'a>>;

fn run_ops<'a>(transaction: &'a Transaction, ops: &'a [Op]) -> Outcomes<'a> {
    Box::pin(async move {
        let mut outcomes = Vec::new();
        for op in ops {
            match op {
                Op::Run(statement) => {
                    let execute = bound(transaction.execute(&statement.sql), statement);
                    outcomes.push(execute.await.map(|_| ()));
                }
                Op::Nested(inner, keep) => {
                    let done = transaction
                        .savepoint(|savepoint| async move {
                            let outcomes = run_ops(&savepoint, inner).await;
                            if !keep {
                                give_up(&savepoint).await?;
                            }
                            Ok(outcomes)
                        })
                        .await;
                    outcomes.extend(done.unwrap_or_default());
                }
            }
        }
        outcomes
    })
}

async fn in_session(session: &Session, turn: &Turn, tally: &mut Tally) {
    for statement in in_one(turn) {
        let done = bound(session.execute(&statement.sql), &statement).await;
        tally.wrote(done.map(|_| ()));
    }
}

/// The statements of a turn, with those that begin and end its transaction.
fn in_one(turn: &Turn) -> Vec<Statement> {
    let mut statements = flatten(&turn.ops);
    if turn.is_one {
        let begin = if turn.ops.len().is_multiple_of(2) { "BEGIN IMMEDIATE" } else { "BEGIN" };
        statements.insert(0, Statement::plain(begin));
        statements.push(Statement::plain(if turn.commits { "COMMIT" } else { "ROLLBACK" }));
    }
    statements
}

fn by_second(second: &mut Second, turn: &Turn, tally: &mut Tally) -> Result<()> {
    let statements = flatten(&turn.ops);
    let killed_after = match turn.kill {
        Some(Kill::After(count)) => count,
        _ => usize::MAX,
    };
    if turn.is_one {
        second.run(&Statement::plain("BEGIN"))?;
    }
    for statement in statements.iter().take(killed_after) {
        tally.second_wrote(second.run(statement)?);
    }
    if turn.is_one && killed_after == usize::MAX {
        let end = if turn.commits { "COMMIT" } else { "ROLLBACK" };
        if !second.run(&Statement::plain(end))? {
            // A deferred constraint has refused the commit, or the transaction is over already.
            second.run(&Statement::plain("ROLLBACK"))?;
        }
    }
    if turn.kill.is_some() {
        tally.kills += 1;
        second.kill();
    }
    Ok(())
}

/// The statements in order, savepoints written out.
fn flatten(ops: &[Op]) -> Vec<Statement> {
    let mut statements = Vec::new();
    for op in ops {
        match op {
            Op::Run(statement) => statements.push(statement.clone()),
            Op::Nested(ops, keep) => {
                statements.push(Statement::plain("SAVEPOINT p"));
                statements.extend(flatten(ops));
                if !keep {
                    statements.push(Statement::plain("ROLLBACK TO p"));
                }
                statements.push(Statement::plain("RELEASE p"));
            }
        }
    }
    statements
}
