//! From a workload to advice: read, plan, weigh, prove.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::candidate::{Candidate, candidates};
use super::catalogue::Catalogue;
use super::need::{Need, needs};
use super::offset::{Said, offset};
use super::plan::Plan;
use super::prove::{Outcome, Prover, Terms, shortened};
use super::report;
use super::sample::sample;
use super::server::Server;
use super::term::Sift;
use super::weigh::{Means, Read, Weigher, planned};
use crate::advise::advice::{Advice, Refusal};
use crate::advise::options::AdviseOptions;
use crate::advise::workload::{Workload, WorkloadQuery};
use crate::error::Result;
use crate::sql::{Dialect, Fingerprint};
use crate::value::Value;

/// Sets of indexes that are built for each statement where the planner can be shown none: each
/// takes the time of a build.
const BUILT_SETS_MAX: usize = 4;

/// What was found out about a workload.
struct Survey<'a> {
    server: &'a Server,
    catalogue: &'a Catalogue,
    options: &'a AdviseOptions,
    /// Texts that differ only in their values.
    alike: HashMap<u64, Vec<&'a str>>,
    reads: Vec<Read>,
    writes: BTreeMap<(String, String), f64>,
    advice: Advice,
}

/// Advises on the database at `url`. It is only read, unless `options` ask for proof: then indexes
/// are built in a transaction that is rolled back.
pub(crate) async fn advise(
    url: &str,
    workload: &Workload,
    options: &AdviseOptions,
) -> Result<Advice> {
    let server = Server::open(url, options.time_max, options.statement_max).await?;
    let catalogue = Catalogue::read(&server.connection, server.until).await?;
    let mut survey = Survey {
        server: &server,
        catalogue: &catalogue,
        options,
        alike: alike(workload),
        reads: Vec::new(),
        writes: BTreeMap::new(),
        advice: Advice { period: workload.period, ..Advice::default() },
    };
    for (at, query) in heaviest(workload, options.queries_max) {
        survey.advice.queries += 1;
        survey.read(at, query).await?;
        if !server.has_time() {
            survey.refuse("the rest of the workload", "the time was up before it was looked at");
            break;
        }
    }
    survey.find().await?;
    survey.look_for_offsets().await?;
    let Survey { mut advice, .. } = survey;
    report::add_needless(&catalogue, &mut advice);
    advice.findings.sort_by_key(|it| std::cmp::Reverse(it.saved));
    Ok(advice)
}

fn alike(workload: &Workload) -> HashMap<u64, Vec<&str>> {
    let mut alike: HashMap<u64, Vec<&str>> = HashMap::new();
    for query in &workload.queries {
        alike.entry(fingerprint(&query.text)).or_default().push(&query.text);
    }
    alike
}

fn fingerprint(text: &str) -> u64 {
    Fingerprint::new(text, Dialect::Postgres).id()
}

/// The statements that take most time, or are run most.
fn heaviest(workload: &Workload, count: usize) -> Vec<(usize, &WorkloadQuery)> {
    let mut all: Vec<(usize, &WorkloadQuery)> = workload.queries.iter().enumerate().collect();
    let weight = |query: &WorkloadQuery| {
        let calls = u32::try_from(query.calls).unwrap_or(u32::MAX);
        (query.mean.unwrap_or_default().saturating_mul(calls), query.calls)
    };
    all.sort_by_key(|(_, query)| std::cmp::Reverse(weight(query)));
    all.truncate(count);
    all
}

