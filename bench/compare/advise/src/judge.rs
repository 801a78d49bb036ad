//! Labels, and what an advisor's advice is worth: both by building and running.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::case::{Case, Index, Query};
use crate::data::Schema;
use crate::engine::{Cost, Engine, Fared, Result};

/// The least share of what its queries cost that an index has to save, net of writes.
const GAIN_MIN: f64 = 0.2;

/// Tables with fewer rows count neither way.
const ROWS_MIN: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    Wanted,
    Decoy,
    Unclear,
}

/// What building some indexes brings.
#[derive(Clone, Debug)]
pub struct Effect {
    pub label: Label,
    /// The share that is saved of what the queries that are helped cost, net of writes.
    pub gain: f64,
    pub helped: Vec<usize>,
    pub worse: Vec<usize>,
}

pub struct Judge<'a> {
    pub engine: &'a mut dyn Engine,
    pub schema: &'a Schema,
    pub queries: Vec<Query>,
    pub bare: Vec<Cost>,
}

impl<'a> Judge<'a> {
    pub fn new(
        engine: &'a mut dyn Engine,
        schema: &'a Schema,
        queries: Vec<Query>,
    ) -> Result<Judge<'a>> {
        let bare = queries.iter().map(|query| engine.cost(query)).collect::<Result<_>>()?;
        Ok(Judge { engine, schema, queries, bare })
    }

    fn rows(&self, table: &str) -> usize {
        self.schema.tables.iter().find(|it| it.name == table).map_or(0, |it| it.rows)
    }

    /// The entries of these indexes that all writes make.
    fn entries(&self, ddl: &[String]) -> f64 {
        let inserts = |ddl: &String| {
            let index = Index::read(ddl)?;
            let table = self.schema.tables.iter().find(|it| it.name == index.table)?;
            // A partial index has an entry for few rows.
            let share = if index.filter.is_some() { 0.1 } else { 1.0 };
            Some(table.inserts as f64 * share)
        };
        ddl.iter().filter_map(inserts).sum()
    }

    /// Builds these on the bare database, runs the queries that read their tables, and takes them
    /// back.
    pub fn effect(&mut self, ddl: &[String]) -> Result<Effect> {
        Ok(self.trial(ddl)?.0)
    }

    /// The same with what each query costs then.
    fn trial(&mut self, ddl: &[String]) -> Result<(Effect, Vec<Cost>)> {
        let tables: BTreeSet<String> =
            ddl.iter().filter_map(|it| Some(Index::read(it)?.table)).collect();
        self.engine.build(ddl)?;
        let mut after = self.bare.clone();
        for (at, query) in self.queries.iter().enumerate() {
            let lower = query.text.to_ascii_lowercase();
            if tables.iter().any(|table| lower.contains(table.as_str())) {
                after[at] = self.engine.cost(query)?;
                if self.engine.fared(self.bare[at], after[at]) == Fared::Worse {
                    let again = self.engine.cost(query)?;
                    after[at].work = after[at].work.min(again.work);
                }
            }
        }
        self.engine.undo()?;
        let effect = self.compare(&after, self.entries(ddl));
        Ok((effect, after))
    }

    /// Writes are counted both as the cheapest and as the dearest: where these do not
    /// agree, neither
    /// does the label.
    fn compare(&self, after: &[Cost], entries: f64) -> Effect {
        let fared = |at: &usize| self.engine.fared(self.bare[*at], after[*at]);
        let all = 0..self.queries.len();
        let helped: Vec<usize> = all.clone().filter(|at| fared(at) == Fared::Better).collect();
        let unclear = all.clone().any(|at| fared(&at) == Fared::Unclear);
        let worse = all.filter(|at| fared(at) == Fared::Worse).collect();
        let times = |at: usize| self.times(at);
        let saved: f64 =
            helped.iter().map(|at| times(*at) * (self.bare[*at].work - after[*at].work)).sum();
        let cost: f64 = helped.iter().map(|at| times(*at) * self.bare[*at].work).sum();
        let (least, most) = self.engine.entry();
        let net = |entry: f64| if cost > 0.0 { (saved - entries * entry) / cost } else { 0.0 };
        let label = match (net(most) >= GAIN_MIN, net(least) >= GAIN_MIN) {
            (true, _) => Label::Wanted,
            (false, true) => Label::Unclear,
            (false, false) if unclear && helped.is_empty() => Label::Unclear,
            (false, false) => Label::Decoy,
        };
        Effect { label, gain: net(most), helped, worse }
    }

    /// How often a query is run with each of its sets of parameters.
    fn times(&self, at: usize) -> f64 {
        self.queries[at].calls as f64 / self.queries[at].params.len().max(1) as f64
    }

    /// Whether an index beside others saves what it has to save alone.
    fn is_needed(&self, ddl: &str, without: &[Cost], with: &[Cost]) -> bool {
        let fared = |at: &usize| self.engine.fared(without[*at], with[*at]);
        let helped: Vec<usize> = (0..with.len()).filter(|at| fared(at) == Fared::Better).collect();
        let saved: f64 =
            helped.iter().map(|at| self.times(*at) * (without[*at].work - with[*at].work)).sum();
        let cost: f64 = helped.iter().map(|at| self.times(*at) * without[*at].work).sum();
        let entries = self.entries(std::slice::from_ref(&ddl.to_owned()));
        cost > 0.0 && saved - entries * self.engine.entry().1 >= cost * GAIN_MIN
    }

    /// What all of it together brings: the costs afterwards.
    pub fn whole(&mut self, ddl: &[String]) -> Result<(Vec<Cost>, Vec<(String, String)>)> {
        let refused = self.engine.build(ddl)?;
        let mut after = Vec::new();
        for at in 0..self.queries.len() {
            let mut cost = self.engine.cost(&self.queries[at])?;
            for _ in 0..3 {
                if self.engine.fared(self.bare[at], cost) == Fared::Worse {
                    let again = self.engine.cost(&self.queries[at])?;
                    cost.work = cost.work.min(again.work);
                }
            }
            after.push(cost);
        }
        self.engine.undo()?;
        Ok((after, refused))
    }
}

