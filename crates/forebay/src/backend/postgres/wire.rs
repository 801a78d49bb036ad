//! The bytes of one connection, both ways at once: what is to be sent is never waited for while the
//! server waits for us to read. It knows no messages but where they end.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};

use super::frame::Inbox;
use super::socket::Socket;

pub(super) struct Wire {
    socket: Socket,
    pub(super) inbox: Inbox,
    /// Messages to be sent. Whoever adds to it bounds it.
    pub(super) outbox: BytesMut,
    is_flushed: bool,
    broken: Option<io::ErrorKind>,
}

/// What a turn brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Read,
    Wrote,
    /// The server has closed its end.
    Closed,
}

impl Wire {
    pub(super) fn new(socket: Socket) -> Wire {
        let (inbox, outbox) = (Inbox::default(), BytesMut::new());
        Wire { socket, inbox, outbox, is_flushed: true, broken: None }
    }

    /// Sends and, if asked to, reads what is possible; waits until something was. Cancel safe.
    pub(super) async fn turn(&mut self, reads: bool) -> io::Result<Turn> {
        poll_fn(|context| self.poll_turn(context, reads)).await
    }

    /// Sends everything. Not for while others wait: it does not read. Cancel safe.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        while !self.outbox.is_empty() || !self.is_flushed {
            self.turn(false).await?;
        }
        Ok(())
    }

    /// Gives the socket back, to speak TLS on it. Nothing may have been read.
    pub(super) fn into_socket(self) -> Socket {
        self.socket
    }

    /// One byte, without reading any further.
    pub(super) async fn byte(&mut self) -> io::Result<u8> {
        self.socket.read_u8().await
    }

    fn poll_turn(&mut self, context: &mut Context<'_>, reads: bool) -> Poll<io::Result<Turn>> {
        let written = self.poll_write(context);
        if let Poll::Ready(Err(error)) = &written {
            // The server may have said why, so it is heard to its end.
            self.broken = Some(error.kind());
            self.outbox.clear();
            self.is_flushed = true;
        }
        if reads {
            let room = self.inbox.room();
            match pin!(self.socket.read_buf(room)).poll(context) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(Turn::Closed)),
                Poll::Ready(Ok(_)) => return Poll::Ready(Ok(Turn::Read)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
        }
        match (written, self.broken) {
            (Poll::Ready(Err(error)), _) => Poll::Ready(Err(error)),
            (_, Some(kind)) => Poll::Ready(Err(kind.into())),
            (Poll::Ready(Ok(true)), None) => Poll::Ready(Ok(Turn::Wrote)),
            (Poll::Ready(Ok(false)) | Poll::Pending, None) => Poll::Pending,
        }
    }

    /// Whether everything has been sent just now; pending while the socket takes no more.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.outbox.is_empty() && self.is_flushed {
            return Poll::Ready(Ok(false));
        }
        while !self.outbox.is_empty() {
            let sent = ready!(Pin::new(&mut self.socket).poll_write(context, &self.outbox))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outbox.advance(sent);
            self.is_flushed = false;
        }
        ready!(Pin::new(&mut self.socket).poll_flush(context))?;
        self.is_flushed = true;
        Poll::Ready(Ok(true))
    }
}
