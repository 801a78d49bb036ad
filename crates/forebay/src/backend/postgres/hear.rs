//! Reading what the server has sent: each message goes to the request it answers, or is about the
//! connection itself. Lengths are checked here, before anything is kept.

use std::time::Instant;

use super::fault::Fault;
use super::flight::{End, Flight, Heard};
use super::frame::Header;
use super::garbage::Garbage;
use super::lost::Lost;
use super::replication;
use super::request::{Done, Status};
use super::startup::parameter;
use super::taking;
use super::task::Task;
use super::write::refuse_copy;

/// Descriptions, errors and everything else that is kept while it is read.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

impl Task {
    /// Reads all messages that are whole, unless rows have to wait for their reader.
    pub(super) fn hear(&mut self) -> Result<(), Lost> {
        while self.held.is_none() && self.turned.is_none() {
            let Some(header) = self.wire.inbox.header()? else { break };
            if self.passes_over(header)? {
                self.wire.inbox.skip(header);
            } else if self.wire.inbox.is_whole(header) {
                self.take(header)?;
            } else {
                break;
            }
        }
        Ok(())
    }

    /// Whether the message is not wanted, or longer than wanted, and the connection goes on.
    fn passes_over(&mut self, header: Header) -> Result<bool, Lost> {
        match header.tag {
            b'D' => {
                let Some(first) = self.sent.front_mut() else { return Ok(false) };
                let Some(bytes_max) = first.row_bytes_max() else { return Ok(first.drops_rows()) };
                let is_too_long = header.length > bytes_max;
                if is_too_long {
                    first.fail(taking::too_long(bytes_max));
                    self.note_unwanted(Instant::now());
                }
                Ok(is_too_long)
            }
            // The rows of a copy that was refused.
            b'd' => Ok(true),
            b'N' | b'A' => Ok(header.length > MESSAGE_BYTES_MAX),
            _ if header.length > MESSAGE_BYTES_MAX => {
                Err(Garbage("a message is longer than any has to be").into())
            }
            _ => Ok(false),
        }
    }

    fn take(&mut self, header: Header) -> Result<(), Lost> {
        let body = self.wire.inbox.body(header);
        let heard = match (header.tag, self.sent.front_mut()) {
            (b'N', _) => {
                let code = Fault::read(body).map(|fault| fault.code().to_owned());
                tracing::debug!(code, "a notice of the server was dropped");
                Heard::Nothing
            }
            (b'A', _) => Heard::Nothing,
            (b'S', _) => {
                let changed = parameter(body).ok_or(Garbage("a setting cannot be read"))?;
                self.shared.set_parameter(changed.0, changed.1);
                Heard::Nothing
            }
            (b'E', first) => {
                let fault = Fault::read(body).ok_or(Garbage("an error cannot be read"))?;
                match first {
                    // The connection ends with it, so it is no answer: what the statement did is
                    // not known.
                    _ if fault.is_fatal() => return Err(Lost::Ended(fault)),
                    Some(first) => first.hear(header, body)?,
                    None => {
                        self.last_words = Some(fault);
                        Heard::Nothing
                    }
                }
            }
            (_, Some(first)) => first.hear(header, body)?,
            (_, None) => return Err(Garbage("an answer comes that nobody asked for").into()),
        };
        self.wire.inbox.consume(header);
        self.follow(heard)
    }

    fn follow(&mut self, heard: Heard) -> Result<(), Lost> {
        match heard {
            Heard::Nothing => {}
            Heard::Full(held) if self.halt.may_write() => {
                self.held = Some((held, Instant::now()));
            }
            // It is being stopped, and the answer to that comes behind its rows.
            Heard::Full(_) => self.sent.iter_mut().take(1).for_each(Flight::give_up),
            Heard::Stop => self.note_unwanted(Instant::now()),
            Heard::CopyIn => {
                if self.sent.len() > 1 {
                    // The server reads what was sent behind it as rows.
                    return Err(Garbage("a statement that only reads wants to copy in").into());
                }
                if let Some(first) = self.sent.front() {
                    refuse_copy(&first.phase, &mut self.wire.outbox);
                }
            }
            Heard::Ready(status) => self.ready(status)?,
            Heard::CopyBoth => self.turn()?,
        }
        Ok(())
    }

    /// The first request on the wire has its answer.
    fn ready(&mut self, status: Status) -> Result<(), Lost> {
        let first = self.sent.pop_front();
        let first = first.ok_or(Garbage("the server is ready for what nobody asked"))?;
        self.halt.answered();
        self.status = status;
        self.shared.set_status(status);
        match first.end(status, &mut self.statements) {
            End::Answered => {}
            End::Again(mut flight) => {
                if let Some(fence) = &mut flight.order.fence {
                    fence.recall();
                }
                self.waiting.push_front(*flight);
            }
        }
        Ok(())
    }

    /// The connection carries a stream from here on.
    fn turn(&mut self) -> Result<(), Lost> {
        let first = self.sent.pop_front();
        let first = first.ok_or(Garbage("a stream begins that nobody asked for"))?;
        let (feed, replication) = replication::pair();
        // First: whoever has the stream may look at once.
        self.shared.set_status(Status::Closed);
        first.answer(Ok(Done::Replicating(replication)));
        self.turned = Some(feed);
        Ok(())
    }
}
