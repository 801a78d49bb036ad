//! Statements that write what is split over PostgreSQL servers: where they go. They are run beside
//! this folder, one member after another.

use super::super::ask::Ask;
use super::super::member::Layout;
use super::super::reach::Reach;
use super::super::routed::Inner;
use super::super::way::Touched;
use super::super::write::{MOVES_MAX, RoutedOutcome, Run, Runs, across_refused, moved_again};
use super::boundary::Look;
use super::handle::{Server, in_time};
use super::plan::{WriteText, Writing};
use super::statement::{fence, finished};
use crate::backend::{Effect, postgres};
use crate::error::{Error, Result};
use crate::invalidate::{Bindings, Comparand};
use crate::sql::clauses::Binder;
use crate::sql::tree::{Aim, Aiming};
use crate::sql::{Occurrence, Operand};
use crate::value::Value;

impl Server {
    pub(in crate::route) async fn write(
        &self,
        inner: &Inner,
        ask: &Ask<'_>,
        across: bool,
    ) -> Result<RoutedOutcome> {
        if postgres::known(ask.sql).effect != Effect::Write {
            return Err(Error::usage(
                "the statement is no INSERT, UPDATE or DELETE: use `query` for reads, and run what \
                 changes a schema at each `member`",
            ));
        }
        let limit = ask.words.timeout.unwrap_or(inner.member_timeout());
        let writing = in_time(limit, self.writing(inner, ask.sql)).await?;
        let values = writing.values(&ask.params)?;
        let mut look = Look::Cached;
        for _ in 0..MOVES_MAX {
            let layout = self.layout(inner, look).await?;
            let aimed =
                Target { server: self, writing: &writing, layout: &layout, values: &values };
            let mut runs = match &writing.aiming {
                Aiming::Known(Aim::Insert { values, is_plain, .. }) => {
                    aimed.insert(values, *is_plain, across)?
                }
                Aiming::Known(Aim::Target { occurrence, table, set, is_plain }) => {
                    aimed.rows(occurrence, *table, set.as_ref(), *is_plain, across)?
                }
                Aiming::Refused(why) => return Err(Error::usage(*why)),
                Aiming::Incomplete(_) => return Err(Error::usage("it is not understood")),
                Aiming::Elsewhere => return inner.write_elsewhere(ask).await,
            };
            // The newest first: the live member is the only one where it may turn out to be late.
            runs.sort_by_key(|(part, _)| std::cmp::Reverse(*part));
            let members: Vec<usize> =
                runs.iter().map(|(part, _)| layout.parts[*part].member).collect();
            in_time(limit, self.check_same(inner, &members, &writing.shapes)).await?;
            if let Some(outcome) = inner.write_all(ask, &layout, runs).await? {
                return Ok(outcome);
            }
            // The stream may not have told the boundary that the server has.
            look = Look::Strict;
        }
        Err(moved_again())
    }
}

struct Target<'t> {
    server: &'t Server,
    writing: &'t Writing,
    layout: &'t Layout,
    values: &'t [Value],
}

impl Target<'_> {
    /// The part that owns a value of the column.
    fn owner(&self, operand: Option<&Operand>) -> Result<usize> {
        let operand = operand.ok_or_else(|| {
            Error::usage(
                "the value of the column that rows are split by has to be a literal or a \
                 parameter of its type",
            )
        })?;
        let place = self.server.scale.place(operand, self.values).ok_or_else(|| {
            Error::usage(
                "the value of the column that rows are split by is in a form whose member cannot \
                 be told: give whole numbers, and times such as 2024-01-31, 2024-01-31T10:30:00 \
                 and, with a zone, 2024-01-31T10:30:00Z",
            )
        })?;
        let owns = |part: &super::super::member::Part| match place {
            Comparand::Null => part.has_null,
            _ => part.span.contains(&place),
        };
        self.layout.parts.iter().position(owns).ok_or_else(|| {
            Error::usage("no member has a range for the value of the column that rows are split by")
        })
    }

    fn insert(&self, rows: &[Option<Operand>], is_plain: bool, across: bool) -> Result<Runs> {
        let mut owners: Vec<(usize, Vec<usize>)> = Vec::new();
        for (row, value) in rows.iter().enumerate() {
            let part = self.owner(value.as_ref())?;
            match owners.iter_mut().find(|(known, _)| *known == part) {
                Some((_, rows)) => rows.push(row),
                None => owners.push((part, vec![row])),
            }
        }
        if let [(part, _)] = owners.as_slice() {
            return Ok(vec![(*part, Run::Whole)]);
        }
        if !is_plain {
            return Err(Error::usage(
                "the INSERT has rows of several members and a RETURNING or ON CONFLICT: write it \
                 as one statement for each member",
            ));
        }
        if !across {
            return Err(across_refused());
        }
        let WriteText::Insert(text) = self.cut()? else { return Err(Error::usage(ODD)) };
        let part = |rows: &[usize]| {
            Run::Part(finished(&text.of_rows(rows), Binder::new(&self.writing.types), self.values))
        };
        Ok(owners.into_iter().map(|(owner, rows)| (owner, part(&rows))).collect())
    }

    fn rows(
        &self,
        occurrence: &Occurrence,
        table: u32,
        set: Option<&Option<Operand>>,
        is_plain: bool,
        across: bool,
    ) -> Result<Runs> {
        let shape = self.writing.shapes.iter().find(|shape| shape.oid == table);
        let shape = shape.ok_or_else(|| Error::usage(ODD))?;
        let points = self.writing.parameters.points(self.values);
        let points: Vec<&Value> = points.iter().collect();
        let column = shape.columns[shape.split].number;
        let reach = Reach::of(occurrence, column, Bindings(&points));
        let touched = Touched::by(&[reach], self.layout);
        if let Some(set) = set {
            let stays = match touched.parts.as_slice() {
                [only] => self.owner(set.as_ref()).is_ok_and(|owner| owner == *only),
                _ => false,
            };
            if !stays {
                return Err(Error::usage(
                    "the UPDATE may move rows to another member, by a new value of the column that \
                     they are split by: insert them there and delete them here, or set a literal \
                     or a parameter within the range of the member whose rows are changed",
                ));
            }
        }
        if let ([only], true) = (touched.parts.as_slice(), touched.is_within) {
            return Ok(vec![(*only, Run::Whole)]);
        }
        if !is_plain {
            return Err(Error::usage(
                "the statement may change rows beyond the range of one member, and has a \
                 RETURNING, which only one member can be asked: limit the column that the rows are \
                 split by to the range of one member",
            ));
        }
        if touched.parts.len() > 1 && !across {
            return Err(across_refused());
        }
        let WriteText::Target(text) = self.cut()? else { return Err(Error::usage(ODD)) };
        let run = |part: &usize| {
            let mut binder = Binder::new(&self.writing.types);
            let fence = fence(&self.layout.parts[*part], &text.alias, shape, &mut binder);
            let part_text = text.under(&fence);
            (*part, Run::Part(finished(&part_text, binder, self.values)))
        };
        Ok(touched.parts.iter().map(run).collect())
    }

    fn cut(&self) -> Result<&WriteText> {
        self.writing.cut.as_ref().map_err(|why| Error::usage(why.clone()))
    }
}

const ODD: &str = "its text is not understood; write it in a simpler form";
