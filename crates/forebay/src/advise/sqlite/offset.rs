//! Statements that leave out many rows before the first that they show: each page costs as much as
//! all before it. What they would cost from the first row on is measured.

use super::admit::Looked;
use super::numbers::saved;
use super::study::Study;
use crate::advise::advice::{Effect, Finding, FindingKind, Measured};
use crate::advise::choose::Set;
use crate::advise::offset::{DEEP, cure};
use crate::error::Result;
use crate::sql::{Operand, without_offset};
use crate::value::Value;

impl Study<'_> {
    pub(super) fn look_for_offsets(&mut self, chosen: &Set) -> Result<()> {
        self.show(chosen)?;
        for query in 0..self.queries.len() {
            let looked = self.queries[query].clone();
            let Some((deep, text, samples)) = from_the_first_row(&looked) else { continue };
            let before = self.measured_as(&looked.text, &looked.samples)?;
            let Ok(after) = self.measured_as(&text, &samples) else { continue };
            if after.work > before.work * (1.0 - self.options.gain_min) {
                continue;
            }
            let effect = Effect {
                query: looked.number,
                text: looked.text.clone(),
                calls: looked.calls,
                before,
                after,
                plan_before: self.trial.plan(&looked.text, &looked.samples[0])?,
                plan_after: self.trial.plan(&text, &samples[0])?,
            };
            let table = looked.sought.uses.first().map_or("", |it| &it.table).to_owned();
            self.find(Finding {
                kind: FindingKind::DeepOffset,
                message: format!("a statement reads {deep} rows only to leave them out"),
                table,
                apply: Vec::new(),
                undo: Vec::new(),
                advice: self.cure_of(&looked),
                saved: saved(&effect),
                effects: vec![effect],
                bytes: 0,
                write_cost: None,
                is_proven: true,
            });
        }
        Ok(())
    }

    fn cure_of(&self, looked: &Looked) -> Vec<String> {
        let Some(it) = looked.sought.uses.iter().find(|it| !it.order.is_empty()) else {
            return cure(&[], false);
        };
        let rowid = self.trial.facts().table(&it.table).and_then(|table| table.rowid);
        let is_unique = it.order.iter().any(|it| rowid.is_some() && it.key.column == rowid);
        let keys: Vec<(String, bool)> =
            it.order.iter().map(|it| (it.key.sql.clone(), it.is_descending)).collect();
        cure(&keys, is_unique)
    }

    /// What a text costs that is not one of the workload.
    pub(super) fn measured_as(&self, text: &str, samples: &[Vec<Value>]) -> Result<Measured> {
        let mut measured = Measured::default();
        for sample in samples {
            let ran = self.trial.run(text, sample)?;
            measured.work += ran.steps as f64;
            measured.time += ran.time;
            measured.is_more |= ran.is_cut;
        }
        let count = u32::try_from(samples.len().max(1)).unwrap_or(1);
        measured.work /= f64::from(count);
        measured.time /= count;
        Ok(measured)
    }
}

/// How many rows a statement leaves out, and the statement that leaves out none.
fn from_the_first_row(looked: &Looked) -> Option<(i64, String, Vec<Vec<Value>>)> {
    let deep = |value: &Value| match value {
        Value::Integer(n) => Some(*n).filter(|n| *n > DEEP),
        _ => None,
    };
    match looked.sought.offset.as_ref()? {
        Operand::Literal(value) => {
            Some((deep(value)?, without_offset(&looked.text)?, looked.samples.clone()))
        }
        Operand::Parameter(number) => {
            let at = number.checked_sub(1)?;
            let values = looked.samples.iter().filter_map(|sample| deep(sample.get(at)?));
            let most = values.max()?;
            let mut samples = looked.samples.clone();
            for sample in &mut samples {
                *sample.get_mut(at)? = Value::Integer(0);
            }
            Some((most, looked.text.clone(), samples))
        }
    }
}
