//! Somebody who writes past Forebay, and is told when he has.

use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;

use super::beat::Phase;
use super::board::{OTHERS, OTHERS_PAIR, ROWS, name};
use super::known::Way;
use super::race::Scene;
use crate::bare::Bare;

/// Until the next look at what is going on.
const LOOK: Duration = Duration::from_micros(300);

/// Raises counters of others until everything is over; each outsider has rows of its own, so that
/// none waits for another one whose commit is held.
pub(super) fn outsider(scene: &Scene, nth: usize, mut rng: Rng) -> Result<()> {
    let (cluster, database) = (scene.place.cluster(), scene.place.database.name());
    let open = || -> Result<Bare> {
        let mut bare = Bare::open(cluster, database)?;
        bare.run("RESET synchronous_commit")?;
        Ok(bare)
    };
    let mut bare = open()?;
    let mut seen = 0;
    while !scene.known.is_over() {
        let (number, phase) = scene.beat.now();
        if number == seen || phase == Phase::Quiet {
            std::thread::sleep(LOOK);
            continue;
        }
        seen = if phase == Phase::Free && rng.bool() { seen } else { number };
        let row = (nth + 6 * rng.usize(..5)) % ROWS;
        let tables = if rng.bool() { vec![OTHERS] } else { OTHERS_PAIR.to_vec() };
        let raise = |table: &usize| {
            format!("UPDATE {} SET n = n + 1 WHERE id = {row} RETURNING n", name(*table))
        };
        let each: Vec<String> = tables.iter().map(raise).collect();
        let text = match each.as_slice() {
            [one] => one.clone(),
            _ => format!("BEGIN; {}; COMMIT", each.join("; ")),
        };
        match bare.number(&text) {
            Ok(n) => {
                scene.known.note_write(Way::Past);
                scene.known.heat(row);
                for table in tables {
                    scene.known.raise(table, row, n);
                    scene.known.late.tell(table, row, n);
                }
            }
            // It was ended on purpose; whether it has committed is not known.
            Err(_) => bare = open()?,
        }
    }
    Ok(())
}
