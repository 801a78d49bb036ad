//! What the planner would do with an index, and which indexes are worth proving: the one that saves
//! most first, then whatever saves most beside it. An index is put before the planner by HypoPG, or
//! is built within the transaction that will be rolled back.

use std::collections::{BTreeMap, BTreeSet};

use super::candidate::{Candidate, Set};
use super::plan::Plan;
use super::server::Server;
use crate::error::Result;
use crate::value::Value;

/// Sets of parameters that are planned for each statement.
const SETS_MAX: usize = 2;

/// What an entry of an index costs a write, in the planner's unit: with a page read in a row as 1,
/// about as much as a few hundredths of a millisecond are in its time.
const ENTRY_COST: f64 = 0.6;

/// What one more key has to bring, as a share of the whole gain.
const KEY_WORTH: f64 = 0.97;

/// The same of columns that are only put beside the keys.
const INCLUDED_WORTH: f64 = 0.9;

/// What the planner cannot be asked of is supposed to leave so much of the cost.
const SUPPOSED: f64 = 0.5;

/// A statement that reads.
#[derive(Clone, Debug)]
pub(super) struct Read {
    /// Its place in the workload.
    pub(super) at: usize,
    pub(super) text: String,
    pub(super) sets: Vec<Vec<Value>>,
    pub(super) calls: f64,
    /// What the planner expects it to cost now.
    pub(super) cost: f64,
    pub(super) tables: BTreeSet<(String, String)>,
    pub(super) sets_of_indexes: Vec<Set>,
    /// The keys that it orders rows by, each with whether it descends.
    pub(super) order: Vec<(String, bool)>,
    /// No two rows are equal in these.
    pub(super) is_order_unique: bool,
}

impl Read {
    /// Its sets of parameters; of a text without any, one that is empty.
    pub(super) fn samples(&self) -> Vec<&[Value]> {
        match self.sets.is_empty() {
            true => vec![&[]],
            false => self.sets.iter().map(Vec::as_slice).collect(),
        }
    }

    fn touches(&self, set: &Set) -> bool {
        set.iter().any(|it| self.tables.contains(&it.table))
    }
}

/// How an index is put before the planner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// Of this schema.
    HypoPg(String),
    /// Within a transaction that is open.
    Built,
}

/// Asks the planner.
pub(super) struct Weigher<'a> {
    pub(super) server: &'a Server,
    pub(super) means: Means,
    /// Rows that are written, by table.
    pub(super) writes: &'a BTreeMap<(String, String), f64>,
    pub(super) gain_min: f64,
    pub(super) indexes_max: usize,
}

/// An index that the planner sees.
#[derive(Debug)]
struct Shown(String);

/// A set that is worth looking at, with the costs of the statements that touch its tables.
#[derive(Clone, Debug)]
struct Worth {
    set: Set,
    /// Cost with it, by place in the list of statements.
    costs: BTreeMap<usize, f64>,
    /// By the costs of an earlier round, which are no lower.
    gain: f64,
}

