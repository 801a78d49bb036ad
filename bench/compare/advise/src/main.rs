//! Index advice, measured: workloads with labels that come from building each index and running the
//! queries, and what our advice and that of others is worth on them.

mod case;
mod clock;
mod data;
mod documents;
mod engine;
mod judge;
mod kinds;
mod ours;
mod peers;
mod postgres;
mod schemas;
mod sqlite;
mod tpch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use cluster::{Cluster, Settings, Version};
use fastrand::Rng;
use serde_json::{Value, json};

use crate::case::{Case, Cell, Query};
use crate::data::Made;
use crate::engine::{Fault, Result};
use crate::judge::{Effect, Judge, Label, Score};
use crate::kinds::Dialect;

/// What the command line says.
struct Wish {
    engines: Vec<String>,
    seeds: Vec<u64>,
    schemas: Vec<String>,
    advisors: Vec<String>,
    out: Option<PathBuf>,
    /// Of TPC-H.
    scale: f64,
    /// Of the rows that the schemas name.
    percent: usize,
}

const USAGE: &str = "usage: compare-advise [--engine sqlite|postgres] [--seeds 1,2] \
    [--schemas shop,films,..] [--advisors forebay,.expert,..] [--percent 25] \
    [--scale 0.1] [--out FILE]";

fn wish() -> Result<Wish> {
    let mut wish = Wish {
        engines: vec!["sqlite".into(), "postgres".into()],
        seeds: vec![1, 2],
        schemas: Vec::new(),
        advisors: Vec::new(),
        out: None,
        scale: 0.1,
        percent: 100,
    };
    let mut words = std::env::args().skip(1);
    while let (Some(name), value) = (words.next(), words.next()) {
        let value = value.ok_or(USAGE)?;
        let list = || value.split(',').map(str::to_owned).collect();
        match name.as_str() {
            "--engine" => wish.engines = list(),
            "--seeds" => {
                wish.seeds =
                    value.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?;
            }
            "--schemas" => wish.schemas = list(),
            "--advisors" => wish.advisors = list(),
            "--percent" => wish.percent = value.parse()?,
            "--scale" => wish.scale = value.parse()?,
            "--out" => wish.out = Some(value.into()),
            _ => return Err(USAGE.into()),
        }
    }
    Ok(wish)
}

/// All that was found out, by advisor.
#[derive(Default)]
struct Report {
    sums: BTreeMap<String, Score>,
    runs: Vec<Value>,
}

impl Report {
    fn add(&mut self, engine: &str, advisor: &str, place: &str, score: &Score) {
        self.sums.entry(format!("{engine}: {advisor}")).or_default().add(score);
        let mut json = score.json();
        json["advisor"] = advisor.into();
        json["engine"] = engine.into();
        json["place"] = place.into();
        self.runs.push(json);
    }

    fn print(&self) {
        println!(
            "{:34} {:>6} {:>6} {:>7} {:>7} {:>7} {:>9} {:>5} {:>6} {:>6} {:>7}",
            "",
            "wanted",
            "recall",
            "+served",
            "advised",
            "right",
            "together",
            "redun",
            "worse",
            "cost",
            "seconds"
        );
        for (name, it) in &self.sums {
            let share = |n: usize, of: usize| n as f64 / of.max(1) as f64;
            println!(
                "{name:34} {:>6} {:>6.3} {:>7.3} {:>7} {:>7.3} {:>9.3} {:>5} {:>6} {:>6.3} {:>7.1}",
                it.wanted,
                share(it.hit, it.wanted),
                share(it.hit + it.served, it.wanted),
                it.advised,
                share(it.right, it.advised),
                share(it.right + it.right_together, it.advised),
                it.redundant,
                it.worse,
                it.after / it.before.max(1.0),
                it.seconds,
            );
        }
    }
}

/// The queries that write: an insert into each table.
fn inserts(made: &Made, rng: &mut Rng) -> Vec<Query> {
    let insert = |table: &data::Table| {
        let names: Vec<&str> = table.columns.iter().map(|it| it.0).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let text = format!("INSERT INTO {} ({}) VALUES ({marks})", table.name, names.join(", "));
        let rows: Vec<Vec<Cell>> = (0..20).map(|_| made.row(table, rng)).collect();
        Query { text, params: rows, calls: table.inserts }
    };
    made.schema.tables.iter().filter(|it| it.inserts > 0).map(insert).collect()
}

fn label_json(engine: &str, place: &str, case: &Case, effect: &Effect, bare: f64) -> Value {
    let ddl: Vec<String> = case.wanted[0].iter().map(|it| it.ddl("w")).collect();
    json!({
        "label": format!("{:?}", effect.label).to_lowercase(), "engine": engine, "place": place,
        "kind": case.kind, "query": case.query.text, "calls": case.query.calls,
        "candidate": ddl, "gain": effect.gain, "before": bare,
        "queries_worse": effect.worse.len(),
    })
}

