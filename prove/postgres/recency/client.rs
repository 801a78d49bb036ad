//! A client of Forebay: it reads all the while, and writes when it is time to.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use forebay::{Error, Outcome, Value};

use super::beat::Phase;
use super::race::Scene;
use super::read::{after_write, read};
use super::write::write;
use crate::domain::once_in;

/// Reads after which others have their turn.
const TURN: u32 = 8;

/// Reads and writes on a handle until everything is over. `nth` is the number among its clients.
pub(super) async fn client(
    scene: Arc<Scene>,
    side: usize,
    nth: usize,
    mut rng: Rng,
) -> Result<(), Error> {
    let (mut seen, mut is_to_write) = (0, false);
    while !scene.known.is_over() {
        let (number, phase) = scene.beat.now();
        if number != seen {
            seen = number;
            is_to_write =
                phase != Phase::Quiet && rng.u8(..10) < if phase == Phase::Held { 8 } else { 5 };
        }
        let writing = if is_to_write { scene.beat.enter(number) } else { None };
        let done = if let Some(writing) = writing {
            is_to_write = phase == Phase::Free && rng.bool();
            let written = write(&scene, side, nth, (number, phase), &mut rng).await;
            drop(writing);
            match written {
                Ok(rows) => after_write(&scene, side, &rows).await,
                Err(error) => Err(error),
            }
        } else {
            read(&scene, side, phase, &mut rng).await
        };
        match done {
            Ok(()) => {}
            Err(error) if is_expected(&error) => {
                scene.known.note_failed();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Err(error) => return Err(error),
        }
        if once_in(&mut rng, TURN) {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// Errors that come of connections which were ended on purpose, and of a server that is slow on
/// purpose.
fn is_expected(error: &Error) -> bool {
    const CODES: [&str; 5] = ["57P01", "40001", "40P01", "55P03", "0A000"];
    error.is_outcome_unknown()
        || error.is_closed()
        || error.is_serialization_failure()
        || error.is_timeout()
        || error.is_pool_exhausted()
        || error.code().is_some_and(|code| CODES.contains(&code))
        || error.is_open()
        || error.is_busy()
}

/// A whole number in an answer.
pub(super) fn number(outcome: &Outcome, row: usize, column: usize) -> Option<i64> {
    match outcome.rows.values(row).get(column)? {
        Value::Integer(n) => Some(*n),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}
