//! One request on its way: what was written for it, what the server has said so far, and how it
//! ends. The messages of the server come here one by one; the socket is the task's.

use std::sync::Arc;
use std::time::Instant;

use super::describe::{self, Shape};
use super::fault::{Fault, Why};
use super::frame::Header;
use super::garbage::Garbage;
use super::request::{Description, Done, Order, Ran, Status, Work};
use super::statements::{Statement, Statements};
use super::tag::Tag;
use super::taking::{Held, Taking};
use super::types::{self, Format};
use crate::error::{Error, Kind, Result};
use crate::row::Rows;

/// A request is run again this often at most, whatever is the matter with it.
const REPEATS_MAX: u32 = 8;

pub(super) struct Flight {
    pub(super) order: Order,
    pub(super) phase: Phase,
    /// A request to cancel another one may hit it.
    pub(super) is_exposed: bool,
    /// Since when nobody waits for it.
    pub(super) unwanted_since: Option<Instant>,
    /// Why the server was asked to stop it.
    pub(super) why: Option<Why>,
    failure: Option<Failure>,
    tag: Option<Tag>,
    /// The server has forgotten what was prepared.
    forgets: bool,
    /// A statement of the script has committed a transaction.
    has_committed: bool,
    repeats: u32,
}

/// What the server is at. Begins at `Waiting`.
pub(super) enum Phase {
    /// Nothing was written. Becomes any other, by what is asked.
    Waiting,
    /// A text is prepared and described. Becomes `Waiting` when it is known, or ends.
    Preparing { name: Box<str>, is_parsed: bool, parameters: Box<[u32]>, shape: Option<Shape> },
    /// A prepared statement runs. Becomes `Waiting` if the server could not begin it.
    Running { statement: Arc<Statement>, is_bound: bool, taking: Taking },
    /// A script runs.
    Scripting { taking: Taking, has_columns: bool },
    /// Rows were sent behind the statement that takes them.
    Copying,
    /// A round trip, nothing else.
    Pinging,
    /// The connection becomes one for replication.
    Turning,
}

/// Why there is no answer. The first one counts.
enum Failure {
    Server(Fault),
    Ours(Error),
}

/// What the task has to do about a message.
pub(super) enum Heard {
    Nothing,
    /// A chunk waits for room, and everything behind it with it.
    Full(Held),
    /// The server wants rows to copy in: it is told that there are none.
    CopyIn,
    /// The rows of this request are not wanted any more.
    Stop,
    /// The answer is complete.
    Ready(Status),
    /// From here on the connection carries a stream.
    CopyBoth,
}

/// How a request has ended.
pub(super) enum End {
    /// It was answered, or nobody waited.
    Answered,
    /// It is to be written again, as the next one.
    Again(Box<Flight>),
}

impl Flight {
    pub(super) fn new(order: Order) -> Flight {
        Flight {
            order,
            phase: Phase::Waiting,
            is_exposed: false,
            unwanted_since: None,
            why: None,
            failure: None,
            tag: None,
            forgets: false,
            has_committed: false,
            repeats: 0,
        }
    }

    /// The longest row on the wire that may be kept; `None` if rows are not wanted.
    pub(super) fn row_bytes_max(&self) -> Option<usize> {
        match &self.phase {
            Phase::Running { taking, .. } | Phase::Scripting { taking, .. } => {
                taking.row_bytes_max()
            }
            _ => None,
        }
    }

