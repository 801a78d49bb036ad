//! Who waits for the next statement of a text. Whoever comes while nobody else is on the way goes
//! alone. Of statements for many at most one is under way at a time, unless so many wait that they
//! fill another: those who come meanwhile share the next.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot::{Receiver, Sender, channel};

use super::batch::send;
use super::joint::Joint;
use crate::backend::Answer;
use crate::engine::call::Call;
use crate::engine::database::Engine;
use crate::engine::origin::Purpose;
use crate::engine::read::check_limits;
use crate::engine::template::Template;
use crate::error::Result;
use crate::params::Params;
use crate::pool::HolderLabel;
use crate::value::Value;

/// Callers of one statement at most.
pub(super) const RIDERS_MAX: usize = 256;

/// Statements that fail one after another before the text is run alone from then on.
const FAILURES_MAX: u32 = 3;

/// Why a text is run alone after that.
const FAILS: &str = "failed for several values at once, three times";

/// What is known of a text for being run for many values at once, and who waits for it.
#[derive(Default)]
pub(in crate::engine) struct Coalescing {
    joint: OnceLock<Result<Arc<Joint>, &'static str>>,
    failures: AtomicU32,
    /// Those that were answered together, and the statements that it took.
    calls: AtomicU64,
    statements: AtomicU64,
    gathering: Mutex<Gathering>,
}

#[derive(Default)]
struct Gathering {
    riders: Vec<Rider>,
    /// A task is there that will send them.
    is_tended: bool,
    /// Callers on their way alone, since nobody else was.
    solos: usize,
}

/// What became of a caller who would read together with others.
pub(in crate::engine) enum Ride {
    /// It has, and took so long.
    Done(Answer, Duration),
    /// It is to run its statement alone, and hold this meanwhile.
    Alone(Option<Solo>),
}

/// A caller on its way alone, until dropped. Nobody waits for it: it may not be polled.
pub(in crate::engine) struct Solo(Arc<Template>);

/// A caller that has been let on, or not.
enum Boarded {
    Waits(Receiver<(Answer, Duration)>),
    Alone(Solo),
}

/// A caller that waits. Told nothing, it runs its statement alone.
pub(super) struct Rider {
    pub(super) params: Params,
    pub(super) value: Value,
    /// Its answer is to be kept.
    pub(super) fill: bool,
    pub(super) holder: HolderLabel,
    pub(super) sender: Sender<(Answer, Duration)>,
}

/// The task that sends the statements of a text. However it ends, nobody waits for it any more.
struct Tending {
    template: Arc<Template>,
    /// Nobody waited, so that whoever comes brings a task of its own.
    is_over: bool,
}

impl Coalescing {
    pub(super) fn succeeded(&self, calls: usize) {
        self.calls.fetch_add(calls as u64, Ordering::Relaxed);
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.failures.store(0, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// The statement for many values, or why there is none, once that is known.
    fn known(&self) -> Option<Result<Arc<Joint>, &'static str>> {
        match self.failures.load(Ordering::Relaxed) {
            FAILURES_MAX.. => Some(Err(FAILS)),
            _ => self.joint.get().cloned(),
        }
    }

    fn gathering(&self) -> MutexGuard<'_, Gathering> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those who wait, as many as one statement takes; none when nobody does, and then the task
    /// is over.
    fn take(&self) -> Vec<Rider> {
        let mut gathering = self.gathering();
        let count = gathering.riders.len().min(RIDERS_MAX);
        gathering.is_tended = count > 0;
        gathering.riders.drain(..count).collect()
    }
}

impl Drop for Solo {
    fn drop(&mut self) {
        let mut gathering = self.0.coalescing.gathering();
        gathering.solos = gathering.solos.saturating_sub(1);
    }
}

impl Drop for Tending {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut gathering = self.template.coalescing.gathering();
        gathering.is_tended = false;
        gathering.riders.clear();
    }
}

impl Engine {
    /// Reads together with others who want the same of other values, if there are any.
    ///
    /// Only a statement that is sent after this was called is ridden on.
    pub(in crate::engine) async fn ride(
        &self,
        call: &Call<'_>,
        template: &Arc<Template>,
        fill: bool,
    ) -> Ride {
        let Ok(joint) = self.joint(call, template).await else { return Ride::Alone(None) };
        let Some(value) = joint.value(&call.params) else { return Ride::Alone(None) };
        let receiver = match self.board(call, template, value, fill) {
            Some(Boarded::Waits(receiver)) => receiver,
            Some(Boarded::Alone(solo)) => return Ride::Alone(Some(solo)),
            None => return Ride::Alone(None),
        };
        match self.ridden(call, receiver).await {
            Some((answer, spent)) => Ride::Done(answer, spent),
            None => Ride::Alone(None),
        }
    }

