//! Whether keys connect the columns of an earlier answer with what a repeated statement compares
//! them with. The schema is asked behind the statements, never on their way.

use super::schema::Tables;
use crate::engine::database::Engine;
use crate::error::{Error, Result};
use crate::sql::{Lineage, Operand, Source, lineage, operands, plainly};
use crate::watch::{Candidate, Case, Ends, Link, Origin, RepeatFinding, RepeatLedger};

/// Findings that an error shows in full.
const SHOWN_MAX: usize = 20;

impl Engine {
    /// Judges what was suspected, in the background, and logs what is new.
    #[cold]
    pub(super) fn judge_behind(&self) {
        let this = self.this.clone();
        drop(self.runtime.spawn(async move {
            let Some(engine) = this.upgrade() else { return };
            if let Err(error) = engine.judge().await {
                tracing::debug!(target: "forebay::repeat", %error, "the schema could not be read");
            }
            engine.repeats.ledger.news().iter().for_each(log);
        }));
    }

    async fn judge(&self) -> Result<()> {
        let ledger = &self.repeats.ledger;
        // Who comes while others judge waits for what they say.
        let mut kept = self.repeats.tables.lock().await;
        let waiting = ledger.take_waiting();
        if waiting.is_empty() {
            return Ok(());
        }
        match self.tables(&mut kept).await {
            Ok(tables) => {
                waiting.iter().for_each(|case| case.learn(answers(case, &tables, ledger)));
                Ok(())
            }
            Err(error) => {
                ledger.wait_again(&waiting);
                Err(error)
            }
        }
    }

    /// What was found about repeated statements. What is suspected only is judged first, if the
    /// schema can be read.
    pub(crate) async fn repeats(&self) -> Vec<RepeatFinding> {
        // Without it there is less to say, and what there is to say is true.
        drop(self.judge().await);
        self.repeats_known()
    }

    /// An error if a statement was repeated in a scope that one statement could have replaced.
    pub(crate) async fn check_repeats(&self) -> Result<()> {
        let mut findings = self.repeats().await;
        findings.retain(|it| it.is_n_plus_one() && !it.is_from_memory());
        if findings.is_empty() {
            return Ok(());
        }
        let shown: Vec<String> = findings.iter().take(SHOWN_MAX).map(|it| it.to_string()).collect();
        let more = findings.len().saturating_sub(SHOWN_MAX);
        let more = if more > 0 { format!("\n\nand {more} more") } else { String::new() };
        Err(Error::usage(format!(
            "statements were repeated for each of many keys, where one would do:\n\n{}{more}",
            shown.join("\n\n")
        )))
    }
}

fn log(finding: &RepeatFinding) {
    tracing::warn!(
        target: "forebay::repeat",
        kind = finding.kind.name(),
        statement = %finding.statement,
        keys_from = finding.source.as_ref().map(|source| source.column.as_str()),
        executions = finding.executions,
        scopes = finding.scopes,
        lost_ms = finding.time_lost.as_secs_f64() * 1e3,
        entry = finding.entry_points.first().map(String::as_str),
        caller = %finding.caller,
        cure = %finding.cure,
        "a statement is repeated where one would do",
    );
}

/// What the schema says about each column that a case's keys may come from.
fn answers(case: &Case, tables: &Tables, ledger: &RepeatLedger) -> Vec<(Origin, Link)> {
    let dialect = ledger.dialect();
    let read = |sql: &str| lineage(&plainly(sql, dialect), tables).ok();
    // Of what is not understood, nothing is known to be compared.
    let taken = read(&case.sample.text).unwrap_or_default();
    let answer = |candidate: &Candidate| {
        let given = read(&candidate.text).unwrap_or_default();
        let from = given.outputs.get(usize::from(candidate.origin.column));
        let from = from.and_then(Option::as_ref);
        (candidate.origin, link(case, candidate, from, &taken, tables, ledger))
    };
    case.questions().iter().map(answer).collect()
}

fn link(
    case: &Case,
    candidate: &Candidate,
    from: Option<&Source>,
    taken: &Lineage,
    tables: &Tables,
    ledger: &RepeatLedger,
) -> Link {
    let compared = |(operand, source): &(Operand, Source)| {
        is_meant(case, candidate.origin, operand, ledger).then(|| source.clone())
    };
    let columns: Vec<Source> = taken.equals.iter().filter_map(compared).collect();
    // The key by which a row was asked for is no news in its answer.
    let is_news = |to: &&Source| candidate.origin.source != case.id() || from != Some(*to);
    let tied = columns
        .iter()
        .filter(is_news)
        .find(|to| from.is_some_and(|from| tables.are_tied(from, to)));
    let to = tied.or(columns.first());
    let words = |source: &Source| match tables.column(source) {
        Some(column) => format!("{}.{column}", source.table).into(),
        None => source.table.clone(),
    };
    let ends = Ends {
        from: from.map(words).unwrap_or_default(),
        to: to.map(words).unwrap_or_default(),
        column: to.and_then(|to| tables.column(to)).unwrap_or_default().into(),
        is_answered: to.is_some_and(|to| taken.outputs.contains(&Some(to.clone()))),
        is_unique: to.is_some_and(|to| tables.is_unique(to)),
        is_plain: taken.is_plain,
    };
    if tied.is_some() { Link::Linked(ends) } else { Link::Unlinked(Some(ends)) }
}

/// Whether an operand of the text is the one of an origin.
fn is_meant(case: &Case, origin: Origin, operand: &Operand, ledger: &RepeatLedger) -> bool {
    let slot = usize::from(origin.slot);
    let text = &case.sample.text;
    match operand {
        Operand::Parameter(number) => match case.sample.names.get(slot) {
            Some(name) if !name.is_empty() => {
                let all = operands(text, ledger.dialect());
                all.iter().any(|it| {
                    it.number == Some(*number) && text[it.start..it.end].get(1..) == Some(name)
                })
            }
            _ => *number == slot + 1,
        },
        Operand::Literal(value) if case.sample.is_literal => {
            let all = operands(text, ledger.dialect());
            all.get(slot).is_some_and(|it| {
                ledger.digester.of_literal(&text[it.start..it.end]) == ledger.digester.of(value)
            })
        }
        Operand::Literal(_) => false,
    }
}