    /// Ends with this error, unless there is one already; rows are dropped.
    pub(super) fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(Failure::Ours(error));
        if let Phase::Running { taking, .. } | Phase::Scripting { taking, .. } = &mut self.phase {
            taking.discard();
        }
    }

    /// Ends as one that was stopped: its rows have to be dropped for that to be heard.
    pub(super) fn give_up(&mut self) {
        let why = self.why.unwrap_or(Why::Unwanted);
        self.fail(why.error());
    }

    /// Whether rows of any length are passed over.
    pub(super) fn drops_rows(&self) -> bool {
        let may_have_rows =
            matches!(self.phase, Phase::Running { .. } | Phase::Scripting { .. } | Phase::Turning);
        may_have_rows && self.row_bytes_max().is_none()
    }

    /// Whether a lost connection leaves open what the statement did.
    pub(super) fn may_have_effect(&self) -> bool {
        match self.phase {
            Phase::Waiting | Phase::Preparing { .. } | Phase::Pinging | Phase::Turning => false,
            Phase::Running { .. } | Phase::Scripting { .. } => !self.order.is_repeatable,
            Phase::Copying => true,
        }
    }

    /// Takes one message.
    pub(super) fn hear(&mut self, header: Header, body: &[u8]) -> Result<Heard, Garbage> {
        match header.tag {
            b'1' => self.parsed()?,
            b'2' => self.bound()?,
            // A statement was closed along the way.
            b'3' => {}
            b't' | b'T' | b'n' => self.described(header.tag, body)?,
            b'D' => return self.row(body),
            b'C' => self.completed(body)?,
            b'I' => self.tag = Some(Tag::EMPTY),
            b'E' => {
                let fault = Fault::read(body).ok_or(Garbage("an error cannot be read"))?;
                self.failure.get_or_insert(Failure::Server(fault));
            }
            b'Z' => return Ok(Heard::Ready(status(body)?)),
            b'G' if matches!(self.phase, Phase::Copying) => {}
            b'G' => {
                self.fail(no_copy("COPY … FROM STDIN"));
                return Ok(Heard::CopyIn);
            }
            b'H' => {
                self.fail(no_copy("COPY … TO STDOUT"));
                return Ok(Heard::Stop);
            }
            b'W' if matches!(self.phase, Phase::Turning) => return Ok(Heard::CopyBoth),
            // The end of a copy that was refused.
            b'c' => {}
            _ => return Err(Garbage("a message has no place in the answer of a statement")),
        }
        Ok(Heard::Nothing)
    }

    /// The server is ready for the next one: answers, or says that it has to run again.
    pub(super) fn end(mut self, status: Status, statements: &mut Statements) -> End {
        let phase = std::mem::replace(&mut self.phase, Phase::Waiting);
        let failure = self.failure.take();
        // A DEALLOCATE is not undone with its transaction.
        if self.forgets {
            statements.forget_all();
        }
        match (phase, failure) {
            (Phase::Preparing { name, is_parsed: true, parameters, shape }, None) => {
                self.prepared(name, parameters, shape, statements)
            }
            (Phase::Running { taking, .. } | Phase::Scripting { taking, .. }, None) => {
                self.ran(taking)
            }
            (Phase::Copying, None) => self.copied(),
            (Phase::Pinging, None) => self.answer(Ok(Done::Ready)),
            (phase, Some(failure)) => self.failed(&phase, failure, status, statements),
            (Phase::Preparing { .. } | Phase::Turning | Phase::Waiting, None) => self.answer(Err(
                Error::new(Kind::Database, "the server has answered nothing to a statement"),
            )),
        }
    }

    /// The server is done with it, or has never had it.
    pub(super) fn answer(mut self, answer: Result<Done>) -> End {
        if let Some(fence) = self.order.fence.take() {
            fence.end();
        }
        self.order.asker.answer(answer);
        End::Answered
    }

    fn parsed(&mut self) -> Result<(), Garbage> {
        match &mut self.phase {
            Phase::Preparing { is_parsed, .. } => *is_parsed = true,
            _ => return Err(Garbage("a statement is parsed that was not sent to be")),
        }
        Ok(())
    }

    fn bound(&mut self) -> Result<(), Garbage> {
        match &mut self.phase {
            Phase::Running { is_bound, .. } => *is_bound = true,
            _ => return Err(Garbage("a statement is bound that was not sent to be")),
        }
        Ok(())
    }

    fn described(&mut self, tag: u8, body: &[u8]) -> Result<(), Garbage> {
        match (&mut self.phase, tag) {
            (Phase::Preparing { parameters, .. }, b't') => {
                *parameters = describe::parameters(body)?;
            }
            (Phase::Preparing { shape, .. }, b'T') => {
                *shape = Some(Shape::read(body, types::result_format)?);
            }
            (Phase::Preparing { .. }, b'n') => {}
            (Phase::Scripting { taking, has_columns }, b'T') => {
                *has_columns = true;
                if let Work::Script { limits, .. } = &self.order.work
                    && taking.row_bytes_max().is_some()
                {
                    let shape = Shape::read(body, |_| Format::Text)?;
                    *taking = Taking::of_script(*limits, shape);
                }
            }
            // The stream of changes may be announced with rows that nobody wants.
            (Phase::Turning, b'T') => {}
            _ => return Err(Garbage("a description comes that was not asked for")),
        }
        Ok(())
    }

    fn row(&mut self, body: &[u8]) -> Result<Heard, Garbage> {
        let taken = match &mut self.phase {
            Phase::Running { taking, .. } | Phase::Scripting { taking, .. } => taking.row(body)?,
            Phase::Turning => Ok(None),
            _ => return Err(Garbage("a row comes that was not asked for")),
        };
        match taken {
            Ok(None) => Ok(Heard::Nothing),
            Ok(Some(held)) => Ok(Heard::Full(held)),
            Err(error) => {
                self.fail(error);
                Ok(Heard::Stop)
            }
        }
    }

    fn completed(&mut self, body: &[u8]) -> Result<(), Garbage> {
        let has_columns = match &mut self.phase {
            Phase::Running { statement, .. } => statement.has_columns,
            // The next statement of the script may have none.
            Phase::Scripting { has_columns, .. } => std::mem::take(has_columns),
            _ => false,
        };
        let tag = Tag::read(body, has_columns).ok_or(Garbage("a command tag is not a text"))?;
        self.forgets |= tag.forgets_statements;
        self.has_committed |= tag.commits;
        self.tag = Some(tag);
        Ok(())
    }

    fn prepared(
        self,
        name: Box<str>,
        parameters: Box<[u32]>,
        shape: Option<Shape>,
        statements: &mut Statements,
    ) -> End {
        let has_columns = shape.is_some();
        let shape = shape.unwrap_or_else(Shape::none);
        let statement = Statement { name, parameters, shape, has_columns };
        match &self.order.work {
            Work::Describe { sql } => {
                // What is known may be of an older schema, and keeps its types as long as it lives.
                statements.forget(sql);
                let statement = statements.keep(sql.clone(), statement);
                let described = Description {
                    parameters: statement.parameters.clone(),
                    columns: statement.shape.columns.clone(),
                    types: statement.shape.fields.iter().map(|field| field.oid).collect(),
                };
                self.answer(Ok(Done::Described(described)))
            }
            Work::Run { sql, .. } => {
                statements.keep(sql.clone(), statement);
                End::Again(Box::new(self))
            }
            Work::Script { .. } | Work::Copy(_) | Work::Ping | Work::Replicate { .. } => {
                unreachable!("only what is described or run is prepared")
            }
        }
    }

    fn ran(self, mut taking: Taking) -> End {
        let rows = taking.rest();
        let tag = self.tag.unwrap_or(Tag::EMPTY);
        let has_committed = self.has_committed;
        self.answer(Ok(Done::Ran(Ran { rows, tag, has_committed })))
    }

    fn copied(self) -> End {
        let rows = Rows::new([].into(), Vec::new());
        let (tag, has_committed) = (self.tag.unwrap_or(Tag::EMPTY), false);
        self.answer(Ok(Done::Ran(Ran { rows, tag, has_committed })))
    }

    fn failed(
        mut self,
        phase: &Phase,
        failure: Failure,
        status: Status,
        statements: &mut Statements,
    ) -> End {
        if let Phase::Preparing { name, is_parsed: true, .. } = phase {
            statements.close(name.clone());
        }
        let fault = match failure {
            Failure::Ours(error) => {
                let error = self.with_effect(error);
                return self.answer(Err(error));
            }
            Failure::Server(fault) => fault,
        };
        let is_stale =
            matches!(phase, Phase::Running { is_bound: false, .. }) && fault.is_stale_statement();
        if is_stale && let Work::Run { sql, .. } = &self.order.work {
            statements.forget(sql);
        }
        let is_hit = self.is_exposed && self.why.is_none() && fault.is_cancel();
        let may_repeat = is_stale || (is_hit && self.order.is_repeatable);
        if may_repeat && status == Status::Idle && self.repeats < REPEATS_MAX {
            self.repeats += 1;
            self.tag = None;
            return End::Again(Box::new(self));
        }
        let error = fault.error(self.why);
        let row = match &self.order.work {
            Work::Copy(copy) => fault.copied_row(&copy.relation).map(|row| copy.first + row),
            _ => None,
        };
        let error = match row {
            Some(row) => error.at_row(row, None),
            None => error,
        };
        self.answer(Err(error))
    }

    /// Says so, if the statement has come to its end and changed rows all the same.
    fn with_effect(&self, error: Error) -> Error {
        match self.tag {
            Some(tag) if tag.rows_affected > 0 => {
                let rows = tag.rows_affected;
                let said = error.message();
                let said = format!("{said}; the statement itself has changed {rows} rows");
                Error::new(error.kind(), said)
            }
            _ => error,
        }
    }
}

fn status(body: &[u8]) -> Result<Status, Garbage> {
    match body {
        b"I" => Ok(Status::Idle),
        b"T" => Ok(Status::InTransaction),
        b"E" => Ok(Status::Failed),
        _ => Err(Garbage("the state of a transaction is none that there is")),
    }
}

fn no_copy(what: &str) -> Error {
    Error::usage(format!(
        "{what} is not supported here; use psql for copies, or INSERT and SELECT with many rows"
    ))
}
