//! A future whose panic becomes a value.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs a future and catches its panic. It is not polled again after that.
pub(crate) struct Caught<F>(Pin<Box<F>>);

/// It panicked. The panic hook has told how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

impl<F: Future> Caught<F> {
    pub(crate) fn new(future: F) -> Caught<F> {
        Caught(Box::pin(future))
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // What is broken by the panic is dropped and never looked at again.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_value() {
        assert_eq!(Caught::new(async { 7 }).await, Ok(7));
        let panicking = async {
            tokio::task::yield_now().await;
            panic!("on purpose");
        };
        assert_eq!(Caught::new(panicking).await, Err::<(), _>(Panicked));
    }
}
