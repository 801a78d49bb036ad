//! Figures as they come, as server-sent events: one task looks at the databases once a second, for
//! all who listen and only while somebody does. Who is too slow misses events rather than make
//! anybody wait.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::MissedTickBehavior;

use super::beat::Looks;
use super::builder::Inner;
use super::wish::Wish;
use crate::failure::Failure;
use crate::http::{Dialect, failure, respond};

/// How often an event comes. It is the heartbeat, too: there is one even when nothing happens.
const BEAT: Duration = Duration::from_secs(1);

/// Listeners at once.
const LISTENERS_MAX: usize = 64;

/// Events that whoever comes is told of first.
const PAST_MAX: usize = 300;

/// Events for which it goes on when nobody listens any more, so that a page that is loaded again
/// has its past.
const LINGER: usize = 60;

/// Where events come from.
pub(super) struct Live {
    latest: watch::Sender<Arc<str>>,
    places: Arc<Semaphore>,
    past: Mutex<Past>,
    ended: watch::Sender<bool>,
}

#[derive(Default)]
struct Past {
    is_running: bool,
    events: VecDeque<Arc<str>>,
}

/// Somebody who listens.
struct Listener {
    latest: watch::Receiver<Arc<str>>,
    ended: watch::Receiver<bool>,
    /// What he is told first.
    first: Option<Bytes>,
    /// How many events are left, if he does not want all there will be.
    left: Option<u32>,
    _place: OwnedSemaphorePermit,
}

impl Live {
    pub(super) fn new() -> Live {
        Live {
            latest: watch::channel(Arc::from("")).0,
            places: Arc::new(Semaphore::new(LISTENERS_MAX)),
            past: Mutex::default(),
            ended: watch::channel(false).0,
        }
    }

    /// Ends all streams, for good.
    pub(super) fn end(&self) {
        self.ended.send_replace(true);
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody, and says whether to go on.
    fn tell(&self, event: &str, silence: &mut usize) -> bool {
        let event: Arc<str> = event.into();
        let mut past = self.past();
        past.events.push_back(event.clone());
        if past.events.len() > PAST_MAX {
            past.events.pop_front();
        }
        self.latest.send_replace(event);
        *silence = if self.latest.receiver_count() > 0 { 0 } else { *silence + 1 };
        let goes_on = *silence < LINGER && !*self.ended.borrow();
        if !goes_on {
            // Under the lock under which a listener looks whether there is somebody to tell him.
            *past = Past::default();
        }
        goes_on
    }
}

pub(super) async fn live(State(admin): State<Arc<Inner>>, RawQuery(query): RawQuery) -> Response {
    match listen(&admin, query.as_deref()) {
        Ok(listener) => {
            let events = stream::unfold(listener, |mut it| async move {
                let bytes = it.next().await?;
                Some((Ok::<Bytes, Infallible>(bytes), it))
            });
            respond(StatusCode::OK, "text/event-stream", Body::from_stream(events))
        }
        Err(refusal) => failure(&refusal, Dialect::Plain),
    }
}

fn listen(admin: &Arc<Inner>, query: Option<&str>) -> Result<Listener, Failure> {
    let wish = Wish::parse(query, &["events"])?;
    let live = &admin.live;
    if *live.ended.borrow() {
        return Err(Failure::new(503, "STOPPING", "this process is about to stop"));
    }
    let place = live.places.clone().try_acquire_owned().map_err(|_| {
        let text = format!("{LISTENERS_MAX} are listening, and no more are let in");
        Failure::new(503, "LISTENERS_EXHAUSTED", text)
    })?;
    let mut past = live.past();
    if !past.is_running {
        past.is_running = true;
        tokio::spawn(look(Arc::downgrade(admin)));
    }
    let events: Vec<&str> = past.events.iter().map(|event| &**event).collect();
    let first = format!("retry: 2000\n\nevent: past\ndata: [{}]\n\n", events.join(","));
    Ok(Listener {
        latest: live.latest.subscribe(),
        ended: live.ended.subscribe(),
        first: Some(first.into()),
        left: wish.events,
        _place: place,
    })
}

impl Listener {
    /// The bytes of the next event; none when there will be no more.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if self.left == Some(0) {
            return None;
        }
        tokio::select! {
            changed = self.latest.changed() => changed.ok()?,
            _ = self.ended.wait_for(|ended| *ended) => return None,
        }
        self.left = self.left.map(|left| left - 1);
        let event = self.latest.borrow_and_update().clone();
        Some(format!("event: beat\ndata: {event}\n\n").into())
    }
}

/// Looks once a second, until nobody has listened for a while.
async fn look(admin: Weak<Inner>) {
    let mut timer = tokio::time::interval(BEAT);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer.tick().await;
    let Some(mut before) = admin.upgrade().map(|admin| Looks::take(&admin)) else { return };
    let mut silence = 0;
    loop {
        timer.tick().await;
        let Some(admin) = admin.upgrade() else { return };
        let now = Looks::take(&admin);
        if !admin.live.tell(&now.since(&before), &mut silence) {
            return;
        }
        before = now;
    }
}
