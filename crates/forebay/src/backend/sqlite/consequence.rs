//! What a statement drops from the cache, in words, for `explain`. It decides nothing: what is
//! dropped is told by what was captured when a transaction commits.

use super::capture::Means;
use super::footprint::Footprint;
use super::observe::Observed;
use crate::backend::Effect;
use crate::invalidate::WriteSet;

/// One line per table that the statement may write, or one for everything.
pub(super) fn drops(
    effect: Effect,
    writes: &WriteSet,
    observed: &Observed,
    footprint: &Footprint,
    means: Means,
) -> Vec<String> {
    let everything = |why: &str| vec![format!("every answer: {why}")];
    match (effect, writes) {
        (Effect::Read | Effect::Transaction, _) => Vec::new(),
        (Effect::Schema, _) => everything("it changes the schema"),
        (Effect::Maintain, _) => everything("it works on the file as a whole"),
        (Effect::Session, _) => everything("it changes the connection"),
        (Effect::Write, WriteSet::Everything) if observed.writes_attached => {
            everything("it writes an attached database, which may be this one")
        }
        (Effect::Write, WriteSet::Everything) if observed.schema => {
            everything("it writes what the schema does not name")
        }
        (Effect::Write, WriteSet::Everything) => {
            everything("what is written through a virtual table is not told")
        }
        (Effect::Write, WriteSet::Tables(_)) => {
            let by_table = |name: &str, why: &str| format!("{name}: every answer{why}");
            let lines = footprint.tables.iter().map(|table| match (means, table.whole) {
                (Means::Tables, _) => by_table(&table.name, ""),
                (_, Some(whole)) => {
                    by_table(&table.name, &format!(", because {}", whole.because()))
                }
                (Means::Reread, None) if table.select.is_none() => {
                    by_table(&table.name, ", because SQLite does not tell which rows it changes")
                }
                (_, None) => format!("{}: what rests on the rows it changes", table.name),
            });
            lines.collect()
        }
    }
}
