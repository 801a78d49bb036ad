//! The rules in force, and what they do to a call before it goes its way. Which rule acts on a
//! text is found out once per text; where there are no rules that costs one look at a number.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::call::Call;
use super::database::Engine;
use super::policy::Policy;
use super::template::Template;
use crate::error::{Error, Kind, Result};
use crate::rule::{Facts, Rule};
use crate::sql::Fingerprint;
use crate::stats::RuleStats;

/// Rules of one database at most.
const RULES_MAX: usize = 1_000;

/// Every rule of a database.
pub(super) struct Rules {
    /// The number of the edition in force; 0 if it has no rules.
    number: AtomicU32,
    edition: RwLock<Arc<Edition>>,
}

/// Whether the database may be asked what a statement means, in order to find its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// It will be asked anyhow.
    Freely,
    /// Only if a rule needs it.
    ForTables,
    /// Its only connection may be in the hands of who would wait for that.
    Not,
}

/// The rules that were set together.
struct Edition {
    number: u32,
    needs_tables: bool,
    all: Vec<Active>,
}

/// One of them.
struct Active {
    rule: Rule,
    name: Arc<str>,
    /// How answers are kept, if it says so.
    policy: Option<Arc<Policy>>,
    /// Texts that it was found to fit.
    fits: AtomicU64,
    denied: AtomicU64,
}

/// Which rule of which edition acts on a text: the edition's number, and the rule's plus one.
#[derive(Default)]
pub(super) struct Ruling(AtomicU64);

impl Ruling {
    fn get(&self, number: u32) -> Option<Option<usize>> {
        let known = self.0.load(Ordering::Relaxed);
        let is_of_now = known >> 32 == u64::from(number);
        is_of_now.then(|| (known as u32).checked_sub(1).map(|index| index as usize))
    }

    fn set(&self, edition: &Edition, index: Option<usize>) {
        let index = index.map_or(0, |index| index as u64 + 1);
        self.0.store(u64::from(edition.number) << 32 | index, Ordering::Relaxed);
    }
}

impl Rules {
    pub(super) fn none() -> Rules {
        let edition = Edition { number: 0, needs_tables: false, all: Vec::new() };
        Rules { number: AtomicU32::new(0), edition: RwLock::new(Arc::new(edition)) }
    }

    fn edition(&self) -> Arc<Edition> {
        self.edition.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Edition {
    /// The first rule that fits.
    fn find(&self, facts: &Facts<'_>) -> Option<usize> {
        self.all.iter().position(|active| active.rule.fits(facts))
    }
}

/// Rules that can be in force together.
pub(crate) fn check_rules(rules: &[Rule]) -> Result<()> {
    if rules.len() > RULES_MAX {
        let count = rules.len();
        return Err(Error::usage(format!("{count} rules are more than {RULES_MAX}")));
    }
    let mut names: Vec<&str> = rules.iter().map(Rule::name).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let name = pair[0];
        return Err(Error::usage(format!(
            "two rules are called {name:?}; each needs its own name"
        )));
    }
    let mut spaces: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, bytes) in rules.iter().filter_map(Rule::own_space) {
        if spaces.insert(name, bytes).is_some_and(|before| before != bytes) {
            let text = format!("two rules give the space {name:?} different bounds");
            return Err(Error::usage(text));
        }
    }
    rules.iter().try_for_each(Rule::validate)
}

impl Engine {
    /// Puts these rules in the place of those before, all or none. In force for statements that
    /// begin after it returns.
    pub(crate) fn set_rules(&self, rules: Vec<Rule>) -> Result<()> {
        check_rules(&rules)?;
        let all: Vec<Active> = rules.into_iter().map(|rule| self.active(rule)).collect();
        let mut slot = self.rules.edition.write().unwrap_or_else(PoisonError::into_inner);
        // After 2^32 editions a text could be taken for one that was looked at; there are none.
        let number = slot.number.wrapping_add(1).max(1);
        let needs_tables = all.iter().any(|active| active.rule.needs_tables());
        let is_empty = all.is_empty();
        *slot = Arc::new(Edition { number, needs_tables, all });
        self.rules.number.store(if is_empty { 0 } else { number }, Ordering::Release);
        drop(slot);
        self.fingerprints.all().iter().for_each(|record| record.set_rule(None));
        Ok(())
    }

    fn active(&self, rule: Rule) -> Active {
        let words = &rule.words;
        let policy = words.is_kept().then(|| {
            let mut policy = Policy::default();
            self.put(&rule, &mut policy);
            Arc::new(policy)
        });
        Active {
            name: rule.name().into(),
            policy,
            rule,
            fits: AtomicU64::new(0),
            denied: AtomicU64::new(0),
        }
    }

    /// Says in `policy` what a rule says.
    fn put(&self, rule: &Rule, policy: &mut Policy) {
        let words = &rule.words;
        policy.ttl = words.ttl.or(policy.ttl);
        policy.ttl_only = words.ttl_only.or(policy.ttl_only);
        if let Some(limit) = words.stale_while_revalidate {
            policy.stale_while_revalidate = limit;
        }
        if let Some(limit) = words.stale_if_error {
            policy.stale_if_error = limit;
        }
        if let Some((name, bytes)) = &words.space {
            policy.space = self.shelf().space(name, *bytes);
        }
        for tag in &words.tags {
            let label = self.label(tag);
            if !policy.labels.contains(&label) {
                policy.labels.push(label);
            }
        }
    }