    /// What comes of a statement that was waited for.
    async fn ridden(
        &self,
        call: &Call<'_>,
        receiver: Receiver<(Answer, Duration)>,
    ) -> Option<(Answer, Duration)> {
        let ridden = match call.deadline(self.statement_timeout) {
            Some(deadline) => tokio::time::timeout_at(deadline.into(), receiver).await.ok()?,
            None => receiver.await,
        };
        let (answer, spent) = ridden.ok()?;
        // The error for one that is too large is that of the statement alone.
        check_limits(&answer.rows, call.limits).ok()?;
        Some((answer, spent))
    }

    /// Whether a text is run for many values at once, in words.
    pub(in crate::engine) async fn coalesces(
        &self,
        call: &Call<'_>,
        template: &Arc<Template>,
    ) -> String {
        let Coalescing { calls, statements, .. } = &template.coalescing;
        match self.joint(call, template).await {
            Ok(_) => format!(
                "yes: {} calls so far took {} statements",
                calls.load(Ordering::Relaxed),
                statements.load(Ordering::Relaxed)
            ),
            Err(why) => format!("no: the statement {why}"),
        }
    }

    /// The statement for many values. The server is asked for the type of the parameter once.
    async fn joint(
        &self,
        call: &Call<'_>,
        template: &Arc<Template>,
    ) -> Result<Arc<Joint>, &'static str> {
        if let Some(known) = template.coalescing.known() {
            return known;
        }
        if template.proven(&call.params).read_under().is_none()
            && !self.origin.only_answers(&template.text.sql)
        {
            return Err("is not proven to do nothing else than answer");
        }
        let described = async {
            let holder = call.holder(Some(template.record.text().clone()));
            let mut connection = self.acquire_for(call, Purpose::Read, holder).await?;
            let deadline = call.deadline(self.statement_timeout);
            let connection = connection.link().connection();
            connection.describe(template.text.sql.clone(), deadline).await
        };
        let described = described.await.map_err(|_| "could not be described by the server")?;
        let joint = match described.columns.is_empty() {
            true => Err("answers no columns"),
            false => Joint::new(&template.text.sql, &described.parameters).map(Arc::new),
        };
        template.coalescing.joint.get_or_init(|| joint).clone()
    }

    /// Waits with the others of this text; `None` if the database is being closed.
    fn board(
        &self,
        call: &Call<'_>,
        template: &Arc<Template>,
        value: Value,
        fill: bool,
    ) -> Option<Boarded> {
        let engine = self.this.upgrade()?;
        let (sender, receiver) = channel();
        let holder = call.holder(Some(template.record.text().clone()));
        let rider = Rider { params: call.params.clone(), value, fill, holder, sender };
        let mut gathering = template.coalescing.gathering();
        if !gathering.is_tended && gathering.solos == 0 {
            gathering.solos += 1;
            return Some(Boarded::Alone(Solo(template.clone())));
        }
        gathering.riders.push(rider);
        if !gathering.is_tended {
            gathering.is_tended = true;
            self.runtime.spawn(tend(engine, template.clone()));
        } else if gathering.riders.len() >= RIDERS_MAX {
            let riders = std::mem::take(&mut gathering.riders);
            let template = template.clone();
            self.runtime.spawn(async move { send(&engine, &template, riders).await });
        }
        Some(Boarded::Waits(receiver))
    }
}

/// Sends statements as long as somebody waits for one.
async fn tend(engine: Arc<Engine>, template: Arc<Template>) {
    let mut tending = Tending { template, is_over: false };
    while !tending.is_over {
        // Those that are ready at the same time have their turn first.
        tokio::task::yield_now().await;
        let riders = tending.template.coalescing.take();
        tending.is_over = riders.is_empty();
        send(&engine, &tending.template, riders).await;
    }
}

impl Rider {
    /// Nobody waits any more.
    pub(super) fn is_gone(&self) -> bool {
        self.sender.is_closed()
    }
}

impl Coalescing {
    pub(super) fn joint(&self) -> Option<Arc<Joint>> {
        self.joint.get()?.clone().ok()
    }
}