impl Survey<'_> {
    fn refuse(&mut self, candidate: impl Into<String>, reason: impl Into<String>) {
        let (candidate, reason) = (candidate.into(), reason.into());
        self.advice.refused.push(Refusal { candidate, reason });
    }

    /// Looks at one statement.
    async fn read(&mut self, at: usize, query: &WorkloadQuery) -> Result<()> {
        let text = query.text.trim().trim_end_matches(';').to_owned();
        let sets = match self.sets(&text, query).await {
            Ok(sets) => sets,
            Err(error) if self.server.is_gone() => return Err(error),
            Err(error) => {
                self.refuse(shortened(&text), format!("it was not looked at: {error}"));
                return Ok(());
            }
        };
        let first = sets.first().map_or(&[][..], Vec::as_slice);
        match self.server.plan(&text, first).await {
            Ok(plan) => self.add(at, text, sets, query.calls, &plan).await,
            Err(error) if self.server.is_gone() => Err(error),
            Err(error) => {
                self.refuse(shortened(&text), format!("the server does not plan it: {error}"));
                Ok(())
            }
        }
    }

    /// The values that it is run with.
    async fn sets(&self, text: &str, query: &WorkloadQuery) -> Result<Vec<Vec<Value>>> {
        if !query.params.is_empty() || !text.contains('$') {
            return Ok(query.params.clone());
        }
        let types = self.server.types(text).await?;
        match types.is_empty() {
            true => Ok(Vec::new()),
            false => sample(self.server, self.catalogue, text, &types).await,
        }
    }

    async fn add(
        &mut self,
        at: usize,
        text: String,
        sets: Vec<Vec<Value>>,
        calls: u64,
        plan: &Plan,
    ) -> Result<()> {
        #[expect(clippy::cast_precision_loss, reason = "nobody counts so far")]
        let calls = calls as f64;
        let all = plan.root.all();
        let written = all.iter().filter(|node| node.kind == "ModifyTable");
        let mut is_write = false;
        for node in written {
            is_write = true;
            let rows = node.children.iter().map(|child| child.rows).fold(1.0, f64::max);
            let table = (node.schema.clone(), node.relation.clone());
            *self.writes.entry(table).or_default() += calls * rows;
        }
        let needs = needs(&plan.root);
        let alike = self.alike.get(&fingerprint(&text)).cloned().unwrap_or_default();
        let mut sets_of_indexes = Vec::new();
        for need in &needs {
            if self.is_worth_an_index(&need.table) {
                sets_of_indexes.extend(candidates(need, self.catalogue, &alike));
            }
        }
        let is_within = |need: &Need| need.terms.iter().any(|term| term.sift == Sift::Within);
        let seeking: Vec<_> = needs.iter().filter(|need| is_within(need)).collect();
        if !self.catalogue.has_trigram && seeking.iter().any(|it| self.is_worth_an_index(&it.table))
        {
            let reason = "it looks for a part of a text, for which an index of trigrams may be: \
                CREATE EXTENSION pg_trgm, and ask again";
            self.refuse(shortened(&text), reason);
        }
        if is_write {
            if !sets_of_indexes.is_empty() && !matches!(&*plan.root.operation, "Insert") {
                let reason = "it writes, and is not run for a trial; give the SELECT that finds \
                    the same rows";
                self.refuse(shortened(&text), reason);
            }
            return Ok(());
        }
        let (order, is_order_unique) = self.order(&needs, plan);
        let tables: BTreeSet<_> = needs.into_iter().map(|need| need.table).collect();
        let mut read = Read {
            at,
            text,
            sets,
            calls,
            cost: 0.0,
            tables,
            sets_of_indexes,
            order,
            is_order_unique,
        };
        read.cost = planned(self.server, &read).await?;
        self.reads.push(read);
        Ok(())
    }

    /// The keys that rows are ordered by: those of a sort, or of the index that is read instead.
    fn order(&self, needs: &[Need], plan: &Plan) -> (Vec<(String, bool)>, bool) {
        let sorted = needs.iter().find_map(|need| Some((need, need.orders.first()?)));
        if let Some((need, order)) = sorted {
            let keys: Vec<(String, bool)> =
                order.iter().map(|it| (it.key.clone(), it.is_descending)).collect();
            let is_key =
                |names: &[String]| names.iter().all(|it| keys.iter().any(|key| key.0 == *it));
            let indexes = self.catalogue.table(&need.table).map(|table| &table.indexes);
            let mut unique = indexes.into_iter().flatten().filter(|it| it.is_unique);
            let is_unique = unique.any(|it| it.filter.is_none() && is_key(&it.columns));
            return (keys, is_unique);
        }
        let mut all = plan.root.all().into_iter();
        let Some(node) = all.find(|it| needs.len() == 1 && !it.index.is_empty()) else {
            return (Vec::new(), false);
        };
        let table = self.catalogue.table(&(node.schema.clone(), node.relation.clone()));
        let index = table.and_then(|it| it.indexes.iter().find(|it| it.name == node.index));
        let keys = index.into_iter().flat_map(|it| it.columns.clone());
        (keys.map(|key| (key, node.is_backward)).collect(), index.is_some_and(|it| it.is_unique))
    }

    /// Statements that leave out many rows before the first that they show.
    async fn look_for_offsets(&mut self) -> Result<()> {
        for read in &self.reads {
            if !self.server.has_time() {
                return Ok(());
            }
            match offset(self.server, read, self.options.build).await? {
                Some(Said::Finding(finding)) => self.advice.findings.push(finding),
                Some(Said::Refusal(refusal)) => self.advice.refused.push(refusal),
                None => {}
            }
        }
        Ok(())
    }

    fn is_worth_an_index(&mut self, table: &(String, String)) -> bool {
        let Some(known) = self.catalogue.table(table) else { return false };
        if known.is_partitioned {
            let reason = "the table is partitioned, which is not looked at yet";
            let refusal = Refusal { candidate: known.sql.clone(), reason: reason.into() };
            if !self.advice.refused.contains(&refusal) {
                self.advice.refused.push(refusal);
            }
            return false;
        }
        #[expect(clippy::cast_precision_loss, reason = "it is small")]
        let rows_min = self.options.rows_min as f64;
        known.rows < 0.0 || known.rows >= rows_min
    }

    /// Chooses, and proves if that is asked for.
    async fn find(&mut self) -> Result<()> {
        let means = match (&self.catalogue.hypopg, self.options.build) {
            (Some(schema), _) => Means::HypoPg(schema.clone()),
            (None, true) => Means::Built,
            (None, false) => {
                let reason = "no index can be tried: install the extension hypopg in this \
                    database, or let indexes be built in a transaction that is rolled back \
                    (--prove)";
                if self.reads.iter().any(|read| !read.sets_of_indexes.is_empty()) {
                    self.refuse("all indexes", reason);
                }
                return Ok(());
            }
        };
        if self.options.build && self.catalogue.is_standby {
            self.refuse(
                "the proof",
                "this is a standby, where nothing can be built: ask its primary",
            );
        }
        if means == Means::Built {
            if self.catalogue.is_standby {
                return Ok(());
            }
            self.reads.iter_mut().for_each(|read| read.sets_of_indexes.truncate(BUILT_SETS_MAX));
        }
        let chosen = self.choose(means).await?;
        if self.options.build && !self.catalogue.is_standby {
            let outcome = self.prove(chosen).await?;
            return self.report(outcome);
        }
        self.estimate(chosen).await
    }

    async fn choose(&mut self, means: Means) -> Result<Vec<Candidate>> {
        let is_built = means == Means::Built;
        let weigher = Weigher {
            server: self.server,
            means,
            writes: &self.writes,
            gain_min: self.options.gain_min,
            indexes_max: self.options.indexes_max,
        };
        let (reads, tried) = (&self.reads, &mut self.advice.candidates);
        if !is_built {
            return weigher.choose(reads, tried).await;
        }
        let begin =
            format!("BEGIN READ WRITE; SET LOCAL lock_timeout = {}", super::server::LOCK_MS_MAX);
        self.server.rolled_back(&begin, async || weigher.choose(reads, tried).await).await
    }

    async fn prove(&self, chosen: Vec<Candidate>) -> Result<Outcome> {
        let terms = Terms { gain_min: self.options.gain_min, loss_max: self.options.loss_max };
        let prover =
            Prover { server: self.server, reads: &self.reads, writes: &self.writes, terms };
        prover.prove(chosen).await
    }

    fn report(&mut self, outcome: Outcome) -> Result<()> {
        for (candidate, reason) in outcome.refused {
            self.refuse(format!("CREATE INDEX {}", candidate.body()), reason);
        }
        let findings = report::proven(&outcome.proven, &self.reads, &self.writes, self.catalogue);
        self.advice.findings.extend(findings);
        Ok(())
    }

    /// What the planner expects, and nobody has seen.
    async fn estimate(&mut self, chosen: Vec<Candidate>) -> Result<()> {
        let mut names = report::names(self.catalogue);
        for candidate in chosen {
            if self.options.unproven {
                let finding = report::estimated(&candidate, self.catalogue, &mut names);
                self.advice.findings.push(finding);
            } else {
                let reason = "the planner expects to gain by it, which is not proven: let it be \
                    built in a transaction that is rolled back (--prove), or ask for estimates \
                    (--unproven)";
                self.refuse(format!("CREATE INDEX {}", candidate.body()), reason);
            }
        }
        Ok(())
    }
}
