//! Running a workload and counting, for each policy, what it would have answered from memory.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use anyhow::{Context, Result, bail};
use fastrand::Rng;
use forebay::{Db, Rows};
use serde_json::{Value, json};

use super::news::News;
use super::shop::Shop;
use super::site::{Deed, Question, Site};
use crate::args::Args;
use crate::read::Compare;
use crate::run::{Bare, Manner, PAGE, Place, Verdict, open};

/// Requests before counting begins, and those that are counted.
const WARM_UP: usize = 20_000;
const REQUESTS: usize = 80_000;

const WRITE_PERCENTS: &[u8] = &[1, 5, 20];

/// What one policy has come to.
#[derive(Clone, Copy, Debug, Default)]
struct Score {
    hits: u64,
    /// Misses on answers that had been kept before: they were dropped.
    dropped: u64,
    /// Of these, the ones whose answer was still the same.
    needless: u64,
}

#[derive(Default)]
struct Scores {
    reads: u64,
    writes: u64,
    forebay: Score,
    tables: Score,
    ideal: Score,
    /// Forebay's, by the text of the question, with how often it was asked.
    by_text: BTreeMap<String, (u64, Score)>,
}

/// What is known of one question since it was last asked.
struct Known {
    rows: Rows,
    versions: Vec<u64>,
}

struct Run<'a> {
    site: &'a mut dyn Site,
    rng: Rng,
    db: Db,
    bare: Bare,
    known: HashMap<(String, Vec<forebay::Value>), Known>,
    /// How often each table was written.
    versions: HashMap<&'static str, u64>,
    scores: Scores,
}

/// Measures both workloads at each share of writes; whether every hit was right.
pub(crate) fn measure(args: &Args) -> Result<bool> {
    let mut records = Vec::new();
    let mut output = std::io::stdout().lock();
    writeln!(
        output,
        "{:<6}{:>8}{:>24}{:>30}{:>28}",
        "", "writes", "hit ratio, %", "needless drops, % of misses", "entries dropped per write"
    )?;
    writeln!(
        output,
        "{:<14}{:>8}{:>8}{:>8}{:>20}{:>8}{:>14}{:>8}{:>8}",
        "", "Forebay", "tables", "ideal", "Forebay", "tables", "Forebay", "tables", "ideal"
    )?;
    for percent in WRITE_PERCENTS {
        for mut site in [Box::new(News::new()) as Box<dyn Site>, Box::new(Shop::new())] {
            let name = site.name();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let scores = runtime.block_on(run(site.as_mut(), *percent, args.seed))?;
            writeln!(output, "{}", line(name, *percent, &scores))?;
            records.push(record(name, *percent, &scores));
        }
    }
    if let Some(path) = &args.json {
        let record = json!({ "seed": args.seed, "requests": REQUESTS, "warm_up": WARM_UP,
            "runs": records });
        std::fs::write(path, format!("{record:#}\n"))
            .with_context(|| format!("cannot write {path}"))?;
    }
    Ok(true)
}

async fn run(site: &mut dyn Site, percent: u8, seed: u64) -> Result<Scores> {
    let place = Place::new()?;
    let bare = Bare::open(&place.path(), PAGE)?;
    bare.run("BEGIN")?;
    bare.run(&site.script()).context("the script of a workload fails")?;
    bare.run("COMMIT; ANALYZE")?;
    let db = open(&place, Manner::default()).await?;
    let mut run = Run {
        site,
        rng: Rng::with_seed(seed),
        db,
        bare,
        known: HashMap::new(),
        versions: HashMap::new(),
        scores: Scores::default(),
    };
    for request in 0..WARM_UP + REQUESTS {
        if request == WARM_UP {
            run.scores = Scores::default();
        }
        if run.rng.u8(..100) < percent {
            let deed = run.site.write(&mut run.rng);
            run.write(&deed).await?;
        } else {
            let question = run.site.ask(&mut run.rng);
            run.ask(question).await?;
        }
    }
    run.db.close().await;
    Ok(run.scores)
}

