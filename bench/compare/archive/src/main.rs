//! A logical table over six databases beside SQLite's own way, ATTACH and UNION ALL: aggregates
//! over twelve months of flights, a month in one member, and what merging parts saves over merging
//! rows. It compares every answer before it measures. The data are in a folder named by its
//! argument; without it, it says so and ends.

use std::fs::File;
use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use forebay::{Db, Routed, Value};
use rusqlite::Connection;

/// Members, of two months each.
const MEMBERS: usize = 6;

const SCHEMA: &str =
    "CREATE TABLE flights (id INTEGER PRIMARY KEY, day TEXT NOT NULL, carrier TEXT,
    origin TEXT, dest TEXT, dep_delay REAL, arr_delay REAL, air_time REAL, distance INTEGER)";

const BY_CARRIER: &str = "SELECT carrier, count(*), avg(dep_delay), max(distance), sum(distance) \
     FROM flights GROUP BY carrier ORDER BY carrier";

const BY_DAY: &str = "SELECT substr(day, 1, 7), origin, count(*), avg(arr_delay), count(DISTINCT \
     dest) FROM flights GROUP BY 1, 2 ORDER BY 1, 2";

const MONTH: &str = "SELECT count(*), avg(dep_delay), max(distance) FROM flights \
     WHERE day >= '2013-11-01' AND day < '2013-12-01' AND carrier = 'UA'";

type Fault = Box<dyn std::error::Error + Send + Sync>;

struct Flight {
    day: String,
    texts: [String; 3],
    numbers: [Option<f64>; 3],
    distance: i64,
}

fn flights(path: &Path) -> Result<Vec<Flight>, Fault> {
    let mut archive = zip::ZipArchive::new(File::open(path)?)?;
    let mut reader = csv::Reader::from_reader(archive.by_index(0)?);
    let headers = reader.headers()?.clone();
    let place = |name: &str| {
        headers.iter().position(|it| it == name).ok_or_else(|| format!("no column {name}"))
    };
    let (year, month, day) = (place("year")?, place("month")?, place("day")?);
    let texts = [place("carrier")?, place("origin")?, place("dest")?];
    let numbers = [place("dep_delay")?, place("arr_delay")?, place("air_time")?];
    let distance = place("distance")?;
    let mut flights = Vec::new();
    for record in reader.records() {
        let record = record?;
        flights.push(Flight {
            day: format!("{}-{:0>2}-{:0>2}", &record[year], &record[month], &record[day]),
            texts: texts.map(|at| record[at].to_owned()),
            numbers: numbers.map(|at| record[at].parse().ok()),
            distance: record[distance].parse::<f64>()? as i64,
        });
    }
    Ok(flights)
}

/// The first day of a member.
fn begins(member: usize) -> String {
    format!("2013-{:02}-01", 1 + member * 12 / MEMBERS)
}

fn fill(folder: &Path, flights: &[Flight]) -> Result<(), Fault> {
    for member in 0..MEMBERS {
        let mut bare = Connection::open(folder.join(format!("{member}.db")))?;
        bare.pragma_update(None, "journal_mode", "WAL")?;
        bare.execute_batch(SCHEMA)?;
        let transaction = bare.transaction()?;
        {
            let mut insert = transaction
                .prepare("INSERT INTO flights VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
            let (low, high) = (begins(member), begins(member + 1));
            let is_last = member + 1 == MEMBERS;
            for (id, flight) in flights.iter().enumerate() {
                if flight.day < low || (flight.day >= high && !is_last) {
                    continue;
                }
                let ([carrier, origin, dest], numbers) = (&flight.texts, flight.numbers);
                insert.execute((
                    id as i64,
                    &flight.day,
                    carrier,
                    origin,
                    dest,
                    numbers[0],
                    numbers[1],
                    numbers[2],
                    flight.distance,
                ))?;
            }
        }
        transaction.commit()?;
    }
    Ok(())
}

async fn routed(folder: &Path) -> Result<(Routed, Db), Fault> {
    let mut members = Vec::new();
    for member in 0..MEMBERS {
        let path = folder.join(format!("{member}.db"));
        members.push(forebay::open(format!("sqlite:{}", path.display())).await?);
    }
    let live = members[MEMBERS - 1].clone();
    let mut builder = forebay::open_routed("flights", "day").live(&live, begins(MEMBERS - 1));
    for (member, db) in members.iter().enumerate().take(MEMBERS - 1) {
        let range = begins(member)..begins(member + 1);
        builder = builder.archive(&member.to_string(), db, range);
    }
    Ok((builder.open().await?, live))
}

/// One connection with all files, as one does by hand.
fn attached(folder: &Path) -> Result<Connection, Fault> {
    let bare = Connection::open(folder.join(format!("{}.db", MEMBERS - 1)))?;
    let mut union = String::from("SELECT * FROM main.flights");
    for member in 0..MEMBERS - 1 {
        let path = folder.join(format!("{member}.db"));
        bare.execute(&format!("ATTACH ? AS m{member}"), [path.to_string_lossy()])?;
        union.push_str(&format!(" UNION ALL SELECT * FROM m{member}.flights"));
    }
    bare.execute_batch(&format!("CREATE TEMP VIEW every AS {union}"))?;
    Ok(bare)
}

fn ask(bare: &Connection, sql: &str) -> Result<Vec<Vec<Value>>, Fault> {
    let mut statement = bare.prepare_cached(&sql.replace("FROM flights", "FROM every"))?;
    let width = statement.column_count();
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(width);
        for index in 0..width {
            values.push(match row.get::<_, rusqlite::types::Value>(index)? {
                rusqlite::types::Value::Null => Value::Null,
                rusqlite::types::Value::Integer(n) => Value::from(n),
                rusqlite::types::Value::Real(x) => Value::from(x),
                rusqlite::types::Value::Text(text) => Value::from(text),
                rusqlite::types::Value::Blob(bytes) => Value::from(bytes),
            });
        }
        found.push(values);
    }
    Ok(found)
}

