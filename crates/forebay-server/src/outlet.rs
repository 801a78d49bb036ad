//! Where figures go by themselves every now and then, for who collects them without asking. What
//! is done with them there, and in which words, is not known here.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use forebay::Metric;
use tokio::time::MissedTickBehavior;

use crate::http::Service;

/// However often they are wanted.
const EVERY_MIN: Duration = Duration::from_secs(1);

/// The longest that the last figures are waited for when the service stops.
const LAST_MAX: Duration = Duration::from_secs(2);

type Sending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where all figures go that `GET /metrics` shows, every now and then and once at the end.
#[derive(Clone)]
pub struct Outlet {
    every: Duration,
    send: Arc<dyn Fn(Vec<Metric>) -> Sending + Send + Sync>,
}

impl Outlet {
    /// `send` gets them so often, at most once a second. It is waited for, so that there is one at
    /// a time; a time that it misses is left out.
    pub fn new<F>(
        every: Duration,
        send: impl Fn(Vec<Metric>) -> F + Send + Sync + 'static,
    ) -> Outlet
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Outlet {
            every: every.max(EVERY_MIN),
            send: Arc::new(move |metrics| Box::pin(send(metrics))),
        }
    }

    /// Sends them for as long as it is polled.
    pub(crate) async fn run(self, service: Arc<Service>) {
        // The first tick of a timer is at once, when there is nothing to tell.
        let mut timer = tokio::time::interval(self.every);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        timer.tick().await;
        loop {
            timer.tick().await;
            (self.send)(service.figures()).await;
        }
    }

    /// Sends the last ones.
    pub(crate) async fn finish(self, service: &Service) {
        // Whoever does not take them in time has told it already.
        let _ = tokio::time::timeout(LAST_MAX, (self.send)(service.figures())).await;
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").field("every", &self.every).finish_non_exhaustive()
    }
}
