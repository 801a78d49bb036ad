//! What was found about repeated statements, as plain data with its meaning in words.

use std::fmt;
use std::time::Duration;

use super::case::{Case, Ends, Link, Place, State, Strand};
use super::cure;
use super::ledger::RepeatLedger;

/// Which statements are watched for being repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepeatWatch {
    /// None; scopes still count their statements.
    Off,
    /// Those that belong to a scope: one that was opened ([`crate::scope`]), that of a trace id,
    /// or a transaction.
    #[default]
    Scopes,
    /// All: those of a task that follow one another within 50 ms are a scope, too.
    All,
}

/// How sure it is, and what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RepeatKind {
    /// The keys of the repeated statement are the values of one column of an earlier answer, and
    /// the schema connects the two; or they came from there in several scopes, each time others.
    Proven,
    /// The statement is repeated with other keys; where they come from is not proven.
    Likely,
    /// The same is asked again with the same parameters: something to be kept, not an N+1.
    Duplicate,
    /// Single rows are written one after another.
    Writes,
}

/// Where the keys of a repeated statement come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatSource {
    /// The fingerprint of the statement that answered them.
    pub fingerprint: u64,
    /// Its normalised text.
    pub statement: String,
    /// The column, as `table.column`; the number of the result column where that is not known.
    pub column: String,
}

/// A statement that is run once for each of many keys or rows, over all scopes in which it was
/// seen. It holds no parameter and no value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RepeatFinding {
    /// How sure it is, and what it is about.
    pub kind: RepeatKind,
    /// The fingerprint of the repeated statement.
    pub fingerprint: u64,
    /// Its normalised text.
    pub statement: String,
    /// Where its keys come from, if that was seen.
    pub source: Option<RepeatSource>,
    /// The column that the keys are compared with, as `table.column`, if that is known.
    pub column: Option<String>,
    /// What shows it, in words.
    pub evidence: String,
    /// Scopes in which it was repeated.
    pub scopes: u64,
    /// Executions in them, answers from memory included.
    pub executions: u64,
    /// Of these, answered from memory: they took no round trip.
    pub from_memory: u64,
    /// The most executions in one scope.
    pub most: u64,
    /// Rows that it answered.
    pub rows: u64,
    /// Time that it took at the database.
    pub database_time: Duration,
    /// The part of it that one statement for all would save: the time of all round trips but the
    /// first of each scope. Findings are ordered by it.
    pub time_lost: Duration,
    /// The names of some scopes in which it was repeated.
    pub entry_points: Vec<String>,
    /// Where in the source it was run first, and what the comment of its text said.
    pub caller: String,
    /// What to do, with the statement spelled out where that is certain.
    pub cure: String,
}

impl RepeatKind {
    /// The word for it in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            RepeatKind::Proven => "proven",
            RepeatKind::Likely => "likely",
            RepeatKind::Duplicate => "duplicate",
            RepeatKind::Writes => "writes",
        }
    }
}

impl RepeatFinding {
    /// Whether one statement could do what many do: everything but [`RepeatKind::Duplicate`].
    pub fn is_n_plus_one(&self) -> bool {
        self.kind != RepeatKind::Duplicate
    }

    /// Whether none of it went to the database more often than once in a scope.
    pub fn is_from_memory(&self) -> bool {
        self.executions - self.from_memory <= self.scopes
    }
}

impl fmt::Display for RepeatFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = self.time_lost.as_secs_f64() * 1e3;
        write!(f, "{:<9}  {} executions", self.kind.name(), self.executions)?;
        if self.from_memory > 0 {
            write!(f, " ({} from memory)", self.from_memory)?;
        }
        let scopes = if self.scopes == 1 { "scope" } else { "scopes" };
        writeln!(f, " in {} {scopes}, at most {}; {lost:.1} ms lost", self.scopes, self.most)?;
        writeln!(f, "repeated   {}", self.statement)?;
        if let Some(source) = &self.source {
            writeln!(f, "keys from  {}", source.statement)?;
        }
        writeln!(f, "because    {}", self.evidence)?;
        if !self.entry_points.is_empty() {
            writeln!(f, "entry      {}", self.entry_points.join(", "))?;
        }
        writeln!(f, "caller     {}", self.caller)?;
        write!(f, "do         {}", self.cure)
    }
}

impl RepeatLedger {
    /// All findings, those first that cost most. Cost: one pass over what is kept.
    pub(crate) fn findings(&self) -> Vec<RepeatFinding> {
        self.select(|_| true)
    }

    /// The findings that have not been told of yet and that are settled.
    pub(crate) fn news(&self) -> Vec<RepeatFinding> {
        self.select(|strand| {
            let is_new = !strand.is_announced && strand.candidates.is_empty();
            // What memory answers is nothing to be alarmed about.
            let is_costly = strand.tally.at_database() > strand.scopes;
            strand.is_announced |= is_new && is_costly;
            is_new && is_costly
        })
    }