fn check(sql: &str, answer: &forebay::RoutedAnswer, bare: &Connection) -> Result<(), Fault> {
    let expected = ask(bare, sql)?;
    let alike = |a: &Value, b: &Value| match (a, b) {
        (Value::Real(a), Value::Real(b)) => (a - b).abs() < 1e-9 * a.abs().max(1.0),
        (a, b) => a == b,
    };
    let is_same =
        answer.rows.len() == expected.len()
            && answer.rows.iter().zip(&expected).all(|(found, expected)| {
                found.values().iter().zip(expected).all(|(a, b)| alike(a, b))
            });
    if is_same { Ok(()) } else { Err(format!("another answer: {sql}").into()) }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

async fn time<F>(runs: usize, mut once: impl FnMut() -> F) -> Result<Duration, Fault>
where
    F: Future<Output = Result<(), Fault>>,
{
    let mut times = Vec::new();
    for _ in 0..runs {
        let began = Instant::now();
        once().await?;
        times.push(began.elapsed());
    }
    Ok(median(times))
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

async fn aggregates(routed: &Routed, bare: &Connection, runs: usize) -> Result<(), Fault> {
    for (name, sql) in [("by carrier", BY_CARRIER), ("by month and origin", BY_DAY)] {
        check(sql, &routed.query(sql).no_cache().fetch().await?, bare)?;
        let parts = time(runs, || async {
            routed.query(sql).no_cache().fetch().await?;
            Ok(())
        })
        .await?;
        let union = time(runs, || async { ask(bare, sql).map(drop) }).await?;
        let kept = time(runs, || async {
            routed.query(sql).fetch().await?;
            Ok(())
        })
        .await?;
        // A subquery is not taken apart: its rows are brought together.
        let rows_sql = sql.replace("FROM flights", "FROM (SELECT * FROM flights)");
        check(sql, &routed.query(&rows_sql).no_cache().fetch().await?, bare)?;
        let rows = time(3.min(runs), || async {
            routed.query(&rows_sql).no_cache().fetch().await?;
            Ok(())
        })
        .await?;
        println!(
            "{name:<20} routed {parts:>8.1?}   UNION ALL over ATTACH {union:>8.1?} ({:.2}x)   rows \
             brought together {rows:>8.1?} ({:.1}x)   members' parts cached {kept:>8.1?}",
            ratio(union, parts),
            ratio(rows, parts),
        );
    }
    Ok(())
}

async fn one_member(routed: &Routed, live: &Db, bare: &Connection) -> Result<(), Fault> {
    const RUNS: usize = 60;
    const HITS: u32 = 20_000;
    check(MONTH, &routed.query(MONTH).no_cache().fetch().await?, bare)?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        let began = Instant::now();
        live.query(MONTH).no_cache().fetch().await?;
        times[0].push(began.elapsed());
        let began = Instant::now();
        routed.query(MONTH).no_cache().fetch().await?;
        times[1].push(began.elapsed());
    }
    let [direct, through] = times.map(median);
    println!(
        "one month, read      direct {direct:>8.1?}   routed {through:>8.1?} ({:.3}x)",
        ratio(through, direct)
    );
    let point = "SELECT dest FROM flights WHERE id = ? AND day >= '2013-11-01'";
    let began = Instant::now();
    for n in 0..HITS {
        live.query(point).bind(330_000 + n % 100).no_cache().fetch().await?;
    }
    let direct = began.elapsed() / HITS;
    let began = Instant::now();
    for n in 0..HITS {
        routed.query(point).bind(330_000 + n % 100).no_cache().fetch().await?;
    }
    let through = began.elapsed() / HITS;
    println!(
        "one row, read        direct {direct:>8.1?}   routed {through:>8.1?} ({:.3}x)",
        ratio(through, direct)
    );
    let began = Instant::now();
    for n in 0..HITS {
        live.query(point).bind(n % 100).fetch().await?;
    }
    let direct = began.elapsed() / HITS;
    let began = Instant::now();
    for n in 0..HITS {
        routed.query(point).bind(n % 100).fetch().await?;
    }
    let through = began.elapsed() / HITS;
    println!(
        "one row, cached      direct {direct:>8.1?}   routed {through:>8.1?} ({:.3}x)",
        ratio(through, direct)
    );
    Ok(())
}

fn main() -> Result<(), Fault> {
    let data = std::env::args().nth(1).unwrap_or_else(|| "../shared/data".to_owned());
    let runs = std::env::args().nth(2).map_or(Ok(15), |text| text.parse())?;
    let path = Path::new(&data).join("flights/flights.csv.zip");
    if !path.exists() {
        println!("there is no {}: name the folder of the data", path.display());
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let flights = flights(&path)?;
    fill(folder.path(), &flights)?;
    println!("{} flights in {MEMBERS} members, median of {runs} runs", flights.len());
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_time().build()?;
    runtime.block_on(async {
        let (routed, live) = routed(folder.path()).await?;
        let bare = attached(folder.path())?;
        aggregates(&routed, &bare, runs).await?;
        one_member(&routed, &live, &bare).await
    })
}