    /// The rules in force, in order, and what they have come to.
    pub(crate) fn rules(&self) -> Vec<RuleStats> {
        let stats = |active: &Active| RuleStats {
            name: active.name.to_string(),
            does: active.rule.to_string(),
            statements: active.fits.load(Ordering::Relaxed),
            denied: active.denied.load(Ordering::Relaxed),
        };
        self.rules.edition().all.iter().map(stats).collect()
    }

    /// Whether the database has one connection only.
    pub(crate) fn is_single(&self) -> bool {
        self.origin.is_single()
    }

    /// Whether calls have to be looked at.
    #[inline]
    pub(crate) fn has_rules(&self) -> bool {
        self.rules.number.load(Ordering::Acquire) != 0
    }

    /// Does to a call what its rule says, if its text is known already. An error if that is to
    /// refuse it.
    #[cold]
    pub(crate) fn rule_known(&self, call: &mut Call<'_>) -> Result<()> {
        if call.is_ruled {
            return Ok(());
        }
        match self.known_template(&call.text) {
            Some(template) => self.rule_by_template(call, &template),
            None => Ok(()),
        }
    }

    /// The same for any text. Where the database is not asked what tables it is of, rules for
    /// tables do not fit.
    pub(crate) async fn rule(&self, call: &mut Call<'_>, asking: Asking) -> Result<()> {
        if call.is_ruled || !self.has_rules() {
            return Ok(());
        }
        let edition = self.rules.edition();
        let asks = match asking {
            Asking::Freely => true,
            Asking::ForTables => edition.needs_tables,
            Asking::Not => false,
        };
        let template = match self.known_template(&call.text) {
            // What is wrong with it is told by whoever runs it.
            None if asks => self.template(call).await.ok(),
            known => known,
        };
        match template {
            Some(template) => self.rule_by_template(call, &template),
            None => {
                let index = self.find(&edition, call.text.sql, [&[], &[]]);
                self.act(call, &edition, index)
            }
        }
    }

    fn rule_by_template(&self, call: &mut Call<'_>, template: &Template) -> Result<()> {
        // What no rule fits, as most, needs no more than two numbers.
        if template.ruling.get(self.rules.number.load(Ordering::Acquire)) == Some(None) {
            call.is_ruled = true;
            return Ok(());
        }
        let edition = self.rules.edition();
        let index = template.ruling.get(edition.number).unwrap_or_else(|| {
            let known = &template.analysis;
            let index =
                self.find(&edition, call.text.sql, [&known.read_tables, &known.write_tables]);
            template.ruling.set(&edition, index);
            let active = index.map(|index| &edition.all[index]);
            active.iter().for_each(|active| _ = active.fits.fetch_add(1, Ordering::Relaxed));
            template.record.set_rule(active.map(|active| active.name.clone()));
            index
        });
        self.act(call, &edition, index)
    }

    fn find(&self, edition: &Edition, sql: &str, tables: [&[Box<str>]; 2]) -> Option<usize> {
        let fingerprint = Fingerprint::new(sql, self.dialect());
        let (id, text) = (fingerprint.id(), fingerprint.text());
        edition.find(&Facts { fingerprint: id, text, tables })
    }

    fn act(&self, call: &mut Call<'_>, edition: &Edition, index: Option<usize>) -> Result<()> {
        call.is_ruled = true;
        let Some(active) = index.map(|index| &edition.all[index]) else { return Ok(()) };
        let words = &active.rule.words;
        if let Some(reason) = &words.deny {
            active.denied.fetch_add(1, Ordering::Relaxed);
            let name = &active.name;
            let text = format!("the rule {name:?} refuses this statement: {reason}");
            return Err(Error::new(Kind::Denied, text));
        }
        call.no_cache |= words.no_cache;
        if words.timeout.is_some() {
            // It counts from here, whatever has begun to count already.
            (call.timeout, call.until) = (words.timeout, OnceLock::new());
        }
        if let Some(rows) = words.max_rows {
            call.limits.rows_max = call.limits.rows_max.min(rows);
        }
        if let Some(policy) = &active.policy
            && self.may_keep(call, &active.rule, policy)
        {
            match &mut call.policy {
                Some(own) => self.put(&active.rule, Arc::make_mut(own)),
                none => *none = Some(policy.clone()),
            }
        }
        Ok(())
    }

    /// A rule never takes exactness from who has asked for it, nor where nobody has said that
    /// answers may be stale.
    fn may_keep(&self, call: &Call<'_>, rule: &Rule, policy: &Policy) -> bool {
        let is_exact = !policy.allows_stale(self.sight());
        is_exact || (rule.is_stale() && !call.is_exact)
    }

    /// The rule for a statement of these tables, in words, with what it does to the call. A
    /// refusal is only told.
    pub(super) fn rule_in_words(&self, call: &mut Call<'_>, tables: [&[Box<str>]; 2]) -> String {
        let edition = self.rules.edition();
        let Some(index) = self.find(&edition, call.text.sql, tables) else { return String::new() };
        let rule = &edition.all[index].rule;
        if rule.words.deny.is_none() {
            // It refuses nothing then.
            let _ = self.act(call, &edition, Some(index));
        }
        let mut text = rule.to_string();
        let is_left = edition.all[index].policy.as_ref();
        if is_left.is_some_and(|policy| !self.may_keep(call, rule, policy)) {
            text +=
                "; its answers stay exact, as the query says or since changes are not seen here";
        }
        text
    }
}
