//! Making a failing script small: turns are left out, halves first, as long as it goes on failing.
//! What fails by chance only is told as it was.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::ask::Difference;
use super::stage::Stage;
use super::tally::Tally;
use super::world::Case;
use crate::place::{Place, Server};
use crate::read::Read;
use crate::write::Turn;

/// The longest that shrinking may take.
const TIME_MAX: Duration = Duration::from_secs(120);

/// A smaller script that fails in the same read; `None` when it does not fail again.
pub(crate) async fn shrink(
    server: &Arc<Server>,
    mut case: Case,
    read: &Read,
) -> Result<Option<(Case, Box<Difference>)>> {
    let until = Instant::now() + TIME_MAX;
    let mut best = None;
    // Twice, since what fails by chance may fail the second time.
    for _ in 0..2 {
        if best.is_none()
            && let Some((done, difference)) = replay(server, &case, read).await?
        {
            case.turns.truncate(done);
            best = Some(difference);
        }
    }
    let Some(mut difference) = best else { return Ok(None) };
    let mut size = case.turns.len().div_ceil(2);
    while size > 0 && Instant::now() < until {
        let mut start = 0;
        while start < case.turns.len() && Instant::now() < until {
            let mut candidate = case.clone();
            let end = (start + size).min(candidate.turns.len());
            candidate.turns.drain(start..end);
            match replay(server, &candidate, read).await? {
                Some((done, found)) => {
                    candidate.turns.truncate(done);
                    (case, difference) = (candidate, found);
                }
                None => start += size,
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    Ok(Some((case, difference)))
}

/// Plays the script on a new database; after how many turns it failed, and how.
async fn replay(
    server: &Arc<Server>,
    case: &Case,
    read: &Read,
) -> Result<Option<(usize, Box<Difference>)>> {
    let mut tally = Tally::default();
    let mut stage = Stage::open(Place::on(server)?, &case.parts).await?;
    let reads = [read.clone()];
    let mut found = None;
    for (at, turn) in case.turns.iter().enumerate() {
        if let Err(difference) = stage.play(turn, &reads, &mut tally).await? {
            found = Some((at + 1, difference));
            break;
        }
    }
    stage.close().await;
    Ok(found)
}

/// The script for people.
pub(crate) fn described(case: &Case, difference: &Difference) -> String {
    let mut text: String = case.parts.iter().map(|part| format!("{part};\n")).collect();
    text += "-- setup, open, and then:\n";
    for turn in &case.turns {
        text += &of_turn(turn);
    }
    text + &difference.described()
}

fn of_turn(turn: &Turn) -> String {
    let mut text = format!("-- {}, {}", turn.way.name(), turn.fault.name());
    if let crate::write::Way::Changed(how) = turn.way {
        text = text + ": " + how;
    }
    if !turn.commits {
        text += ", rolled back";
    }
    text.push('\n');
    for op in &turn.ops {
        match op {
            crate::write::Op::Run(statement) => text = text + &statement.written_out() + ";\n",
            crate::write::Op::Nested(inner, is_kept) => {
                text += "-- in a savepoint\n";
                for statement in inner {
                    text = text + &statement.written_out() + ";\n";
                }
                text += if *is_kept { "-- which is kept\n" } else { "-- which is undone\n" };
            }
        }
    }
    text
}
