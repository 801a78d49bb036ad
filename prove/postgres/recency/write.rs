//! Raising counters through Forebay, in each way that there is.

use fastrand::Rng;
use forebay::{Error, Outcome};

use super::beat::{Beat, Phase};
use super::board::{ROWS, name, pair, short, singles};
use super::client::number;
use super::known::Way;
use super::race::Scene;
use crate::domain::{once_in, quoted};

/// Rows that are written by one client each; those after them by all.
const OWN: usize = 26;

/// What has been written: tables, and the row in each.
pub(super) type Written = (Vec<usize>, usize);

/// Raises a counter, or a pair of them, and says so to everybody once it is acknowledged.
pub(super) async fn write(
    scene: &Scene,
    side: usize,
    nth: usize,
    now: (u64, Phase),
    rng: &mut Rng,
) -> Result<Written, Error> {
    let phase = now.1;
    let way = match phase {
        // Whatever else is acknowledged meanwhile would have everything doubted.
        Phase::Slow => Way::Slowly,
        _ => draw(rng, now),
    };
    // What is held would hold up whoever wants the same row.
    let is_shared = phase == Phase::Free && once_in(rng, 8);
    let row = if is_shared { rng.usize(OWN..ROWS) } else { nth % OWN };
    let tables = match way {
        Way::Pair | Way::PairInSession => pair(side).to_vec(),
        Way::Path => vec![singles(side)[1]],
        _ => vec![singles(side)[rng.usize(..2)]],
    };
    // Each write adds one to what is known by now.
    let least: Vec<i64> = tables.iter().map(|table| scene.known.floor(*table, row) + 1).collect();
    let said = carry(scene, side, (way, &tables, row), rng).await?;
    let Some(said) = said else { return Ok((Vec::new(), row)) };
    scene.known.note_write(way);
    for (table, least) in tables.iter().zip(least) {
        scene.known.raise(*table, row, least.max(said));
    }
    Ok((tables, row))
}

/// What makes Forebay doubt all answers is of one kind in a beat, or each would hide what the
/// others lack.
fn draw(rng: &mut Rng, now: (u64, Phase)) -> Way {
    const WIDE: [Way; 4] = [Way::Script, Way::Path, Way::PairInSession, Way::Asynchronous];
    match rng.u8(..if Beat::is_narrow(now) { 8 } else { 16 }) {
        0..6 => Way::Single,
        6 | 7 => Way::Prepared,
        8..12 => Way::Pair,
        _ => WIDE[Beat::nth(now) / 2 % WIDE.len()],
    }
}

/// What the counters are by the server's word, 0 if it does not tell; `None` if it was undone.
async fn carry(
    scene: &Scene,
    side: usize,
    (way, tables, row): (Way, &[usize], usize),
    rng: &mut Rng,
) -> Result<Option<i64>, Error> {
    let db = &scene.dbs[side];
    let id = row as i64;
    let sql = &scene.texts.raise[tables[0]];
    let said = |outcome: &Outcome| number(outcome, 0, 0).unwrap_or(0);
    Ok(Some(match way {
        Way::Single | Way::Past => said(&db.query(sql).bind(id).fetch().await?),
        Way::Prepared => said(&db.prepare(sql).query().bind(id).fetch().await?),
        Way::Pair => {
            let both = [tables[0], tables[1]].map(|table| scene.texts.raise[table].clone());
            db.transaction(|handle| async move {
                let mut n = 0;
                for sql in &both {
                    n = said(&handle.query(sql).bind(id).fetch().await?);
                }
                Ok(n)
            })
            .await?
        }
        Way::PairInSession => {
            let session = db.session();
            session.execute("BEGIN").await?;
            let mut n = 0;
            for table in tables {
                n = said(&session.query(&scene.texts.raise[*table]).bind(id).fetch().await?);
            }
            if once_in(rng, 6) {
                session.execute("ROLLBACK").await?;
                return Ok(None);
            }
            session.execute("COMMIT").await?;
            n
        }
        Way::Script => {
            db.execute_batch(&format!("{}; SELECT 1", plain(tables[0], row))).await?;
            0
        }
        Way::Asynchronous => {
            let session = db.session();
            session.execute("SET synchronous_commit = off").await?;
            said(&session.query(sql).bind(id).fetch().await?)
        }
        Way::Path => {
            let session = db.session();
            session.execute("SET search_path = race_alt, public").await?;
            let sql = &scene.texts.raise_in_path[side];
            said(&session.query(sql).bind(id).fetch().await?)
        }
        Way::Slowly => {
            let text = quoted(&plain(tables[0], row));
            db.execute(&format!("CALL public.race_slowly({row}, {text})")).await?;
            0
        }
    }))
}

fn plain(table: usize, row: usize) -> String {
    format!("UPDATE {} SET n = n + 1 WHERE id = {row}", name(table))
}

/// The statement that raises a counter of a table.
pub(super) fn raise(table: usize) -> String {
    format!("UPDATE {} SET n = n + 1 WHERE id = $1 RETURNING n", name(table))
}

/// The same of the second of two tables of one name, for whoever has its schema in his path.
pub(super) fn raise_in_path(side: usize) -> String {
    format!("UPDATE {} SET n = n + 1 WHERE id = $1 RETURNING n", short(singles(side)[1]))
}
