//! Asking members and making one answer of theirs, again if the boundary moved meanwhile.

use std::sync::Arc;

use super::ask::{Ask, Part};
use super::member::Layout;
use super::merge::{Writer, create_parts, create_sources, merged};
use super::parallel::{self, Job};
use super::plan::{Plan, Reading, Source, Sources, SplitReading};
use super::query::{MissingMember, RoutedAnswer};
use super::routed::Inner;
use super::way::{Concat, Gather, Page, Way};
use crate::backend::{Effect, Limits};
use crate::engine::{Merge, merge};
use crate::error::{Error, Kind, Result};
use crate::outcome::Outcome;
use crate::row::{Column, Rows};
use crate::sql::{Groups, Single, quoted};
use crate::value::Value;

/// How often a read is repeated because the boundary has moved meanwhile.
const MOVES_MAX: usize = 20;

/// Rows of members, in the order in which these were asked, and those that failed.
struct Gathered {
    rows: Vec<Vec<Rows>>,
    missing: Vec<MissingMember>,
}

/// One statement at work.
struct Run<'r> {
    inner: &'r Inner,
    ask: &'r Ask<'r>,
    layout: &'r Layout,
    values: &'r [Value],
    columns: &'r Arc<[Column]>,
    reading: &'r SplitReading,
}

impl Inner {
    /// Reads.
    pub(super) async fn read(&self, ask: &Ask<'_>) -> Result<RoutedAnswer> {
        #[cfg(feature = "postgres")]
        if let Some(server) = &self.server {
            return Box::pin(server.read(self, ask)).await;
        }
        let mut plan = self.plan(ask).await?;
        if plan.known.effect != Effect::Read {
            return Err(Error::usage(
                "the statement does not only read: use `execute` for INSERT, UPDATE and DELETE, \
                 and run what changes a schema at each `member`",
            ));
        }
        if matches!(plan.reading, Reading::Elsewhere) {
            let outcome = ask.pass(self.live(), self.member_timeout()).await?;
            return Ok(RoutedAnswer::of(outcome, &self.live().name));
        }
        for _ in 0..MOVES_MAX {
            let Reading::Split(reading) = &plan.reading else { break };
            let values = plan.values(&ask.params)?;
            let layout = self.layout_for(ask).await?;
            let way = Way::of(reading, &layout, &values, self.is_not_null);
            let run = Run {
                inner: self,
                ask,
                layout: &layout,
                values: &values,
                columns: &plan.known.columns,
                reading,
            };
            let answer = run.go(&way).await;
            if !matches!(way, Way::Pass { .. }) && !self.is_current(ask, &plan) {
                plan = self.plan(ask).await?;
                continue;
            }
            if !self.is_moving || !run.rests_on_live(&way) {
                return answer;
            }
            match self.generation().await {
                Ok(generation) if generation != layout.generation => {}
                Err(error) if !ask.is_partial => return Err(error),
                _ => return answer,
            }
        }
        Err(Error::new(
            Kind::Busy,
            "rows were moved to the archive, or the schema was changed, again and again while they \
             were read; try again",
        ))
    }

    /// Whether the schema is still that of the plan.
    fn is_current(&self, ask: &Ask<'_>, plan: &Plan) -> bool {
        let live = self.live().db.engine();
        let known = live.template_known(&ask.query(live).into_call());
        known.is_some_and(|template| Arc::ptr_eq(&template, &plan.template))
    }

    /// Which rows are whose. If the live member cannot say, and a part of the answer will do: what
    /// the archive had then it still has.
    async fn layout_for(&self, ask: &Ask<'_>) -> Result<Arc<Layout>> {
        match self.layout().await {
            Err(_) if ask.is_partial => Ok(self.last_layout()),
            layout => layout,
        }
    }
}

