//! What one statement costs, in nanoseconds: from memory, and at the database, where it is counted.
//! It uses nothing that is new, so that the same program runs against two states of the library;
//! what counting adds is the difference of runs that take turns.
//!
//!     cargo run --release -- [ROUNDS]

use std::time::{Duration, Instant};

use forebay::{Builder, Db};

const ROWS: i64 = 1_000;
/// Statements of one round of each kind.
const HITS: i64 = 400_000;
const READS: i64 = 60_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(9), |it| it.parse())?;
    let folder = tempfile::tempdir()?;
    // Audits would read at the database now and then.
    let url = format!("sqlite:{}", folder.path().join("cost.db").display());
    let db = Builder::new(url).audit_one_in(0).open().await?;
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, a INT)").await?;
    for id in 0..ROWS {
        db.execute("INSERT INTO t VALUES (?, ?)").bind(id).bind(id * 7).await?;
    }
    let (mut hits, mut reads) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        hits.push(hit(&db).await?);
        reads.push(read(&db).await?);
    }
    println!("hit {:.1} read {:.1}", median(&mut hits), median(&mut reads));
    Ok(())
}

async fn hit(db: &Db) -> forebay::Result<f64> {
    for id in 0..ROWS {
        db.query("SELECT a FROM t WHERE id = ?").bind(id).scalar::<i64>().await?;
    }
    let began = Instant::now();
    for n in 0..HITS {
        let id = n % ROWS;
        let a: i64 = db.query("SELECT a FROM t WHERE id = ?").bind(id).scalar().await?;
        assert_eq!(a, id * 7);
    }
    Ok(each(began.elapsed(), HITS))
}

async fn read(db: &Db) -> forebay::Result<f64> {
    let began = Instant::now();
    for n in 0..READS {
        let id = n % ROWS;
        let query = db.query("SELECT a FROM t WHERE id = ?").bind(id).no_cache();
        assert_eq!(query.scalar::<i64>().await?, id * 7);
    }
    Ok(each(began.elapsed(), READS))
}

fn each(spent: Duration, count: i64) -> f64 {
    spent.as_nanos() as f64 / count as f64
}

fn median(all: &mut [f64]) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