/// The label of each case. Of an index that is wanted, the shortest beginning that does as well is
/// what is asked of advisors.
pub fn labels(judge: &mut Judge<'_>, cases: &mut [Case]) -> Result<Vec<Effect>> {
    let mut effects = Vec::new();
    for (at, case) in cases.iter_mut().enumerate() {
        let (mut effect, full) = judge.trial(&ddl(&case.wanted[0]))?;
        // What is read in no time needs no index, whatever the share.
        let of = case.wanted[0].iter().map(|it| judge.rows(&it.table)).min();
        if of.is_some_and(|rows| (1..ROWS_MIN).contains(&rows)) {
            effect.label = Label::Unclear;
        }
        // A candidate is for its own query; what it does for others is theirs to say.
        if effect.label == Label::Wanted && !effect.helped.contains(&at) {
            effect.label = Label::Decoy;
        }
        // Nobody may advise a beginning of what is there, so nobody is asked for one.
        let is_there = |it: &Index| existing(judge.schema).iter().any(|has| it.is_prefix_of(has));
        if effect.label == Label::Wanted && case.wanted[0].iter().all(is_there) {
            effect.label = Label::Unclear;
        }
        if let (Label::Wanted, [only]) = (effect.label, &case.wanted[0][..]) {
            let beginnings = (1..only.keys.len()).map(|count| Index {
                keys: only.keys[..count].to_vec(),
                equal: only.equal.min(count),
                ..only.clone()
            });
            for beginning in beginnings.collect::<Vec<_>>() {
                let (_, part) = judge.trial(&ddl(std::slice::from_ref(&beginning)))?;
                let more = judge.engine.fared(part[at], full[at]);
                let any = judge.engine.fared(judge.bare[at], part[at]);
                if any == Fared::Better && more != Fared::Better {
                    case.wanted.insert(0, vec![beginning]);
                    break;
                }
            }
        }
        effects.push(effect);
    }
    Ok(effects)
}

/// The indexes that are there beforehand.
fn existing(schema: &Schema) -> Vec<Index> {
    schema.existing.iter().filter_map(|it| Index::read(it)).collect()
}

fn ddl(set: &[Index]) -> Vec<String> {
    set.iter().enumerate().map(|(n, it)| it.ddl(&format!("w{n}"))).collect()
}

/// What an advisor's advice came to in one schema.
#[derive(Clone, Debug, Default)]
pub struct Score {
    pub wanted: usize,
    pub hit: usize,
    /// Not hit, but the query is as quick as with the wanted index.
    pub served: usize,
    pub decoys: usize,
    pub fell_for: usize,
    pub advised: usize,
    pub right: usize,
    /// Wins only together with others that were advised.
    pub right_together: usize,
    pub redundant: usize,
    pub worse: usize,
    pub before: f64,
    pub after: f64,
    pub seconds: f64,
    pub details: Vec<Value>,
}

