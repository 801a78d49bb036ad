//! One read from its beginning to its answer: what the text means, which rows are whose, and, where
//! that moves, whether it was so when the live member was read.

use super::super::ask::Ask;
use super::super::member::Layout;
use super::super::query::RoutedAnswer;
use super::super::routed::Inner;
use super::handle::{Server, in_time};
use super::plan::{Plan, Reading, Split};
use super::run::{Run, unknown};
use super::statement::Writer;
use super::way::Way;
use crate::backend::{Effect, postgres};
use crate::error::{Error, Kind, Result};
use crate::row::Rows;
use crate::session::Session;
use crate::value::Value;

/// How often a read is repeated because the schema was changed meanwhile.
const TRIES_MAX: usize = 5;

/// A query whose text is known.
struct Reader<'r> {
    server: &'r Server,
    inner: &'r Inner,
    ask: &'r Ask<'r>,
    plan: &'r Plan,
    split: &'r Split,
    values: &'r [Value],
}

/// What came of it under one layout.
struct Read {
    answer: Result<RoutedAnswer>,
    /// One member was asked what its caller has asked.
    is_passed: bool,
    /// What it rests on at the live member.
    rests: Rests,
}

/// What an answer rests on at the live member.
enum Rests {
    Nothing,
    /// On these answers, which may have been in its cache.
    Known(Vec<Rows>),
    /// On what was read just now.
    Server,
}

impl Server {
    /// Reads.
    pub(in crate::route) async fn read(
        &self,
        inner: &Inner,
        ask: &Ask<'_>,
    ) -> Result<RoutedAnswer> {
        if postgres::known(ask.sql).effect != Effect::Read {
            return Err(Error::usage(
                "the statement does not only read: use `execute` for INSERT, UPDATE and DELETE, \
                 and run what changes a schema at each `member`",
            ));
        }
        let limit = ask.words.timeout.unwrap_or(inner.member_timeout());
        for _ in 0..TRIES_MAX {
            let plan = in_time(limit, self.plan(inner, ask.sql)).await?;
            let split = match &plan.reading {
                Reading::Unknown(why) => return Err(unknown(why)),
                Reading::Elsewhere => {
                    let outcome = ask.pass(inner.live(), inner.member_timeout()).await?;
                    return Ok(RoutedAnswer::of(outcome, &inner.live().name));
                }
                Reading::Split(split) => split,
            };
            let values = plan.values(&ask.params)?;
            let (plan, values) = (&*plan, values.as_slice());
            let reader = Reader { server: self, inner, ask, plan, split, values };
            let read = match inner.is_moving {
                true => reader.while_moving().await?,
                false => reader.under(&inner.last_layout(), None).await,
            };
            let schema = inner.live().db.engine().schema_number();
            let is_current = plan.schema.is_none() || plan.schema == schema;
            if is_current || read.is_passed {
                return read.answer;
            }
        }
        Err(Error::new(
            Kind::Busy,
            "the schema of the live member was changed again and again while it was read; try \
             again",
        ))
    }
}

impl Reader<'_> {
    /// Reads while the boundary may move. The generation is asked of the server after the live
    /// member has answered, unless its answers are known to be of this generation or an earlier
    /// one; if it is another one by then, it is read once more, in one snapshot.
    async fn while_moving(&self) -> Result<Read> {
        // How old an answer may be is said by the generation, and by nobody else.
        let mut ask = self.ask.clone();
        ask.words.ttl = None;
        let reader = Reader { ask: &ask, ..*self };
        let layout = match self.inner.layout().await {
            // What the archive had when that was last known it still has.
            Err(_) if ask.is_partial => self.inner.last_layout(),
            layout => layout?,
        };
        let read = reader.under(&layout, None).await;
        let answers: &[Rows] = match &read.rests {
            Rests::Nothing => return Ok(read),
            Rests::Known(answers) if self.server.seen.knows(answers, layout.generation) => {
                return Ok(read);
            }
            Rests::Known(answers) => answers,
            Rests::Server => &[],
        };
        match self.server.generation_now(self.inner).await {
            Ok(generation) if generation == layout.generation => {
                self.server.seen.note(answers, generation);
                Ok(read)
            }
            Err(_) if ask.is_partial || read.answer.is_err() => Ok(read),
            Err(error) => Err(error),
            Ok(_) => reader.in_snapshot().await,
        }
    }

    /// Reads the boundary and what lies beyond it in one snapshot of the live member, so that it
    /// cannot have moved between them. All the archive's rows below it were there before.
    async fn in_snapshot(&self) -> Result<Read> {
        let live = self.inner.live();
        let fault = |error: Error| live.fault(&error);
        let session = live.db.session();
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        session.execute(begin).await.map_err(fault)?;
        let layout = self.server.layout_in(self.inner, &session).await?;
        let read = self.under(&layout, Some(&session)).await;
        session.close().await;
        Ok(read)
    }

    /// Reads under a layout; the live member in a session if there is one.
    async fn under(&self, layout: &Layout, session: Option<&Session>) -> Read {
        let Reader { server, inner, ask, plan, split, values } = *self;
        let way = Way::of(plan, split, layout, values, inner.is_not_null);
        let is_passed = matches!(way, Way::Pass { .. });
        let live = layout.parts.len() - 1;
        let archive = layout.parts.iter().position(|part| {
            inner.is_moving && part.member + 2 == inner.members.len() && layout.generation > 0
        });
        let is_late = match archive {
            Some(archive) if way.parts().contains(&archive) => {
                !server.is_settled(inner, layout).await
            }
            _ => false,
        };
        let late = archive.filter(|_| is_late).map(|part| layout.parts[part].member);
        let run = Run::new(inner, ask, layout, Writer { plan, values }, session, late);
        let limit = ask.words.timeout.unwrap_or(inner.member_timeout());
        if !is_passed && !matches!(way, Way::Refuse(_)) && !ask.is_partial {
            let members = run.members_of(way.parts());
            let same = server.check_same(inner, &members, &plan.shapes);
            if let Err(error) = in_time(limit, same).await {
                return Read { answer: Err(error), is_passed, rests: Rests::Nothing };
            }
        }
        let answer = run.go(&way).await;
        let rests = match &way {
            way if !way.parts().contains(&live) => Rests::Nothing,
            Way::Gather(_) => Rests::Server,
            _ => Rests::Known(run.into_live()),
        };
        Read { answer, is_passed, rests }
    }
}
