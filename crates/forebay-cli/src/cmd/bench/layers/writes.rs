//! Many rows: one after another before, together after.

use anyhow::{Result, ensure};
use rusqlite::Connection;
use tokio::runtime::Handle;

use super::figure::{Amount, Figure, Theirs, median, millis};
use super::seed::{Copies, open};

const COLUMNS: [&str; 3] = ["id", "model", "cost"];

fn call(id: i64) -> (i64, String, f64) {
    (id, format!("model {}", id % 7), 0.25)
}

pub(super) fn figures(copies: &Copies, runtime: &Handle) -> Result<Vec<Figure>> {
    Ok(vec![inserts(copies, runtime)?, bulk(copies, runtime)?, cards(copies, runtime)?])
}

fn insert_each(bare: &Connection, rows: i64) -> Result<()> {
    for (id, model, cost) in (1..=rows).map(call) {
        bare.execute("INSERT INTO calls VALUES (?, ?, ?)", (id, model, cost))?;
    }
    Ok(())
}

fn inserts(copies: &Copies, runtime: &Handle) -> Result<Figure> {
    const ROWS: i64 = 100;
    let before = median(|_| copies.bare("inserts-before"), |bare| insert_each(&bare, ROWS))?;
    let after = median(
        |_| runtime.block_on(open(&copies.fresh("inserts-after")?)),
        |db| {
            let calls = db.bulk("calls").columns(COLUMNS).insert((1..=ROWS).map(call));
            ensure!(runtime.block_on(calls)?.rows == ROWS as u64, "rows are missing");
            Ok(())
        },
    )?;
    Ok(Figure {
        what: "100 inserts",
        how: "each in a transaction of its own; `bulk`".to_owned(),
        theirs: Theirs::ms(500.0, 50.0),
        before: Some(before),
        after,
    })
}

fn bulk(copies: &Copies, runtime: &Handle) -> Result<Figure> {
    let (one_by_one, together) = copies.sizes.inserts;
    let rate = |amount: Amount, rows: i64| match amount {
        Amount::Time(time) => Amount::Rate(rows as f64 / time.as_secs_f64()),
        other => other,
    };
    let before = median(|_| copies.bare("bulk-before"), |bare| insert_each(&bare, one_by_one))?;
    let after = median(
        |_| runtime.block_on(open(&copies.fresh("bulk-after")?)),
        |db| {
            let calls = db.bulk("calls").columns(COLUMNS).insert((1..=together).map(call));
            ensure!(runtime.block_on(calls)?.rows == together as u64, "rows are missing");
            Ok(())
        },
    )?;
    Ok(Figure {
        what: "bulk insert",
        how: format!("rows each second, of {one_by_one} one by one and of {together}"),
        theirs: Theirs::reached(Amount::Rate(2_341.0)),
        before: Some(rate(before, one_by_one)),
        after: rate(after, together),
    })
}

fn cards(copies: &Copies, runtime: &Handle) -> Result<Figure> {
    const CARDS: i64 = 1_000;
    let note = |id: i64| format!("what the word {id} means");
    let before = median(
        |_| copies.bare("cards-before"),
        |bare| {
            for id in 1..=CARDS {
                let word = "SELECT word FROM cards WHERE id = ?";
                bare.query_one(word, [id], |row| row.get::<_, String>(0))?;
                let update = "UPDATE cards SET stage = 1, note = ? WHERE id = ?";
                bare.execute(update, (note(id), id))?;
            }
            Ok(())
        },
    )?;
    let after = median(
        |_| runtime.block_on(open(&copies.fresh("cards-after")?)),
        |db| {
            runtime.block_on(async {
                let words: Vec<(i64, String)> =
                    db.query("SELECT id, word FROM cards WHERE stage = 0").all().await?;
                let done = words.iter().map(|(id, _)| (*id, 1, note(*id)));
                let columns = ["id", "stage", "note"];
                let report = db.bulk("cards").columns(columns).update("id", done).await?;
                ensure!(report.rows == CARDS as u64, "cards are missing");
                Ok(())
            })
        },
    )?;
    Ok(Figure {
        what: "1,000 cards",
        how: "read and written one by one; read at once and written by `bulk`".to_owned(),
        theirs: Theirs { before: Some(millis(15_000.0)), after: millis(2_000.0) },
        before: Some(before),
        after,
    })
}