impl Score {
    pub fn add(&mut self, other: &Score) {
        self.wanted += other.wanted;
        self.hit += other.hit;
        self.served += other.served;
        self.decoys += other.decoys;
        self.fell_for += other.fell_for;
        self.advised += other.advised;
        self.right += other.right;
        self.right_together += other.right_together;
        self.redundant += other.redundant;
        self.worse += other.worse;
        self.before += other.before;
        self.after += other.after;
        self.seconds += other.seconds;
    }

    pub fn json(&self) -> Value {
        json!({
            "wanted": self.wanted, "hit": self.hit, "served_otherwise": self.served,
            "decoys": self.decoys, "decoys_advised": self.fell_for, "advised": self.advised,
            "right_alone": self.right, "right_together": self.right_together,
            "redundant": self.redundant, "queries_worse": self.worse,
            "cost_left": if self.before > 0.0 { self.after / self.before } else { 1.0 },
            "seconds": self.seconds, "details": self.details,
        })
    }
}

/// Judges what was advised.
pub fn score(
    judge: &mut Judge<'_>,
    cases: &[Case],
    labels: &[Effect],
    advised: &[String],
) -> Result<Score> {
    let read: Vec<Index> = advised.iter().filter_map(|it| Index::read(it)).collect();
    let (after, refused) = judge.whole(advised)?;
    let mut score = Score { advised: advised.len(), ..Score::default() };
    for (sql, reason) in refused {
        score.details.push(json!({"refused by the database": sql, "reason": reason}));
    }
    for (at, (case, effect)) in cases.iter().zip(labels).enumerate() {
        let existing = existing(judge.schema);
        let has = |wanted: &Index| read.iter().any(|it| it.serves(wanted));
        // Of the two sides of an OR one may have its index already.
        let had = |wanted: &Index| existing.iter().any(|it| it.serves(wanted));
        let is_hit = case
            .wanted
            .iter()
            .any(|set| set.iter().any(has) && set.iter().all(|it| has(it) || had(it)));
        let old = existing.iter().any(|it| it.serves(&case.wanted[0][0]));
        match effect.label {
            Label::Wanted => {
                score.wanted += 1;
                score.hit += usize::from(is_hit);
                let gained = 1.0 - after[at].work / judge.bare[at].work;
                let is_served = !is_hit && gained >= effect.gain.min(1.0) * 0.9;
                score.served += usize::from(is_served);
                if !is_hit {
                    score.details.push(json!({
                        "missed": case.wanted[0].iter().map(|it| it.ddl("w")).collect::<Vec<_>>(),
                        "kind": case.kind, "query": case.query.text, "calls": case.query.calls,
                        "gain_of_wanted": effect.gain, "gain_of_advised": gained,
                        "served_otherwise": is_served,
                    }));
                }
            }
            Label::Decoy => {
                score.decoys += 1;
                score.fell_for += usize::from(is_hit && !old);
            }
            Label::Unclear => {}
        }
    }
    for (at, query) in judge.queries.iter().enumerate() {
        score.before += judge.bare[at].work * query.calls as f64;
        score.after += after[at].work * query.calls as f64;
        if judge.engine.fared(judge.bare[at], after[at]) == Fared::Worse {
            score.worse += 1;
            score.details.push(json!({
                "worse": query.text, "before": judge.bare[at].work, "after": after[at].work,
                "blocks_before": judge.bare[at].blocks, "blocks_after": after[at].blocks,
            }));
        }
    }
    precision(judge, advised, &read, &after, &mut score)?;
    Ok(score)
}

/// Which advised indexes are right: alone on the bare database, or as one of several.
fn precision(
    judge: &mut Judge<'_>,
    advised: &[String],
    read: &[Index],
    after: &[Cost],
    score: &mut Score,
) -> Result<()> {
    let existing = existing(judge.schema);
    for (n, ddl) in advised.iter().enumerate() {
        let Some(index) = Index::read(ddl) else { continue };
        let others = read.iter().enumerate().filter(|(m, it)| {
            *m != n && index.is_prefix_of(it) && (index.keys != it.keys || *m < n)
        });
        if others.count() > 0 || existing.iter().any(|it| index.is_prefix_of(it)) {
            score.redundant += 1;
            score.details.push(json!({"redundant": ddl}));
        }
        let effect = judge.effect(std::slice::from_ref(ddl))?;
        if effect.label == Label::Wanted {
            score.right += 1;
            continue;
        }
        let rest: Vec<String> = advised.iter().filter(|it| *it != ddl).cloned().collect();
        let (without, _) = judge.whole(&rest)?;
        let is_needed = judge.is_needed(ddl, &without, after);
        score.right_together += usize::from(is_needed);
        score.details.push(json!({
            "not right alone": ddl, "gain": effect.gain, "needed by the others": is_needed,
        }));
    }
    Ok(())
}