impl Run<'_> {
    async fn go(&self, way: &Way<'_>) -> Result<RoutedAnswer> {
        match way {
            Way::Pass { part } => {
                let member = &self.inner.members[self.layout.parts[*part].member];
                let outcome = self.ask.pass(member, self.inner.member_timeout()).await?;
                return Ok(RoutedAnswer::of(outcome, &member.name));
            }
            Way::Refuse(why) => return Err(Error::usage(format!("it cannot be routed: {why}"))),
            _ => {}
        }
        let members: Vec<usize> =
            way.parts().iter().map(|part| self.layout.parts[*part].member).collect();
        let same = self.inner.check_same(&members).await;
        if !self.ask.is_partial {
            same?;
        }
        match way {
            Way::Fenced { part, single } => self.fenced(*part, single).await,
            Way::Concat(concat) => self.concat(concat).await,
            Way::Merge { parts, single, groups } => {
                match self.merge(parts, single, groups).await {
                    // A sum of the parts may not fit where the whole does, and an average does not
                    // have to.
                    Err(error) if is_overflow(&error) && self.reading.sources.is_ok() => {
                        let gather = Gather {
                            parts: parts.clone(),
                            single: None,
                            top: None,
                            why: String::new(),
                        };
                        self.gather(&gather).await
                    }
                    done => done,
                }
            }
            Way::Gather(gather) => self.gather(gather).await,
            Way::Pass { .. } | Way::Refuse(_) => unreachable!("these were answered above"),
        }
    }

    /// Whether what it answered may have moved away meanwhile. What is in the archive stays.
    fn rests_on_live(&self, way: &Way<'_>) -> bool {
        let live = self.layout.parts.len() - 1;
        way.parts().contains(&live)
    }

    fn column(&self) -> String {
        quoted(&self.inner.names.column)
    }

    async fn fenced(&self, part: usize, single: &Single) -> Result<RoutedAnswer> {
        let range = &self.layout.parts[part];
        let asked = Writer::new(self.values).fenced(single, &self.column(), range, None);
        let gathered = self.members(&[part], vec![vec![asked]], None).await?;
        check_some(&gathered.missing, 1)?;
        let rows = self.stacked(gathered.rows.into_iter().flatten(), 0, None)?;
        Ok(self.answer(rows, &[part], gathered.missing))
    }

    async fn concat(&self, concat: &Concat<'_>) -> Result<RoutedAnswer> {
        let Concat { single, parts, page } = concat;
        let writer = Writer::new(self.values);
        let ask = |part: usize, rows| {
            let range = &self.layout.parts[part];
            vec![writer.fenced(single, &self.column(), range, rows)]
        };
        let Some(enough) = page.enough() else {
            // An offset is one of all rows together, and no member's.
            let all = single.limited.as_ref().map(|_| Page::NO_LIMIT);
            let asked = parts.iter().map(|part| ask(*part, all)).collect();
            let gathered = self.members(parts, asked, None).await?;
            check_some(&gathered.missing, parts.len())?;
            let rows = self.stacked(gathered.rows.into_iter().flatten(), page.skip, page.take)?;
            return Ok(self.answer(rows, parts, gathered.missing));
        };
        // One after another: those that come first may have enough.
        let (mut rows, mut missing, mut asked) = (Vec::new(), Vec::new(), Vec::new());
        let mut left = enough;
        for part in parts {
            let gathered = self.members(&[*part], vec![ask(*part, Some(left))], None).await?;
            asked.push(*part);
            missing.extend(gathered.missing);
            for more in gathered.rows.into_iter().flatten() {
                left = left.saturating_sub(more.len() as u64);
                rows.push(more);
            }
            if left == 0 {
                break;
            }
        }
        check_some(&missing, asked.len())?;
        let rows = self.stacked(rows.into_iter(), page.skip, page.take)?;
        Ok(self.answer(rows, &asked, missing))
    }

    async fn merge(
        &self,
        parts: &[usize],
        single: &Single,
        groups: &Groups,
    ) -> Result<RoutedAnswer> {
        let writer = Writer::new(self.values);
        let column = self.column();
        let ask =
            |part: &usize| vec![writer.groups(single, groups, &column, &self.layout.parts[*part])];
        let asked = parts.iter().map(ask).collect();
        let gathered = self.members(parts, asked, Some(self.inner.merge_limits())).await?;
        check_some(&gathered.missing, parts.len())?;
        let fills = gathered.rows.into_iter().flatten();
        let rows = self
            .merged(
                create_parts(groups),
                fills.map(|rows| (Groups::TABLE.to_owned(), rows)).collect(),
                merged(single, groups),
            )
            .await?;
        Ok(self.answer(rows, parts, gathered.missing))
    }

    async fn gather(&self, gather: &Gather<'_>) -> Result<RoutedAnswer> {
        let sources = self.reading.sources.as_ref().map_err(|why| Error::usage(why.clone()))?;
        let live = self.layout.parts.len() - 1;
        let mut parts = gather.parts.clone();
        if self.reading.has_others && !parts.contains(&live) {
            parts.push(live);
        }
        let asked: Vec<Vec<(usize, Part)>> =
            parts.iter().map(|part| self.sources(*part, gather, sources)).collect();
        let tables: Vec<Vec<usize>> =
            asked.iter().map(|asked| asked.iter().map(|(table, _)| *table).collect()).collect();
        let asked = asked
            .into_iter()
            .map(|asked| asked.into_iter().map(|(_, part)| part).collect())
            .collect();
        let gathered = self.members(&parts, asked, Some(self.inner.merge_limits())).await?;
        check_some(&gathered.missing, parts.len())?;
        let mut fills = Vec::new();
        for (rows, tables) in gathered.rows.into_iter().zip(&tables) {
            for (rows, table) in rows.into_iter().zip(tables) {
                fills.push((quoted(&sources.tables[*table].table.name), rows));
            }
        }
        if self.reading.has_others && !gathered.missing.is_empty() {
            let is_live = |missing: &MissingMember| missing.member == *self.inner.live().name;
            if let Some(missing) = gathered.missing.iter().find(|it| is_live(it)) {
                return Err(missing.error.clone());
            }
        }
        let sql = self.ask.sql.to_owned();
        let rows = self.merged(create_sources(sources), fills, sql).await?;
        Ok(self.answer(rows, &parts, gathered.missing))
    }

    /// What a member is asked for each of the tables, which are given by their place.
    fn sources(&self, part: usize, gather: &Gather<'_>, sources: &Sources) -> Vec<(usize, Part)> {
        let writer = Writer::new(self.values);
        let column = self.column();
        let range = &self.layout.parts[part];
        let is_live = range.member == self.inner.members.len() - 1;
        let is_asked = gather.parts.contains(&part);
        let ask = |source: &Source| match (source.split, gather.single) {
            (Some(_), Some(single)) if is_asked => {
                Some(writer.candidates(single, source, &column, range, gather.top))
            }
            (Some(_), None) if is_asked => Some(writer.rows(source, &column, Some(range))),
            (None, _) if is_live => Some(writer.rows(source, &column, None)),
            _ => None,
        };
        let all = sources.tables.iter().enumerate();
        all.filter_map(|(index, source)| Some((index, ask(source)?))).collect()
    }

    /// Asks members, each for all of its parts, some at once.
    async fn members(
        &self,
        parts: &[usize],
        asked: Vec<Vec<Part>>,
        bounds: Option<Limits>,
    ) -> Result<Gathered> {
        let members = parts.iter().map(|part| &self.inner.members[self.layout.parts[*part].member]);
        let limit = self.inner.member_timeout();
        let jobs: Vec<Job<'_, Result<Vec<Rows>>>> = members
            .clone()
            .zip(&asked)
            .map(|(member, asked)| {
                Box::pin(self.ask.parts(member, asked, bounds, limit)) as Job<'_, _>
            })
            .collect();
        let answers = parallel::all(jobs, self.inner.settings.parallel).await;
        let mut gathered = Gathered { rows: Vec::new(), missing: Vec::new() };
        for (member, answer) in members.zip(answers) {
            match answer {
                Ok(rows) => gathered.rows.push(rows),
                Err(error) if self.ask.is_partial => {
                    gathered.rows.push(Vec::new());
                    gathered.missing.push(MissingMember { member: member.name.to_string(), error });
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(bounds) = bounds {
            check_bounds(&gathered.rows, bounds)?;
        }
        Ok(gathered)
    }

    async fn merged(
        &self,
        script: String,
        fills: Vec<(String, Rows)>,
        sql: String,
    ) -> Result<Rows> {
        let values = self.values.to_vec();
        let limits = self.ask.words.limits(self.inner.merge_limits());
        let columns = self.columns.clone();
        merge(Merge { script, fills, sql, values, columns, limits }).await
    }

    /// Rows of several answers one after another, without the first `skip`, and `take` at most.
    fn stacked(
        &self,
        answers: impl Iterator<Item = Rows>,
        skip: u64,
        take: Option<u64>,
    ) -> Result<Rows> {
        let width = self.columns.len();
        let mut values = Vec::new();
        let (mut skip, mut left) = (skip, take.unwrap_or(u64::MAX));
        for rows in answers {
            if rows.columns().len() != width {
                return Err(Error::new(Kind::Busy, "the schema changed meanwhile; try again"));
            }
            let first = skip.min(rows.len() as u64);
            skip -= first;
            let count = left.min(rows.len() as u64 - first);
            left -= count;
            let first = usize::try_from(first).unwrap_or(usize::MAX);
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            match rows.into_parts() {
                Ok((_, own)) => {
                    values.extend(own.into_iter().skip(first * width).take(count * width));
                }
                Err(rows) => {
                    (first..first + count).for_each(|at| values.extend_from_slice(rows.values(at)));
                }
            }
        }
        let limits = self.ask.words.limits(Limits { rows_max: usize::MAX, bytes_max: usize::MAX });
        let rows = Rows::new(self.columns.clone(), values);
        if rows.len() > limits.rows_max || rows.size() > limits.bytes_max {
            return Err(Error::new(
                Kind::TooLarge,
                "the members have more rows or bytes than `max_rows` and `max_bytes` allow",
            ));
        }
        Ok(rows)
    }

    fn answer(&self, rows: Rows, parts: &[usize], missing: Vec<MissingMember>) -> RoutedAnswer {
        let name =
            |part: &usize| self.inner.members[self.layout.parts[*part].member].name.to_string();
        RoutedAnswer { rows, asked: parts.iter().map(name).collect(), missing, cached: false }
    }
}

impl RoutedAnswer {
    pub(super) fn of(outcome: Outcome, member: &str) -> RoutedAnswer {
        RoutedAnswer {
            rows: outcome.rows,
            asked: vec![member.to_owned()],
            missing: Vec::new(),
            cached: outcome.cached,
        }
    }
}

/// An error if none of the members that were asked has answered.
pub(super) fn check_some(missing: &[MissingMember], asked: usize) -> Result<()> {
    match missing.first() {
        Some(first) if missing.len() == asked => Err(first.error.clone()),
        _ => Ok(()),
    }
}

/// An error if all members together have more than may be brought together.
pub(super) fn check_bounds(rows: &[Vec<Rows>], bounds: Limits) -> Result<()> {
    let all = || rows.iter().flatten();
    let count: usize = all().map(Rows::len).sum();
    let bytes: usize = all().map(Rows::size).sum();
    if count <= bounds.rows_max && bytes <= bounds.bytes_max {
        return Ok(());
    }
    Err(Error::new(
        Kind::TooLarge,
        format!(
            "the members have {count} rows in {bytes} bytes to be brought together, more than {} \
             or {}: ask for fewer, in a form whose parts can be merged (see `explain`), or raise \
             `merge_rows` and `merge_bytes`",
            bounds.rows_max, bounds.bytes_max
        ),
    ))
}

fn is_overflow(error: &Error) -> bool {
    error.message().contains("integer overflow")
}

impl Inner {
    pub(super) fn is_read(plan: &Plan) -> bool {
        plan.known.effect == Effect::Read
    }
}

/// What each part is asked when rows are brought together, for whoever explains it.
pub(super) fn sources_of(
    inner: &Inner,
    ask: &Ask<'_>,
    layout: &Layout,
    values: &[Value],
    plan: &Plan,
    reading: &SplitReading,
    gather: &Gather<'_>,
) -> Vec<Vec<String>> {
    let columns = &plan.known.columns;
    let run = Run { inner, ask, layout, values, columns, reading };
    let Ok(sources) = &reading.sources else { return vec![Vec::new(); layout.parts.len()] };
    let asked = |part| run.sources(part, gather, sources).into_iter().map(|(_, it)| it.sql);
    (0..layout.parts.len()).map(|part| asked(part).collect()).collect()
}
