//! What is rough on those who follow a server: streams and sessions are ended, the schema changes.

use std::time::Duration;

use anyhow::Result;
use forebay::Db;

use super::board::{SIDES, name, pair, singles, view};
use super::race::Scene;
use crate::bare::Bare;
use crate::place::{end_sessions, end_stream, senders};

/// Between two ends of a stream; when it is ended more often, Forebay takes its time to begin
/// another one.
const STREAM_EVERY: usize = 6;

/// One rough thing, by its number; with changes of the schema in between, which are gentle.
pub(super) async fn rough(
    scene: &Scene,
    bare: &mut Bare,
    nth: usize,
    every: Duration,
) -> Result<()> {
    let side = nth / 2 % SIDES;
    let what = match nth % STREAM_EVERY {
        0 => {
            end_stream(bare)?;
            "ended all streams, and their slots with them"
        }
        3 if every > Duration::from_secs(1) => end_one_stream(scene, bare)?,
        1 => {
            end_sessions(bare, false)?;
            "ended half of the sessions"
        }
        2 => alter(bare, nth, side)?,
        _ => {
            make_view(scene, &scene.dbs[side], side).await;
            "made a view anew"
        }
    };
    scene.known.count(what, 1);
    Ok(())
}

/// The process is killed from outside the server's own bookkeeping: its socket is cut.
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
    let change = match nth / STREAM_EVERY % 2 {
        0 => format!("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS more int"),
        _ => format!("ALTER TABLE {table} DROP COLUMN IF EXISTS more"),
    };
    let done = bare.ask(&format!("SET lock_timeout = '200ms'; {change}"))?;
    Ok(if done.is_ok() { "altered a table" } else { "tried to alter a table" })
}

/// Through Forebay, so that everybody who asks it later has to see the new one.
async fn make_view(scene: &Scene, db: &Db, side: usize) {
    let generation = scene.known.generation(side) + 1;
    if db.execute(&view(side, generation)).await.is_ok() {
        scene.known.raise_generation(side, generation);
    }
}
