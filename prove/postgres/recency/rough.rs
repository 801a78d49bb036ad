//! What is rough on those who follow a server: streams and sessions are ended, the schema changes.

use std::time::Duration;

use anyhow::Result;

use super::beat::Phase;
use super::board::{SIDES, name, pair, singles, view};
use super::race::Scene;
use crate::bare::Bare;
use crate::place::{end_sessions, end_stream, senders};

/// Rough things until they come again. When streams are ended more often, Forebay takes its time
/// to begin others.
const KINDS: usize = 9;

/// How long commits are held while streams begin.
const HELD: Duration = Duration::from_millis(200);

/// One rough thing, by its number; with changes of the schema in between, which are gentle.
pub(super) async fn rough(scene: &Scene, bare: &mut Bare, nth: usize) -> Result<()> {
    let side = nth / KINDS % SIDES;
    let what = match nth % KINDS {
        0 => {
            end_stream(bare)?;
            "ended all streams, and their slots with them"
        }
        3 => end_one_stream(scene, bare)?,
        1 | 7 => {
            end_sessions(bare, false)?;
            "ended half of the sessions"
        }
        4 => alter(bare, nth, side)?,
        6 => {
            lose_what_is_held(scene, bare).await?;
            "ended all streams while commits were held"
        }
        _ => return Ok(()),
    };
    scene.known.count(what, 1);
    Ok(())
}

/// The next stream begins while commits that are older than its slot cannot be seen yet.
async fn lose_what_is_held(scene: &Scene, bare: &mut Bare) -> Result<()> {
    scene.server.hold_commits()?;
    scene.beat.begin(Phase::Held);
    tokio::time::sleep(HELD / 4).await;
    end_stream(bare)?;
    tokio::time::sleep(HELD).await;
    scene.server.release_commits()?;
    scene.beat.begin(Phase::Quiet);
    Ok(())
}

/// Only one of the handles loses its stream.
fn end_one_stream(scene: &Scene, bare: &mut Bare) -> Result<&'static str> {
    let first = senders(bare)?.into_iter().next();
    if let Some(pid) = first {
        bare.run(&format!("SELECT pg_terminate_backend({pid})"))?;
        // It may have been stopped: whoever is ends only when it goes on.
        let _ = scene.server.primary.resume_process(pid);
    }
    Ok("ended one of the streams")
}

fn alter(bare: &mut Bare, nth: usize, side: usize) -> Result<&'static str> {
    let tables = [singles(side), pair(side)].concat();
    let table = name(tables[nth % tables.len()]);
    // Whoever holds a lock on it may wait for what is held.
    let change = match nth / KINDS % 2 {
        0 => format!("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS more int"),
        _ => format!("ALTER TABLE {table} DROP COLUMN IF EXISTS more"),
    };
    let done = bare.ask(&format!("SET lock_timeout = '200ms'; {change}"))?;
    Ok(if done.is_ok() { "altered a table" } else { "tried to alter a table" })
}

/// Through Forebay, so that everybody who asks it later has to see the new one.
pub(super) async fn make_view(scene: &Scene, side: usize) {
    let generation = scene.known.generation(side) + 1;
    if scene.dbs[side].execute(&view(side, generation)).await.is_ok() {
        scene.known.raise_generation(side, generation);
        scene.known.count("made a view anew", 1);
    }
}
