//! Several futures at once, but not too many.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

pub(super) type Job<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What each of these gives, in order. At most `at_once` are begun and have not ended.
pub(super) async fn all<T>(mut jobs: Vec<Job<'_, T>>, at_once: usize) -> Vec<T> {
    let mut done: Vec<Option<T>> = jobs.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut room = at_once.max(1);
        for (job, done) in jobs.iter_mut().zip(&mut done) {
            if done.is_some() {
                continue;
            }
            if room == 0 {
                return Poll::Pending;
            }
            match job.as_mut().poll(context) {
                Poll::Ready(it) => *done = Some(it),
                Poll::Pending => room -= 1,
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn few_at_once_and_all_in_order() {
        for at_once in [0, 1, 3, 100] {
            let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let job = |n: usize| {
                let (running, most) = (&running, &most);
                Box::pin(async move {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    for _ in 0..n % 3 {
                        tokio::task::yield_now().await;
                    }
                    running.fetch_sub(1, Ordering::SeqCst);
                    n
                }) as Job<'_, usize>
            };
            let found = all((0..20).map(job).collect(), at_once).await;
            assert_eq!(found, (0..20).collect::<Vec<_>>());
            assert!(most.load(Ordering::SeqCst) <= at_once.max(1));
        }
    }
}
