//! What is known about a statement, for `explain` and `describe`. Nothing is run.

use super::call::Call;
use super::connection::perform;
use super::database::Engine;
use super::origin::Purpose;
use super::session::SessionState;
use super::work::{self, Explain};
use crate::backend::{Described, Known};
use crate::depend;
use crate::error::Result;
use crate::outcome::{Describe, Explanation};
use crate::sql::Bypass;
use crate::stats::WorthStats;
use crate::watch::{Record, Switch};

/// What a schema makes of a statement is not kept up to date.
const ASKED: &str = "it asked what a statement means";

impl Engine {
    pub(crate) async fn explain(&self, mut call: Call<'_>) -> Result<Explanation> {
        self.origin.check()?;
        depend::doubt(ASKED);
        self.check_nested()?;
        let reader = self.origin.acquire(Purpose::Read, call.holder(None)).await?;
        let (described, plan) = perform(reader, Explain { sql: call.text.sql.into() }).await?;
        let analysis = self.judged(&call, described.known).await?;
        let record = self.fingerprints.look_up(call.text.sql);
        record.set_tables(&analysis.read_tables);
        self.trust.switches.settle(&record);
        let rule = self.rule_in_words(&mut call, [&analysis.read_tables, &analysis.write_tables]);
        let is_cacheable = analysis.is_cacheable();
        let tables =
            |names: &[Box<str>]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let mut key = vec!["the text of the statement".to_owned()];
        key.extend(described.params.iter().enumerate().map(|(index, name)| {
            let name = name.as_deref().unwrap_or("?");
            format!("parameter {} ({name}), value and type", index + 1)
        }));
        Ok(Explanation {
            statement: record.text().to_string(),
            fingerprint: record.id(),
            effect: analysis.effect.name(),
            cacheable: is_cacheable,
            reasons: reasons(&analysis),
            reads: tables(&analysis.read_tables),
            rests_on: if is_cacheable { analysis.rests_on.clone() } else { Vec::new() },
            writes: tables(&analysis.write_tables),
            drops: analysis.drops.clone(),
            key: if is_cacheable { key } else { Vec::new() },
            freshness: self.cache_off().map_or_else(
                || self.origin.describe(),
                |why| format!("nothing is cached through this handle: {why}"),
            ),
            switch: if is_cacheable { switch(&record) } else { String::new() },
            rule,
            policy: self.policy_in_words(&call, &analysis),
            coalesces: self.coalesces_in_words(&call).await?,
            worth: if is_cacheable { self.worth(&record) } else { String::new() },
            plan,
        })
    }

    /// Whether the statement is run together with others, if somebody wants to know.
    async fn coalesces_in_words(&self, call: &Call<'_>) -> Result<String> {
        if !call.coalesces {
            return Ok(String::new());
        }
        #[cfg(feature = "postgres")]
        if self.postgres().is_some() {
            let template = self.template(call).await?;
            return Ok(self.coalesces(call, &template).await);
        }
        Ok("no: a read of SQLite has no round trip that could be saved".to_owned())
    }

    /// What is known of the statement. A PostgreSQL server is asked for more than one connection
    /// tells.
    #[cfg(feature = "postgres")]
    async fn judged(&self, call: &Call<'_>, known: Known) -> Result<Known> {
        match self.postgres() {
            Some(_) => self.template(call).await.map(|template| Known::clone(&template.analysis)),
            None => Ok(known),
        }
    }

    #[cfg(not(feature = "postgres"))]
    #[expect(clippy::unused_async, reason = "elsewhere a server is asked")]
    async fn judged(&self, _: &Call<'_>, known: Known) -> Result<Known> {
        Ok(known)
    }

    pub(crate) async fn describe(&self, call: Call<'_>) -> Result<Describe> {
        self.origin.check()?;
        depend::doubt(ASKED);
        self.check_nested()?;
        let reader = self.origin.acquire(Purpose::Read, call.holder(None)).await?;
        perform(reader, work::Describe { sql: call.text.sql.into() }).await.map(describe)
    }

    /// Whether keeping the answers of a statement pays, in words.
    fn worth(&self, record: &Record) -> String {
        let found = WorthStats::from(record.worth.findings());
        if found.origin.is_none() {
            return String::new();
        }
        let verdict = match (self.trust.judges_worth, found.verdict) {
            (false, _) => "not judged (`worth_it` is off)".to_owned(),
            (true, "trial") => "kept, to find out".to_owned(),
            (true, "pays") => "yes".to_owned(),
            (true, "doubtful") => "yes so far, but not lately".to_owned(),
            (true, _) => {
                let seconds = found.rests.unwrap_or_default().as_secs_f64();
                format!("no: its answers are not kept, and tried again in {seconds:.1} s")
            }
        };
        let mut parts = vec![verdict];
        let costs =
            [("a read", found.origin), ("one that is kept", found.miss), ("a hit", found.hit)];
        parts.extend(costs.iter().filter_map(|(what, cost)| {
            cost.map(|cost| format!("{what} takes {:.1} µs", cost.as_secs_f64() * 1e6))
        }));
        if let Some(needed) = found.needed {
            parts.push(match needed <= 1.0 {
                true => format!("{:.1} % hits are needed", needed * 100.0),
                false => "no hit ratio would pay".to_owned(),
            });
        }
        parts.extend(found.hit_ratio.map(|ratio| format!("{:.1} % were found", ratio * 100.0)));
        parts.join("; ")
    }

    /// The same as a session sees it: with what its open transaction has created.
    pub(crate) async fn describe_in_session(
        &self,
        session: &SessionState,
        call: Call<'_>,
    ) -> Result<Describe> {
        depend::doubt(ASKED);
        let _turn = session.turn().await;
        let Some(pinned) = session.pinned() else { return self.describe(call).await };
        pinned.run(work::Describe { sql: call.text.sql.into() }).await.map(describe)
    }
}

/// The switch in force for a statement, in words.
fn switch(record: &Record) -> String {
    match record.switch() {
        Switch::On => "on".to_owned(),
        Switch::Shadow => {
            "shadow: the database answers, and the cache is compared with it".to_owned()
        }
        Switch::Off => "off".to_owned(),
        Switch::SwitchedOff => "off, by the switch of the statement or of a table".to_owned(),
        Switch::Condemned => "off, since an answer in the cache differed from the database's; \
             setting the statement's own switch lets it in again"
            .to_owned(),
    }
}

fn describe(described: Described) -> Describe {
    Describe {
        params: described.params,
        columns: described.known.columns.to_vec(),
        is_explain: described.known.is_explain,
        is_readonly: described.known.is_readonly,
    }
}

fn reasons(analysis: &Known) -> Vec<String> {
    if !analysis.reasons.is_empty() {
        return analysis.reasons.clone();
    }
    let reason = |rule: &Bypass| match rule {
        Bypass::Function => format!("{}: {}", rule.reason(), analysis.functions.join(", ")),
        rule => rule.reason().to_owned(),
    };
    analysis.bypasses.iter().map(reason).collect()
}
