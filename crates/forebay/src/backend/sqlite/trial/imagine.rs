//! Letting the planner believe in an index that is not built: a row of the schema that leads to an
//! empty page, and numbers from a sample. Plans may be asked for; while such an index is shown,
//! no statement may be run.

use rusqlite::types::Value as Owned;

use super::copy::{Trial, fail};
use super::index::Kept;
use crate::error::{Error, Result};

/// Indexes that can be imagined at once.
const PAGES: usize = 48;

/// What is imagined.
#[derive(Clone, Debug)]
pub(crate) struct Imagined<'a> {
    pub(crate) name: &'a str,
    pub(crate) table: &'a str,
    /// The text of CREATE INDEX.
    pub(crate) sql: &'a str,
    /// Each with its collation.
    pub(crate) keys: &'a [String],
    pub(crate) condition: Option<&'a str>,
}

impl Trial {
    /// How many more can be imagined.
    pub(crate) fn imaginable(&mut self) -> Result<usize> {
        if self.empty_pages.is_none() {
            self.empty_pages = Some(self.make_empty_pages().map_err(fail)?);
        }
        Ok(self.empty_pages.as_ref().map_or(0, Vec::len))
    }

    /// Imagines an index, hidden at first.
    pub(crate) fn imagine(&mut self, it: &Imagined<'_>) -> Result<()> {
        self.imaginable()?;
        let (numbers, samples) = match self.facts.has_statistics {
            true => self.estimated(it)?,
            false => (None, Vec::new()),
        };
        let page = self.empty_pages.as_mut().and_then(Vec::pop);
        let root = page.ok_or_else(|| Error::usage("too many indexes are imagined at once"))?;
        let kept = Kept::hidden(it.table, root, it.sql, numbers, samples);
        self.kept.insert(it.name.to_owned(), kept);
        Ok(())
    }

    /// Forgets one that is hidden.
    pub(crate) fn forget(&mut self, name: &str) {
        if let Some(kept) = self.kept.remove(name)
            && let Some(pages) = &mut self.empty_pages
        {
            pages.push(kept.root());
        }
    }

    fn make_empty_pages(&self) -> rusqlite::Result<Vec<i64>> {
        let indexes: String = (0..PAGES)
            .map(|n| format!("CREATE INDEX forebay_empty_{n} ON forebay_empty (x);"))
            .collect();
        self.connection.execute_batch(&format!("CREATE TABLE forebay_empty (x); {indexes}"))?;
        let mut listing = self.connection.prepare(
            "SELECT rootpage FROM main.sqlite_schema
             WHERE type = 'index' AND tbl_name = 'forebay_empty'",
        )?;
        let pages = listing.query_map([], |row| row.get(0))?;
        pages.collect()
    }

    /// The numbers that ANALYZE would take, from a sample.
    fn estimated(&self, it: &Imagined<'_>) -> Result<(Option<String>, Vec<[Owned; 4]>)> {
        let sample = self.sampled(it.table)?;
        let table = sample.strip_prefix("temp.").unwrap_or(&sample);
        let condition = it.condition.map(|it| format!(" WHERE {it}")).unwrap_or_default();
        let script = format!(
            "DROP INDEX IF EXISTS temp.forebay_imagined;
             CREATE INDEX temp.forebay_imagined ON {table} ({}){condition};
             ANALYZE temp.forebay_imagined",
            it.keys.join(", ")
        );
        self.within(|| self.connection.execute_batch(&script)).map_err(fail)?;
        let rows = self.facts.table(it.table).map_or(0, |it| it.rows) as f64;
        let count = format!("SELECT count(*) + 0.0 FROM {sample}");
        let read: f64 = self.connection.query_row(&count, [], |row| row.get(0)).map_err(fail)?;
        if read == 0.0 {
            return Ok((None, Vec::new()));
        }
        let factor = (rows / read).max(1.0);
        let mut numbers = vec![String::new()];
        let mut means = Vec::new();
        for count in 1..=it.keys.len() {
            let spread = self.counted(&sample, &it.keys[..count].join(", "), &condition)?;
            let all = spread.rows * factor;
            numbers[0] = whole(all);
            let mean = (all / spread.distinct(all)).max(1.0);
            numbers.push(whole(mean));
            means.push((mean, spread.distinct(all) / spread.different.max(1.0)));
        }
        let samples = self.scaled(factor, &means)?;
        Ok((Some(numbers.join(" ")), samples))
    }

    /// The samples of the index on the sample, as those of the whole.
    fn scaled(&self, factor: f64, means: &[(f64, f64)]) -> Result<Vec<[Owned; 4]>> {
        let sql = "SELECT neq, nlt, ndlt, sample FROM temp.sqlite_stat4
                   WHERE idx = 'forebay_imagined'";
        // Without STAT4 there is no such table.
        let Ok(mut listing) = self.connection.prepare(sql) else { return Ok(Vec::new()) };
        let mut rows = listing.raw_query();
        let mut samples = Vec::new();
        while let Some(row) = rows.next().map_err(fail)? {
            let text = |at: usize| row.get::<_, String>(at).map_err(fail);
            let equal = each(&text(0)?, |at, n| match means.get(at) {
                Some((mean, _)) if n <= 1.0 => *mean,
                Some(_) => n * factor,
                None => n,
            });
            let less = each(&text(1)?, |_, n| n * factor);
            let distinct = each(&text(2)?, |at, n| n * means.get(at).map_or(1.0, |it| it.1));
            let sample = row.get::<_, Owned>(3).map_err(fail)?;
            samples.push([Owned::Text(equal), Owned::Text(less), Owned::Text(distinct), sample]);
        }
        Ok(samples)
    }
}

/// The numbers of a list, each changed.
fn each(list: &str, change: impl Fn(usize, f64) -> f64) -> String {
    let numbers = list
        .split_whitespace()
        .enumerate()
        .map(|(at, word)| whole(change(at, word.parse().unwrap_or(0.0))));
    numbers.collect::<Vec<_>>().join(" ")
}

fn whole(number: f64) -> String {
    format!("{:.0}", number.max(0.0))
}