    fn select(&self, mut wanted: impl FnMut(&mut Strand) -> bool) -> Vec<RepeatFinding> {
        let mut findings = Vec::new();
        for case in self.cases() {
            let state = &mut *case.state();
            for at in 0..state.strands.len() {
                let Some(kind) = self.kind(state, &state.strands[at]) else { continue };
                if wanted(&mut state.strands[at]) {
                    findings.push(finding(self, &case, state, &state.strands[at], kind));
                }
            }
        }
        findings.sort_by_key(|it| std::cmp::Reverse((it.time_lost, it.executions)));
        findings
    }

    /// What a strand comes to; `None` for what is no finding.
    fn kind(&self, state: &State, strand: &Strand) -> Option<RepeatKind> {
        let threshold = self.threshold();
        if !strand.is_own() || strand.scopes == 0 {
            return None;
        }
        let is_proven = match strand.place {
            Place::Harmless => return None,
            Place::Writes => return (strand.most >= threshold).then_some(RepeatKind::Writes),
            Place::Duplicate => {
                let is_asked = strand.tally.at_database() >= threshold;
                return is_asked.then_some(RepeatKind::Duplicate);
            }
            Place::From(origin) => {
                matches!(state.link(origin), Some(Link::Linked(_))) || strand.is_beyond_chance()
            }
            Place::Nowhere => false,
        };
        let is_likely = strand.distinct as u64 >= threshold && !strand.tally.is_mostly_empty();
        match (is_proven, is_likely) {
            (true, _) => Some(RepeatKind::Proven),
            (false, true) => Some(RepeatKind::Likely),
            (false, false) => None,
        }
    }
}

fn finding(
    ledger: &RepeatLedger,
    case: &Case,
    state: &State,
    strand: &Strand,
    kind: RepeatKind,
) -> RepeatFinding {
    let (link, source) = match strand.place {
        Place::From(origin) => {
            let source = strand.source.as_ref().map(|it| (origin, it.text().to_string()));
            (state.link(origin), source)
        }
        _ => (None, None),
    };
    let ends: Option<&Ends> = match link {
        Some(Link::Linked(ends)) => Some(ends),
        Some(Link::Unlinked(ends)) => ends.as_ref(),
        None => None,
    };
    let source = source.map(|(origin, statement)| RepeatSource {
        fingerprint: origin.source,
        statement,
        column: match ends.filter(|ends| !ends.from.is_empty()) {
            Some(ends) => ends.from.to_string(),
            None => format!("result column {}", origin.column + 1),
        },
    });
    let column = ends.map(|ends| ends.to.to_string()).filter(|to| !to.is_empty());
    let tally = &strand.tally;
    RepeatFinding {
        kind,
        fingerprint: case.record.id(),
        statement: case.record.text().to_string(),
        evidence: evidence(kind, strand, source.as_ref(), column.as_deref(), link),
        cure: match strand.place {
            Place::Writes => cure::of_writes(case),
            Place::Duplicate => cure::of_duplicate(&reasons(case)),
            Place::From(origin) => cure::of_reads(case, ledger.dialect(), Some(origin), ends),
            Place::Nowhere | Place::Harmless => cure::of_reads(case, ledger.dialect(), None, None),
        },
        source,
        column,
        scopes: strand.scopes,
        executions: tally.executions,
        from_memory: tally.hits,
        most: strand.most,
        rows: tally.rows,
        database_time: tally.spent,
        time_lost: tally.lost(strand.scopes),
        entry_points: strand.entries.iter().map(|it| it.to_string()).collect(),
        caller: match &case.sample.comment {
            Some(comment) => format!("{} ({comment})", case.caller),
            None => case.caller.to_string(),
        },
    }
}

fn evidence(
    kind: RepeatKind,
    strand: &Strand,
    source: Option<&RepeatSource>,
    column: Option<&str>,
    link: Option<&Link>,
) -> String {
    let distinct = strand.distinct;
    match (kind, source) {
        (RepeatKind::Writes, _) => "it writes single rows, one after another".to_owned(),
        (RepeatKind::Duplicate, _) => {
            "it was asked again with the same parameters, and not answered from memory".to_owned()
        }
        (_, None) => format!(
            "it was run with {distinct} different keys in one scope; where they come from was not \
             seen"
        ),
        (_, Some(source)) => {
            let from = &source.column;
            let seen =
                format!("its keys, {distinct} different ones in a scope, are values of {from}");
            match (kind, link) {
                (RepeatKind::Proven, Some(Link::Linked(_))) => {
                    let to = column.unwrap_or("the column");
                    format!("{seen}, and keys connect that with {to}")
                }
                (RepeatKind::Proven, _) => {
                    format!("{seen}, in several scopes with other keys each time")
                }
                _ => format!("{seen}; no key connects that with what they are compared with"),
            }
        }
    }
}

/// Why its answers did not come from memory.
fn reasons(case: &Case) -> Vec<&'static str> {
    case.record.bypassed().map(|(why, _)| why.reason()).collect()
}