impl Run<'_> {
    async fn write(&mut self, deed: &Deed) -> Result<()> {
        self.scores.writes += 1;
        self.db
            .transaction(|transaction| async move {
                for statement in &deed.statements {
                    let mut execute = transaction.execute(&statement.sql);
                    for value in &statement.params {
                        execute = execute.bind(value);
                    }
                    execute.await?;
                }
                Ok(())
            })
            .await?;
        for table in deed.tables {
            *self.versions.entry(table).or_default() += 1;
        }
        Ok(())
    }

    async fn ask(&mut self, question: Question) -> Result<()> {
        let Question { statement, tables } = question;
        let mut query = self.db.query(&statement.sql);
        for value in &statement.params {
            query = query.bind(value);
        }
        let outcome = query.fetch().await?;
        let exact = Compare { ordered: true, ..Compare::default() };
        if outcome.cached
            && !matches!(self.bare.judge(&statement, exact, &outcome.rows), Verdict::Same { .. })
        {
            bail!("a wrong answer from the cache: {}", statement.described());
        }
        let version = |table: &&str| self.versions.get(table).copied().unwrap_or(0);
        let versions: Vec<u64> = tables.iter().map(version).collect();
        let key = (statement.sql, statement.params);
        self.scores.reads += 1;
        let (asked, by_text) = self.scores.by_text.entry(key.0.clone()).or_default();
        *asked += 1;
        let known = self.known.get(&key);
        let is_same = known.is_some_and(|known| known.rows == outcome.rows);
        let is_untouched = known.is_some_and(|known| known.versions == versions);
        let is_known = known.is_some();
        by_text.count(outcome.cached, is_known, is_same);
        self.scores.forebay.count(outcome.cached, is_known, is_same);
        self.scores.tables.count(is_untouched, is_known, is_same);
        self.scores.ideal.count(is_same, is_known, is_same);
        self.known.insert(key, Known { rows: outcome.rows, versions });
        Ok(())
    }
}

impl Score {
    fn count(&mut self, is_hit: bool, is_known: bool, is_same: bool) {
        self.hits += u64::from(is_hit);
        self.dropped += u64::from(!is_hit && is_known);
        self.needless += u64::from(!is_hit && is_same);
    }

    fn to_json(self, scores: &Scores) -> Value {
        json!({
            "hits": self.hits, "dropped": self.dropped, "needless": self.needless,
            "hit_percent": percent(self.hits, scores.reads),
            "needless_percent_of_misses": percent(self.needless, scores.reads - self.hits),
            "dropped_per_write": self.dropped as f64 / scores.writes.max(1) as f64,
        })
    }
}

fn percent(part: u64, of: u64) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}

fn line(name: &str, writes: u8, scores: &Scores) -> String {
    let hits = |score: &Score| percent(score.hits, scores.reads);
    let needless = |score: &Score| percent(score.needless, scores.reads - score.hits);
    let dropped = |score: &Score| score.dropped as f64 / scores.writes.max(1) as f64;
    let Scores { forebay, tables, ideal, .. } = scores;
    format!(
        "{name:<6}{:>8}{:>8.1}{:>8.1}{:>8.1}{:>20.1}{:>8.1}{:>14.2}{:>8.2}{:>8.2}",
        format!("{writes} %"),
        hits(forebay),
        hits(tables),
        hits(ideal),
        needless(forebay),
        needless(tables),
        dropped(forebay),
        dropped(tables),
        dropped(ideal)
    )
}

fn record(name: &str, writes: u8, scores: &Scores) -> Value {
    let questions: Vec<Value> = scores
        .by_text
        .iter()
        .map(|(text, (asked, score))| {
            json!({ "text": text, "asked": asked, "hits": score.hits,
                "dropped": score.dropped, "needless": score.needless })
        })
        .collect();
    json!({
        "questions": questions,
        "workload": name, "write_percent": writes,
        "reads": scores.reads, "writes": scores.writes,
        "forebay": scores.forebay.to_json(scores),
        "whole_tables": scores.tables.to_json(scores),
        "ideal": scores.ideal.to_json(scores),
    })
}