impl Weigher<'_> {
    /// Chooses what to prove. `tried` counts the sets that were put before the planner.
    pub(super) async fn choose(&self, reads: &[Read], tried: &mut usize) -> Result<Vec<Candidate>> {
        let mut costs: Vec<f64> = reads.iter().map(|read| read.cost).collect();
        let mut open = self.survey(reads, tried).await?;
        let mut chosen: Vec<Candidate> = Vec::new();
        let mut shown = Vec::new();
        while chosen.len() < self.indexes_max && self.server.has_time() {
            for worth in &mut open {
                worth.gain = self.gain(worth, reads, &costs);
            }
            open.retain(|worth| worth.gain > 0.0);
            open.sort_by(|a, b| a.gain.total_cmp(&b.gain));
            let Some(mut best) = open.pop() else { break };
            // What was weighed without the others may bring less beside them.
            if !chosen.is_empty() {
                let old = best.gain;
                best.costs = self.costs(&best.set, reads).await?;
                best.gain = self.gain(&best, reads, &costs);
                if best.gain < old * 0.99 {
                    open.extend((best.gain > 0.0).then_some(best));
                    continue;
                }
            }
            for (at, cost) in &best.costs {
                costs[*at] = costs[*at].min(*cost);
            }
            for candidate in best.set {
                shown.extend(self.show(&candidate).await?);
                if !chosen.contains(&candidate) {
                    chosen.push(candidate);
                }
            }
        }
        for it in shown {
            self.hide(&it).await?;
        }
        let all = chosen.clone();
        chosen.retain(|it| !all.iter().any(|other| other.covers(it)));
        Ok(chosen)
    }

    /// Every set that helps the statement it was made for, with what it does for others.
    async fn survey(&self, reads: &[Read], tried: &mut usize) -> Result<Vec<Worth>> {
        let mut known: BTreeSet<Set> = BTreeSet::new();
        let mut open = Vec::new();
        for read in reads {
            for set in &read.sets_of_indexes {
                if known.contains(set) || !self.server.has_time() {
                    continue;
                }
                *tried += 1;
                let own = self.cost(set, read).await?;
                if own > read.cost * (1.0 - self.gain_min) {
                    continue;
                }
                known.insert(set.clone());
                let costs = self.costs(set, reads).await?;
                open.push(Worth { set: set.clone(), costs, gain: 0.0 });
            }
        }
        Ok(open)
    }

    /// What a set saves, writes deducted; nothing if no statement gains enough.
    fn gain(&self, worth: &Worth, reads: &[Read], costs: &[f64]) -> f64 {
        let (mut saved, mut before) = (0.0, 0.0);
        for (at, cost) in &worth.costs {
            if *cost <= costs[*at] * (1.0 - self.gain_min) {
                saved += (costs[*at] - cost) * reads[*at].calls;
                before += costs[*at] * reads[*at].calls;
            }
        }
        let writes: f64 = worth.set.iter().map(|it| self.entries(it)).sum();
        let net = saved - writes * ENTRY_COST;
        if before <= 0.0 || net < before * self.gain_min {
            return 0.0;
        }
        let keys: usize = worth.set.iter().map(|it| it.keys.len()).sum();
        let more = worth.set.iter().any(|it| !it.included.is_empty());
        let keys = i32::try_from(keys).unwrap_or(i32::MAX);
        net * KEY_WORTH.powi(keys) * if more { INCLUDED_WORTH } else { 1.0 }
    }

    /// Entries that writes make in an index. A partial one has few.
    fn entries(&self, candidate: &Candidate) -> f64 {
        let rows = self.writes.get(&candidate.table).copied().unwrap_or(0.0);
        rows * if candidate.filter.is_some() { 0.1 } else { 1.0 }
    }

    /// What each statement that touches its tables costs with a set.
    async fn costs(&self, set: &Set, reads: &[Read]) -> Result<BTreeMap<usize, f64>> {
        let mut costs = BTreeMap::new();
        let Some(shown) = self.show_all(set).await? else {
            let own = |read: &&Read| read.sets_of_indexes.contains(set);
            let supposed = reads.iter().enumerate().filter(|(_, read)| own(read));
            return Ok(supposed.map(|(at, read)| (at, read.cost * SUPPOSED)).collect());
        };
        for (at, read) in reads.iter().enumerate().filter(|(_, read)| read.touches(set)) {
            costs.insert(at, self.planned(read).await?);
        }
        for it in &shown {
            self.hide(it).await?;
        }
        Ok(costs)
    }

    /// What one statement costs with a set.
    async fn cost(&self, set: &Set, read: &Read) -> Result<f64> {
        let Some(shown) = self.show_all(set).await? else { return Ok(read.cost * SUPPOSED) };
        let cost = self.planned(read).await;
        for it in &shown {
            self.hide(it).await?;
        }
        cost
    }

    async fn planned(&self, read: &Read) -> Result<f64> {
        planned(self.server, read).await
    }

    /// `None` if the planner cannot be shown one of them.
    async fn show_all(&self, set: &Set) -> Result<Option<Vec<Shown>>> {
        let mut all = Vec::new();
        for candidate in set {
            match self.show(candidate).await? {
                Some(shown) => all.push(shown),
                None => {
                    for it in &all {
                        self.hide(it).await?;
                    }
                    return Ok(None);
                }
            }
        }
        Ok(Some(all))
    }

    async fn show(&self, candidate: &Candidate) -> Result<Option<Shown>> {
        match &self.means {
            Means::HypoPg(_) if candidate.method != "btree" => Ok(None),
            Means::HypoPg(schema) => {
                let create = super::quote::literal(&format!("CREATE INDEX {}", candidate.body()));
                let ask = format!("SELECT indexrelid FROM {schema}.hypopg_create_index({create})");
                let Ok(cells) = self.server.ask(&ask).await else { return Ok(None) };
                Ok(cells.first().first().copied().flatten().map(|oid| Shown(oid.into())))
            }
            Means::Built => {
                let name = format!("forebay_try_{}", fastrand::u64(..));
                let create = format!("CREATE INDEX {name} {}", candidate.body());
                self.server.script("SAVEPOINT forebay_build").await?;
                if self.server.script(&create).await.is_err() {
                    self.server.script("ROLLBACK TO SAVEPOINT forebay_build").await?;
                    return Ok(None);
                }
                self.server.script("RELEASE SAVEPOINT forebay_build").await?;
                let schema = super::quote::identifier(&candidate.table.0);
                Ok(Some(Shown(format!("{schema}.{name}"))))
            }
        }
    }

    async fn hide(&self, shown: &Shown) -> Result<()> {
        match &self.means {
            Means::HypoPg(schema) => {
                let drop = format!("SELECT {schema}.hypopg_drop_index({})", shown.0);
                self.server.ask(&drop).await.map(|_| ())
            }
            Means::Built => self.server.script(&format!("DROP INDEX {}", shown.0)).await,
        }
    }
}

/// What the planner expects a statement to cost: the mean over its parameters.
pub(super) async fn planned(server: &Server, read: &Read) -> Result<f64> {
    let plans = plans(server, read).await?;
    #[expect(clippy::cast_precision_loss, reason = "there are a few")]
    let count = plans.len().max(1) as f64;
    Ok(plans.iter().map(|plan| plan.root.cost).sum::<f64>() / count)
}

/// The plans of a statement for some of its parameters.
pub(super) async fn plans(server: &Server, read: &Read) -> Result<Vec<Plan>> {
    let mut plans = Vec::new();
    for set in read.samples().into_iter().take(SETS_MAX) {
        plans.push(server.plan(&read.text, set).await?);
    }
    Ok(plans)
}
