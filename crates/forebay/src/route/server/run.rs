//! Asking members under one layout, and having the live one make one answer of theirs.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::ask::{Ask, Part, within};
use super::super::member::{Layout, Member};
use super::super::parallel::{self, Job};
use super::super::query::{MissingMember, RoutedAnswer};
use super::super::routed::Inner;
use super::super::run::{check_bounds, check_some};
use super::super::way::Page;
use super::bring::Arrays;
use super::plan::{Groups, Single};
use super::statement::Writer;
use super::way::{Gather, Way};
use crate::backend::Limits;
use crate::error::{Error, Kind, Result};
use crate::query::{Query, Target};
use crate::row::{Column, Rows};
use crate::session::Session;
use crate::value::Value;

/// Rows of members, in the order in which these were asked, and those that failed.
struct Gathered {
    rows: Vec<Vec<Rows>>,
    missing: Vec<MissingMember>,
}

/// One query at work.
pub(super) struct Run<'r> {
    inner: &'r Inner,
    ask: &'r Ask<'r>,
    layout: &'r Layout,
    writer: Writer<'r>,
    /// Where the live member is asked, if not anywhere.
    session: Option<&'r Session>,
    /// A member whose cache may not be asked.
    late: Option<usize>,
    /// What the live member has answered.
    live: Mutex<Vec<Rows>>,
}

/// Why a query cannot be routed at all.
pub(super) fn unknown(why: &str) -> Error {
    Error::usage(format!(
        "it cannot be routed: {why}; bind what it asks for as a parameter, or ask a `member`"
    ))
}

