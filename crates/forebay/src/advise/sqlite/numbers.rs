//! Whether the planner would choose better if it had fresh numbers: the cheapest cure, and so the
//! first that is tried.

use std::time::Duration;

use super::study::Study;
use crate::advise::advice::{Effect, Finding, FindingKind, Measured};
use crate::advise::choose::{Bench as _, Set};
use crate::error::Result;

impl Study<'_> {
    /// Takes fresh numbers, and keeps them if some statement gains by them and none loses.
    pub(super) fn refresh_numbers(&mut self) -> Result<()> {
        let none = Set::new();
        let before: Vec<f64> =
            (0..self.queries.len()).map(|query| self.cost(query, &none)).collect::<Result<_>>()?;
        let plans = self.plans()?;
        let had = self.trial.facts().has_statistics;
        self.trial.keep_numbers()?;
        if self.trial.analyse().is_err() {
            // It took too long, or an index has a collation of the application's own.
            self.trial.put_numbers_back(had)?;
            return Ok(());
        }
        self.costs.clear();
        let after = self.plans()?;
        let mut proven = Vec::new();
        let (mut gains, mut loses) = (false, false);
        for query in 0..self.queries.len() {
            if plans[query] == after[query] || !self.queries[query].is_read {
                continue;
            }
            let cost = self.cost(query, &none)?;
            gains |= before[query] - cost >= before[query] * self.options.gain_min;
            loses |= cost > before[query] * (1.0 + self.options.loss_max);
            if cost < before[query] {
                proven.push((query, before[query], cost));
            }
        }
        if !gains || loses {
            self.trial.put_numbers_back(had)?;
            self.costs.clear();
            return Ok(());
        }
        let mut effects = Vec::new();
        for (query, work_before, work_after) in proven {
            effects.push(self.effect_of_numbers(
                query,
                (work_before, &plans),
                (work_after, &after),
            )?);
        }
        self.tell_of_numbers(had, effects);
        Ok(())
    }

    fn plans(&self) -> Result<Vec<Vec<String>>> {
        let plan = |looked: &super::admit::Looked| {
            let mut lines = Vec::new();
            for sample in &looked.samples {
                lines.extend(self.trial.plan(&looked.text, sample)?);
            }
            Ok(lines)
        };
        self.queries.iter().map(plan).collect()
    }

    fn effect_of_numbers(
        &self,
        query: usize,
        before: (f64, &[Vec<String>]),
        after: (f64, &[Vec<String>]),
    ) -> Result<Effect> {
        let looked = &self.queries[query];
        let sample = looked.samples.first().map_or(&[][..], |it| it);
        let ran = self.trial.run(&looked.text, sample)?;
        let time_after = ran.time;
        // Instructions of one statement take about the same time each.
        let time_before = time_after.mul_f64(before.0 / after.0.max(1.0));
        let measured = |work, time| Measured { work, time, is_more: false };
        Ok(Effect {
            query: looked.number,
            text: looked.text.clone(),
            calls: looked.calls,
            before: measured(before.0, time_before),
            after: measured(after.0, time_after),
            plan_before: before.1[query].clone(),
            plan_after: after.1[query].clone(),
        })
    }

    fn tell_of_numbers(&mut self, had: bool, effects: Vec<Effect>) {
        let saved = effects.iter().map(saved).sum();
        let message = match had {
            true => "the numbers by which SQLite plans are not true any more",
            false => "SQLite guesses which index to use, for ANALYZE has never counted",
        };
        let undo = match had {
            true => Vec::new(),
            false => vec![
                "DROP TABLE IF EXISTS sqlite_stat1;".to_owned(),
                "DROP TABLE IF EXISTS sqlite_stat4;".to_owned(),
            ],
        };
        self.find(Finding {
            kind: FindingKind::StaleStatistics,
            table: String::new(),
            message: message.to_owned(),
            apply: vec!["ANALYZE;".to_owned()],
            undo,
            advice: vec![
                "run PRAGMA optimize from time to time, so that they stay true".to_owned(),
            ],
            effects,
            bytes: 0,
            write_cost: None,
            saved,
            is_proven: true,
        });
    }
}

/// The time that all calls of a statement are spared.
pub(super) fn saved(effect: &Effect) -> Duration {
    let each = effect.before.time.saturating_sub(effect.after.time);
    each.saturating_mul(u32::try_from(effect.calls).unwrap_or(u32::MAX))
}
