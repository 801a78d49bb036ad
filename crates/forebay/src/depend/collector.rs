//! The collector of a task: where the answers of its queries are noted. It follows the task, not
//! the thread, and one lies within another. A statement that fails, writes, or is given up leaves
//! a doubt, since what it told its caller cannot be asked again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use foldhash::fast::RandomState;

use super::evidence::{Authority, Evidence, Ground, Part};
use crate::trace;
use crate::watch::Scope;

/// Answers that one piece of work may rest on; asking them all takes some 10 µs.
const PARTS_MAX: usize = 1_000;

const TOO_MANY: &str = "it rests on more than 1,000 answers";

const UNANSWERED: &str = "a statement in it was given up, or had not ended yet";

tokio::task_local! {
    static COLLECTOR: Collector;
}

/// Where the answers of a piece of work are noted. A clone is the same one.
#[derive(Clone)]
pub(crate) struct Collector(Arc<Inner>);

struct Inner {
    gathered: Mutex<Gathered>,
    /// The collector of the work around this one.
    outer: Option<Collector>,
}

#[derive(Default)]
struct Gathered {
    sources: Vec<Source>,
    parts: usize,
    unproven: Option<&'static str>,
    /// Statements that have begun and not come back to their caller.
    open: usize,
    /// The work has ended: what comes now, of a task that outlives it, is not of it any more.
    is_over: bool,
}

struct Source {
    authority: Weak<dyn Authority>,
    parts: HashSet<Part, RandomState>,
}

/// A statement on its way, from before it is sent until its answer is noted. Dropped before, it
/// leaves a doubt: its caller may act on not having had an answer.
pub(crate) struct Question(Collector);

/// Runs `work` and collects what every query inside it rests on, and those in the tasks that it
/// hands its collector to with [`inherit`]. It is part of what the work around it rests on, too.
pub(crate) async fn collect<F: Future>(work: F) -> (F::Output, Evidence) {
    let inner = Inner { gathered: Mutex::default(), outer: current() };
    let collector = Collector(Arc::new(inner));
    let done = COLLECTOR.scope(collector.clone(), work).await;
    (done, collector.finish())
}

/// The collector of this task.
pub(crate) fn current() -> Option<Collector> {
    COLLECTOR.try_with(Collector::clone).ok()
}

/// Whether somebody collects what the queries of this task rest on. A few nanoseconds.
#[inline]
pub(crate) fn is_collecting() -> bool {
    COLLECTOR.try_with(|_| ()).is_ok()
}

/// Carries dependencies into a task of its own: what the queries in `future` rest on counts as
/// part of the load of a cache that this is called in.
///
/// Whatever is loaded through a cache is kept as long as the answers of the queries that it was
/// made of are true. They are noted along the task that loads; a task that it spawns is another
/// one, whose queries are not seen unless its future is wrapped:
///
/// ```no_run
/// # async fn example(db: forebay::Db) -> Result<(), Box<dyn std::error::Error>> {
/// let counting = tokio::spawn(forebay::inherit(async move {
///     db.query("SELECT count(*) FROM orders").scalar::<i64>().await
/// }));
/// let count = counting.await??;
/// # Ok(())
/// # }
/// ```
///
/// To be called in the task that loads, not within the new one. A task that is still running when
/// the load has ended adds nothing any more, and a query that is under way in it then makes what
/// was loaded fall back to its time to live.
///
/// The [`crate::Scope`] and the [`crate::TraceParent`] of the task that this is called in go with
/// it, too. Outside of all three it does nothing.
pub fn inherit<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let (collector, scope) = (current(), Scope::current());
    trace::carry(async move {
        let future = async move {
            match collector {
                Some(collector) => COLLECTOR.scope(collector, future).await,
                None => future.await,
            }
        };
        match scope {
            Some(scope) => scope.run(future).await,
            None => future.await,
        }
    })
}

/// Notes an answer, if somebody collects.
pub(crate) fn note<A: Authority + 'static>(authority: &Weak<A>, part: impl FnOnce() -> Part) {
    if let Some(collector) = current() {
        let authority: Weak<dyn Authority> = authority.clone();
        collector.note(&authority, &part());
    }
}

/// Notes that this task has seen something that nobody vouches for, if somebody collects.
pub(crate) fn doubt(why: &'static str) {
    if let Some(collector) = current() {
        collector.each(|gathered| gathered.doubt(why));
    }
}

impl Question {
    /// Notes that a statement begins, if somebody collects.
    pub(crate) fn begin() -> Option<Question> {
        let collector = current()?;
        collector.each(|gathered| gathered.open += 1);
        Some(Question(collector))
    }

    /// Its answer has been noted, or a doubt.
    pub(crate) fn end(self) {
        self.0.each(|gathered| gathered.open = gathered.open.saturating_sub(1));
    }
}

impl Evidence {
    /// Makes all of it part of what this task's work rests on, as if its queries had been run
    /// here: for whoever is handed a value that was made of them elsewhere or before.
    pub(crate) fn pass_on(&self) {
        let Some(collector) = current() else { return };
        for ground in &*self.grounds {
            ground.parts.iter().for_each(|part| collector.note(&ground.authority, part));
        }
        if let Some(why) = self.unproven {
            doubt(why);
        }
    }
}

impl Collector {
    fn note(&self, authority: &Weak<dyn Authority>, part: &Part) {
        self.each(|gathered| gathered.note(authority, part));
    }

    /// Does it here and in every collector around.
    fn each(&self, change: impl Fn(&mut Gathered)) {
        let mut next = Some(self);
        while let Some(collector) = next {
            let mut gathered = collector.gathered();
            if !gathered.is_over {
                change(&mut gathered);
            }
            drop(gathered);
            next = collector.0.outer.as_ref();
        }
    }

    fn finish(&self) -> Evidence {
        let Gathered { sources, unproven, open, .. } =
            std::mem::replace(&mut *self.gathered(), Gathered::over());
        let unproven = unproven.or((open > 0).then_some(UNANSWERED));
        let ground = |source: Source| Ground {
            authority: source.authority,
            parts: source.parts.into_iter().collect(),
        };
        Evidence { grounds: sources.into_iter().map(ground).collect(), unproven }
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.0.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gathered {
    fn over() -> Gathered {
        Gathered { is_over: true, ..Gathered::default() }
    }

    fn doubt(&mut self, why: &'static str) {
        self.unproven.get_or_insert(why);
    }

    fn note(&mut self, authority: &Weak<dyn Authority>, part: &Part) {
        let is_same = |source: &Source| address(&source.authority) == address(authority);
        let known = self.sources.iter().position(is_same);
        let is_full = self.parts >= PARTS_MAX;
        if known.is_some_and(|known| self.sources[known].parts.contains(part)) {
            return;
        }
        if is_full {
            return self.doubt(TOO_MANY);
        }
        let known = known.unwrap_or_else(|| {
            let authority = authority.clone();
            self.sources.push(Source { authority, parts: HashSet::default() });
            self.sources.len() - 1
        });
        self.sources[known].parts.insert(part.clone());
        self.parts += 1;
    }
}

/// Where an authority lies. As long as it is referred to, nothing else lies there.
fn address(authority: &Weak<dyn Authority>) -> usize {
    authority.as_ptr().cast::<()>().addr()
}
