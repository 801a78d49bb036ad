//! An answer on its way: it keeps its request's place until the last byte is handed over, and
//! breaks off when that takes too long, however steadily the client reads.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::trace::Course;

/// A body with a place and a deadline. The deadline is looked at when the connection asks for
/// more; a connection that asks no more is the business of `stall`.
pub(crate) struct Sending {
    pub(crate) body: Body,
    /// None for an answer that is not meant to end.
    pub(crate) deadline: Option<Instant>,
    pub(crate) place: Option<OwnedSemaphorePermit>,
    /// Where what is still asked for it belongs: a cursor asks while it is sent.
    pub(crate) course: Course,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let own = self.get_mut();
        if own.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            own.place = None;
            let error = std::io::Error::from(std::io::ErrorKind::TimedOut);
            return Poll::Ready(Some(Err(axum::Error::new(error))));
        }
        own.course.run_here(|| Pin::new(&mut own.body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