impl<'r> Run<'r> {
    pub(super) fn new(
        inner: &'r Inner,
        ask: &'r Ask<'r>,
        layout: &'r Layout,
        writer: Writer<'r>,
        session: Option<&'r Session>,
        late: Option<usize>,
    ) -> Run<'r> {
        Run { inner, ask, layout, writer, session, late, live: Mutex::default() }
    }

    /// What the live member has answered.
    pub(super) fn into_live(self) -> Vec<Rows> {
        self.live.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_live(&self, answers: &[Rows]) {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(answers);
    }

    fn is_live(&self, part: usize) -> bool {
        part + 1 == self.layout.parts.len()
    }

    pub(super) async fn go(&self, way: &Way<'_>) -> Result<RoutedAnswer> {
        match way {
            Way::Pass { part } => self.pass(*part).await,
            Way::Refuse(why) => Err(unknown(why)),
            Way::Fenced { part, single } => {
                let asked = self.writer.fenced(single, &self.layout.parts[*part], true, None);
                let gathered = self.members(&[*part], vec![vec![asked]], None).await?;
                check_some(&gathered.missing, 1)?;
                let rows = self.stacked(gathered.rows.into_iter().flatten(), 0, None)?;
                Ok(self.answer(rows, &[*part], gathered.missing))
            }
            Way::Concat { single, parts, page } => self.concat(single, parts, *page).await,
            Way::Merge { single, groups, parts } => self.merge(single, groups, parts).await,
            Way::Gather(gather) => self.gather(gather).await,
        }
    }

    fn member(&self, part: usize) -> &Member {
        &self.inner.members[self.layout.parts[part].member]
    }

    pub(super) fn members_of(&self, parts: &[usize]) -> Vec<usize> {
        parts.iter().map(|part| self.layout.parts[*part].member).collect()
    }

    async fn pass(&self, part: usize) -> Result<RoutedAnswer> {
        let member = self.member(part);
        let limit = self.inner.member_timeout();
        let outcome = match self.session.filter(|_| self.is_live(part)) {
            Some(session) => self.ask.pass_in(session, member, limit).await?,
            None if self.late == Some(self.layout.parts[part].member) => {
                self.ask.past().pass(member, limit).await?
            }
            None => self.ask.pass(member, limit).await?,
        };
        if self.is_live(part) {
            self.note_live(std::slice::from_ref(&outcome.rows));
        }
        Ok(RoutedAnswer::of(outcome, &member.name))
    }

    async fn concat(&self, single: &Single, parts: &[usize], page: Page) -> Result<RoutedAnswer> {
        let ask = |part: usize, rows| {
            vec![self.writer.fenced(single, &self.layout.parts[part], false, rows)]
        };
        let Some(enough) = page.enough() else {
            // An offset is one of all rows together, and no member's.
            let asked = parts.iter().map(|part| ask(*part, None)).collect();
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
        single: &Single,
        groups: &Groups,
        parts: &[usize],
    ) -> Result<RoutedAnswer> {
        let ask = |part: &usize| vec![self.writer.parts(single, groups, &self.layout.parts[*part])];
        let asked = parts.iter().map(ask).collect();
        let gathered = self.members(parts, asked, Some(self.inner.merge_limits())).await?;
        check_some(&gathered.missing, parts.len())?;
        let arrays = Arrays::of(groups.columns.len(), gathered.rows.iter().flatten())?;
        let rows = self.at_live(self.writer.merged(groups, &arrays)).await?;
        Ok(self.answer(rows, parts, gathered.missing))
    }

    async fn gather(&self, gather: &Gather<'_>) -> Result<RoutedAnswer> {
        let live = self.layout.parts.len() - 1;
        let archives: Vec<usize> =
            gather.parts.iter().copied().filter(|part| *part != live).collect();
        let asked = archives.iter().map(|part| self.brought(gather, *part)).collect();
        let gathered = self.members(&archives, asked, Some(self.inner.merge_limits())).await?;
        let tables = gather.gathering.tables.iter().enumerate();
        let arrays = tables
            .map(|(at, wanted)| {
                let rows = gathered.rows.iter().filter_map(|answers| answers.get(at));
                Arrays::of(wanted.used.len(), rows)
            })
            .collect::<Result<Vec<Arrays>>>()?;
        let own = gather.parts.contains(&live).then(|| &self.layout.parts[live]);
        let asked = self.writer.gathered(self.ask.sql, gather.gathering, &arrays, own);
        let rows = self.at_live(asked).await?;
        let mut parts = archives;
        parts.push(live);
        Ok(self.answer(rows, &parts, gathered.missing))
    }

    /// What an archive is asked for each of the tables.
    fn brought(&self, gather: &Gather<'_>, part: usize) -> Vec<Part> {
        brought(&self.writer, gather, self.layout, part)
    }

    /// Asks members, each for all of its parts, some at once.
    async fn members(
        &self,
        parts: &[usize],
        asked: Vec<Vec<Part>>,
        bounds: Option<Limits>,
    ) -> Result<Gathered> {
        let jobs: Vec<Job<'_, Result<Vec<Rows>>>> = parts
            .iter()
            .zip(&asked)
            .map(|(part, asked)| Box::pin(self.one(*part, asked, bounds)) as Job<'_, _>)
            .collect();
        let answers = parallel::all(jobs, self.inner.settings.parallel).await;
        let mut gathered = Gathered { rows: Vec::new(), missing: Vec::new() };
        for (part, answer) in parts.iter().zip(answers) {
            match answer {
                Ok(rows) => {
                    if self.is_live(*part) {
                        self.note_live(&rows);
                    }
                    gathered.rows.push(rows);
                }
                Err(error) if self.ask.is_partial => {
                    let member = self.member(*part).name.to_string();
                    gathered.missing.push(MissingMember { member, error });
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(bounds) = bounds {
            check_bounds(&gathered.rows, bounds)?;
        }
        Ok(gathered)
    }

    async fn one(&self, part: usize, asked: &[Part], bounds: Option<Limits>) -> Result<Vec<Rows>> {
        let (member, limit) = (self.member(part), self.inner.member_timeout());
        match self.session.filter(|_| self.is_live(part)) {
            Some(session) => self.ask.parts_in(session, member, asked, bounds, limit).await,
            None if self.late == Some(self.layout.parts[part].member) => {
                self.ask.past().parts(member, asked, bounds, limit).await
            }
            None => self.ask.parts(member, asked, bounds, limit).await,
        }
    }

    /// Has the live member make the answer. What it is given is not in its cache, and neither is
    /// what it answers.
    async fn at_live(&self, asked: Part) -> Result<Rows> {
        let live = self.inner.live();
        let limits = self.ask.words.limits(self.inner.merge_limits());
        let limit = self.ask.words.timeout.unwrap_or(self.inner.member_timeout());
        let query = match self.session {
            Some(session) => session.query(&asked.sql),
            None => Query::new(Target::Shared(live.db.engine()), &asked.sql, self.ask.caller),
        };
        let query = query.exact().no_cache().max_rows(limits.rows_max).max_bytes(limits.bytes_max);
        let answer = within(live, limit, query.with_params(asked.params).fetch()).await?;
        Ok(answer.rows)
    }

    /// Rows of several answers one after another, without the first `skip`, and `take` at most.
    fn stacked(
        &self,
        answers: impl Iterator<Item = Rows>,
        skip: u64,
        take: Option<u64>,
    ) -> Result<Rows> {
        let columns: &Arc<[Column]> = &self.writer.plan.columns;
        let mut values: Vec<Value> = Vec::new();
        let (mut skip, mut left) = (skip, take.unwrap_or(u64::MAX));
        for rows in answers {
            if rows.columns() != &**columns {
                return Err(Error::new(Kind::Busy, "the schema changed meanwhile; try again"));
            }
            for row in 0..rows.len() {
                if skip > 0 {
                    skip -= 1;
                } else if left > 0 {
                    left -= 1;
                    values.extend_from_slice(rows.values(row));
                }
            }
        }
        let limits = self.ask.words.limits(Limits { rows_max: usize::MAX, bytes_max: usize::MAX });
        let rows = Rows::new(columns.clone(), values);
        if rows.len() > limits.rows_max || rows.size() > limits.bytes_max {
            return Err(Error::new(
                Kind::TooLarge,
                "the members have more rows or bytes than `max_rows` and `max_bytes` allow",
            ));
        }
        Ok(rows)
    }

    fn answer(&self, rows: Rows, parts: &[usize], missing: Vec<MissingMember>) -> RoutedAnswer {
        let asked = parts.iter().map(|part| self.member(*part).name.to_string()).collect();
        RoutedAnswer { rows, asked, missing, cached: false }
    }
}

/// What a member is asked where rows are brought together, for each of the tables.
pub(super) fn brought(
    writer: &Writer<'_>,
    gather: &Gather<'_>,
    layout: &Layout,
    part: usize,
) -> Vec<Part> {
    let range = &layout.parts[part];
    let tables = gather.gathering.tables.iter();
    tables
        .map(|wanted| match gather.single {
            Some(single) => writer.candidates(single, wanted, range, gather.top),
            None => writer.rows(wanted, range),
        })
        .collect()
}
