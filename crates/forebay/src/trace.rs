//! Which trace a piece of work belongs to, in the words of W3C Trace Context. It follows the task,
//! not the thread, so that what is told of a statement can name the request that it was asked for.
//! It sends nothing anywhere.

use std::fmt;

tokio::task_local! {
    static CURRENT: TraceParent;
}

/// Bytes of a header of version 00. Later versions begin with the same.
const BYTES: usize = 55;

/// The place of a piece of work in a distributed trace: what the header `traceparent` says.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> forebay::Result<()> {
/// use forebay::TraceParent;
///
/// # let db = forebay::open("sqlite::memory:").await?;
/// let header = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01";
/// let parent = TraceParent::parse(header).expect("it has the form of version 00");
/// // If this is slow, the slow log says of which trace it was.
/// parent.run(async { db.query("SELECT 1").scalar::<i64>().await }).await?;
/// assert_eq!(parent.to_string(), header);
/// # Ok(())
/// # }
/// ```
///
/// The slow log, `tracing` and the log of slow requests name the trace id, and statements of one
/// trace are looked at together for those that one could do (`Db::repeats`). A
/// `traceparent` in a comment of the statement counts before it. It follows the task; into one that
/// is spawned it goes with `forebay::inherit`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    flags: u8,
}

impl TraceParent {
    /// Reads a header `traceparent`. `None` if it is not exactly what the standard says, or a
    /// version that is never used: then there is no trace.
    #[must_use]
    pub fn parse(text: &str) -> Option<TraceParent> {
        let bytes = text.as_bytes();
        let version = hex(bytes.get(..2)?)?;
        let is_whole = match version {
            0xff => false,
            0 => bytes.len() == BYTES,
            _ => bytes.len() == BYTES || bytes.get(BYTES) == Some(&b'-'),
        };
        let has_dashes = [2, 35, 52].iter().all(|at| bytes.get(*at) == Some(&b'-'));
        if !is_whole || !has_dashes {
            return None;
        }
        let (trace, span) = (hex(&bytes[3..35])?, hex(&bytes[36..52])?);
        let flags = hex(&bytes[53..BYTES])?;
        // 16 digits and 2 fit.
        TraceParent::new(trace, span as u64, flags as u8 & 1 == 1)
    }

    /// One of these ids, neither of which may be 0.
    #[must_use]
    pub fn new(trace_id: u128, span_id: u64, is_sampled: bool) -> Option<TraceParent> {
        let is_valid = trace_id != 0 && span_id != 0;
        is_valid.then_some(TraceParent {
            trace: trace_id,
            span: span_id,
            flags: u8::from(is_sampled),
        })
    }

    /// The id of the trace.
    #[must_use]
    pub fn trace_id(&self) -> u128 {
        self.trace
    }

    /// The id of the span that has asked.
    #[must_use]
    pub fn span_id(&self) -> u64 {
        self.span
    }

    /// Whether whoever has asked records the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The one that the task is in.
    #[must_use]
    pub fn current() -> Option<TraceParent> {
        CURRENT.try_with(|it| *it).ok()
    }

    /// Whether the task is in one. A few nanoseconds.
    #[inline]
    pub(crate) fn is_open() -> bool {
        CURRENT.try_with(|_| ()).is_ok()
    }

    /// Runs `work` in it. Dropping the future drops the work.
    pub fn run<F: Future>(self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self, work)
    }

    /// The same for a call that is not async.
    pub fn run_here<R>(self, work: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(self, work)
    }
}

/// Carries the trace of this task, if it is in one, into a task of its own.
pub(crate) fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let parent = TraceParent::current();
    async move {
        match parent {
            Some(parent) => parent.run(work).await,
            None => work.await,
        }
    }
}

/// The id of a trace as logs show it.
pub(crate) fn shown(parent: &TraceParent) -> String {
    format!("{:032x}", parent.trace)
}

/// A number of small hexadecimal digits: the standard allows no others.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0_u128, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

/// As the header of version 00 has it.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

impl fmt::Debug for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceParent({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn headers_are_read_or_refused() {
        fn check(text: &str, expect: Option<&str>) {
            let read = TraceParent::parse(text).map(|it| it.to_string());
            assert_eq!(read.as_deref(), expect, "{text}");
        }
        let usual = format!("00-{TRACE}-{SPAN}-01");
        check(&usual, Some(&usual));
        check(&format!("00-{TRACE}-{SPAN}-00"), Some(&format!("00-{TRACE}-{SPAN}-00")));
        // Of flags that nobody knows yet, the known one counts.
        check(&format!("00-{TRACE}-{SPAN}-ff"), Some(&usual));
        // A later version may say more, behind a dash.
        check(&format!("cc-{TRACE}-{SPAN}-01"), Some(&usual));
        check(&format!("cc-{TRACE}-{SPAN}-01-what"), Some(&usual));
        check(&format!("cc-{TRACE}-{SPAN}-01.what"), None);
        check(&format!("00-{TRACE}-{SPAN}-01-what"), None);
        check(&format!("ff-{TRACE}-{SPAN}-01"), None);
        check(&format!("00-{}-{SPAN}-01", "0".repeat(32)), None);
        check(&format!("00-{TRACE}-{}-01", "0".repeat(16)), None);
        check(&format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), None);
        check(&format!("00-{}g-{SPAN}-01", &TRACE[1..]), None);
        check(&format!("00_{TRACE}-{SPAN}-01"), None);
        check(&format!("00-{TRACE}-{SPAN}-0"), None);
        check(&format!("00-{TRACE}-{SPAN}"), None);
        check(&format!(" {usual}"), None);
        check(&"é".repeat(30), None);
        check("00", None);
        check("", None);
    }

    #[tokio::test]
    async fn it_follows_the_task_and_whoever_it_is_carried_to() {
        let parent = TraceParent::new(1, 2, true).unwrap();
        let seen = parent.run(async {
            let spawned = tokio::spawn(async { TraceParent::current() }).await.unwrap();
            let carried = tokio::spawn(carry(async { TraceParent::current() })).await.unwrap();
            (TraceParent::current(), spawned, carried)
        });
        assert_eq!(seen.await, (Some(parent), None, Some(parent)));
        assert_eq!(parent.run_here(TraceParent::current), Some(parent));
        assert!(!TraceParent::is_open());
    }
}