fn count(labels: &[Effect]) -> String {
    let of = |label| labels.iter().filter(|it| it.label == label).count();
    format!(
        "{} wanted, {} decoys, {} unclear",
        of(Label::Wanted),
        of(Label::Decoy),
        of(Label::Unclear)
    )
}

type Advise<'a> = Box<dyn Fn() -> Result<Vec<String>> + 'a>;

/// Labels the cases, and asks each advisor.
fn judge(
    report: &mut Report,
    engine: (&str, &str),
    judge: &mut Judge<'_>,
    mut cases: Vec<Case>,
    advisors: &[(String, Advise<'_>)],
) -> Result<()> {
    let start = Instant::now();
    let labels = judge::labels(judge, &mut cases)?;
    let entry = judge.engine.entry();
    println!("{} {}: an entry costs {:.1} to {:.1}", engine.0, engine.1, entry.0, entry.1);
    println!("{} {}: {} ({:.0?})", engine.0, engine.1, count(&labels), start.elapsed());
    for (at, (case, effect)) in cases.iter().zip(&labels).enumerate() {
        report.runs.push(label_json(engine.0, engine.1, case, effect, judge.bare[at].work));
    }
    for (name, advise) in advisors {
        let start = Instant::now();
        let advised = match advise() {
            Ok(advised) => advised,
            Err(error) => {
                println!("  {name}: {error}");
                continue;
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        let mut score = judge::score(judge, &cases, &labels, &advised)?;
        score.seconds = seconds;
        println!(
            "  {name}: hit {} (+{} served) of {}, right {} (+{} together) of {}, fell for {}, \
             redundant {}, worse {}, {seconds:.1} s",
            score.hit,
            score.served,
            score.wanted,
            score.right,
            score.right_together,
            score.advised,
            score.fell_for,
            score.redundant,
            score.worse
        );
        report.add(engine.0, name, engine.1, &score);
    }
    Ok(())
}

fn workload(made: &Made, dialect: Dialect, rng: &mut Rng) -> (Vec<Case>, Vec<Query>) {
    let cases = kinds::cases(made, dialect, rng);
    let queries: Vec<Query> = cases.iter().map(|it| it.query.clone()).collect();
    (cases, queries)
}

fn wanted<'a>(wish: &Wish, all: Vec<(&str, Advise<'a>)>) -> Vec<(String, Advise<'a>)> {
    let asked = |name: &str| wish.advisors.is_empty() || wish.advisors.iter().any(|it| it == name);
    let all = all.into_iter().filter(|it| asked(it.0));
    all.map(|(name, advise)| (name.to_owned(), advise)).collect()
}

fn on_sqlite(wish: &Wish, seed: u64, made: &Made, report: &mut Report) -> Result<()> {
    let mut rng = Rng::with_seed(seed * 1_000 + 1);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bare.db");
    // One in three has no numbers for the planner.
    let is_analysed = (seed as usize + made.schema.name.len()) % 3 != 0;
    sqlite::make(made, &file, is_analysed)?;
    let (cases, queries) = workload(made, Dialect::Sqlite, &mut rng);
    let writes = inserts(made, &mut rng);
    let mut engine = sqlite::Sqlite::open(&file, is_analysed)?;
    let place = format!("{} {seed}", made.schema.name);
    let address = format!("sqlite:{}", file.display());
    let mut judged = Judge::new(&mut engine, &made.schema, queries.clone())?;
    let advisors = wanted(
        wish,
        vec![
            ("forebay", Box::new(|| ours::advise(&address, &queries, &writes, &[])) as Advise<'_>),
            (".expert", Box::new(|| peers::expert(&file, &queries, None))),
            (".expert --sample 100", Box::new(|| peers::expert(&file, &queries, Some(100)))),
        ],
    );
    judge(report, ("sqlite", &place), &mut judged, cases, &advisors)
}

fn on_postgres(
    wish: &Wish,
    seed: u64,
    made: &Made,
    cluster: &Cluster,
    report: &mut Report,
) -> Result<()> {
    let mut rng = Rng::with_seed(seed * 1_000 + 2);
    let name = format!("{}_{seed}", made.schema.name);
    cluster.create_database(&name)?;
    let url = cluster.url_for("postgres", &name);
    postgres::make(made, &url)?;
    let (mut cases, mut queries) = workload(made, Dialect::Postgres, &mut rng);
    if made.schema.name == "texts" {
        postgres::script(&url, documents::PREPARE)?;
        let more = documents::cases(made, &mut rng);
        queries.extend(more.iter().map(|it| it.query.clone()));
        cases.extend(more);
    }
    let writes = inserts(made, &mut rng);
    let mut engine = postgres::Postgres::open(&url)?;
    let place = format!("{} {seed}", made.schema.name);
    let mut judged = Judge::new(&mut engine, &made.schema, queries.clone())?;
    let peers = Peers::found();
    let advisors = wanted(wish, peers.all(&url, &queries, &writes));
    judge(report, ("postgres", &place), &mut judged, cases, &advisors)
}

/// Where the other advisors of PostgreSQL are.
struct Peers {
    dexter: Option<String>,
    index_advisor: Option<String>,
    /// The folder, a Python with psycopg2, and megabytes.
    extend: Option<(String, String, String)>,
}

impl Peers {
    fn found() -> Peers {
        let place = |name| std::env::var(name).ok();
        let or = |name, other: &str| place(name).unwrap_or_else(|| other.to_owned());
        let extend = place("EXTEND_HOME")
            .map(|home| (home, or("EXTEND_PYTHON", "python3"), or("EXTEND_MB", "500")));
        Peers { dexter: place("DEXTER_HOME"), index_advisor: place("INDEX_ADVISOR_SQL"), extend }
    }

    fn all<'a>(
        &'a self,
        url: &'a str,
        queries: &'a [Query],
        writes: &'a [Query],
    ) -> Vec<(&'static str, Advise<'a>)> {
        let own = || ours::advise(url, queries, writes, &["--prove"]);
        let mut all: Vec<(&str, Advise<'a>)> = vec![("forebay", Box::new(own))];
        if let Some(home) = &self.dexter {
            all.push(("dexter", Box::new(move || peers::dexter(home, url, queries))));
        }
        if let Some(file) = &self.index_advisor {
            all.push(("index_advisor", Box::new(move || peers::index_advisor(file, url, queries))));
        }
        if let Some((home, python, megabytes)) = &self.extend {
            let ask = move || peers::extend((python, home), url, queries, megabytes);
            all.push(("extend", Box::new(ask)));
        }
        all
    }
}

/// TPC-H: nothing is planted, what is advised is judged.
fn on_tpch(wish: &Wish, cluster: Option<&Cluster>, report: &mut Report) -> Result<()> {
    let schema = tpch::schema();
    if wish.engines.iter().any(|it| it == "sqlite") {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("bare.db");
        tpch::make_sqlite(&file, wish.scale)?;
        let queries = tpch::queries(Dialect::Sqlite);
        let address = format!("sqlite:{}", file.display());
        let mut engine = sqlite::Sqlite::open(&file, true)?;
        let mut judged = Judge::new(&mut engine, &schema, queries.clone())?;
        let advisors = wanted(
            wish,
            vec![
                ("forebay", Box::new(|| ours::advise(&address, &queries, &[], &[])) as Advise<'_>),
                (".expert", Box::new(|| peers::expert(&file, &queries, None))),
            ],
        );
        judge(report, ("sqlite", "tpch"), &mut judged, Vec::new(), &advisors)?;
    }
    if let Some(cluster) = cluster {
        cluster.create_database("tpch")?;
        let url = cluster.url_for("postgres", "tpch");
        tpch::make_postgres(&url, wish.scale)?;
        let queries = tpch::queries(Dialect::Postgres);
        let mut engine = postgres::Postgres::open(&url)?;
        let mut judged = Judge::new(&mut engine, &schema, queries.clone())?;
        let peers = Peers::found();
        let advisors = wanted(wish, peers.all(&url, &queries, &[]));
        judge(report, ("postgres", "tpch"), &mut judged, Vec::new(), &advisors)?;
    }
    Ok(())
}

fn main() -> Result<()> {
    let wish = wish()?;
    let mut report = Report::default();
    let cluster = match wish.engines.iter().any(|it| it == "postgres") {
        true => {
            let version = Version::debian().ok_or("PostgreSQL is not installed")?;
            let cluster = Cluster::start(Settings::on(&version))?;
            for line in [
                "shared_buffers = 1GB",
                "jit = off",
                "work_mem = 16MB",
                "max_parallel_workers_per_gather = 0",
                "random_page_cost = 1.1",
            ] {
                cluster.configure(line)?;
            }
            cluster.restart()?;
            Some(cluster)
        }
        false => None,
    };
    for seed in &wish.seeds {
        for schema in schemas::all() {
            if !wish.schemas.is_empty() && !wish.schemas.iter().any(|it| it == schema.name) {
                continue;
            }
            let made = Made::new(schema, wish.percent, &mut Rng::with_seed(*seed));
            if wish.engines.iter().any(|it| it == "sqlite") {
                on_sqlite(&wish, *seed, &made, &mut report)?;
            }
            if let Some(cluster) = &cluster {
                on_postgres(&wish, *seed, &made, cluster, &mut report)?;
            }
        }
    }
    if wish.schemas.iter().any(|it| it == "tpch") {
        on_tpch(&wish, cluster.as_ref(), &mut report)?;
    }
    report.print();
    if let Some(out) = &wish.out {
        let text = serde_json::to_string_pretty(&report.runs)?;
        std::fs::write(out, text)?;
    }
    Ok::<(), Fault>(())
}
