//! Calls to the processes on the roll: what they say, and who waits for which answers. It sends
//! nothing; messages are read as from anybody, so that a wrong one is nothing but doubt.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How many answers are kept for one call: there are no more processes on a roll that is waited
/// for.
const ANSWERS_MAX: usize = 4_096;

/// How many names one message may list; beyond that it says that anything may have changed.
pub(super) const NAMES_MAX: usize = 256;

/// What is said to the processes on the roll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) caller: String,
    pub(super) number: u64,
    pub(super) what: What,
}

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Names(Vec<Vec<u8>>),
    Everything,
}

impl Message {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} ", self.caller, self.number).into_bytes();
        match &self.what {
            What::Names(names) if names.len() <= NAMES_MAX => {
                for name in names {
                    bytes.extend(format!("{}:", name.len()).into_bytes());
                    bytes.extend_from_slice(name);
                }
            }
            _ => bytes.push(b'*'),
        }
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Message> {
        let mut parts = bytes.splitn(3, |byte| *byte == b' ');
        let caller = str::from_utf8(parts.next()?).ok()?.to_owned();
        let number = str::from_utf8(parts.next()?).ok()?.parse().ok()?;
        let mut rest = parts.next()?;
        if rest == b"*" {
            return Some(Message { caller, number, what: What::Everything });
        }
        let mut names = Vec::new();
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b':')?;
            let length: usize = str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
            let (name, after) = rest[end + 1..].split_at_checked(length)?;
            names.push(name.to_vec());
            rest = after;
        }
        (names.len() <= NAMES_MAX).then_some(Message { caller, number, what: What::Names(names) })
    }
}

/// What a process says when it has applied a message: which, and who it is.
pub(super) fn write_answer(number: u64, me: &str) -> String {
    format!("{number} {me}")
}

/// Reads an answer.
pub(super) fn read_answer(bytes: &[u8]) -> Option<(u64, String)> {
    let (number, who) = str::from_utf8(bytes).ok()?.split_once(' ')?;
    Some((number.parse().ok()?, who.to_owned()))
}

/// Who is on the roll beside the caller, and for how long.
pub(super) type Others = Vec<(String, Duration)>;

/// The calls of this process that are waited for.
#[derive(Default)]
pub(super) struct Calls {
    last: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Call>>>,
}

#[derive(Default)]
struct Call {
    answers: Mutex<Vec<String>>,
    came: Notify,
}

impl Calls {
    /// Begins one, before its message is sent: an answer may come before the message's own reply.
    pub(super) fn open(self: &Arc<Self>) -> Waiting {
        let number = self.number();
        let call = Arc::new(Call::default());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(number, Arc::clone(&call));
        Waiting { calls: Arc::clone(self), number, call }
    }

    /// A number that this process has not used.
    pub(super) fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// An answer has come. One that nobody waits for is dropped.
    pub(super) fn answered(&self, number: u64, who: String) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(call) = open.get(&number) else { return };
        let mut answers = call.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() < ANSWERS_MAX && !answers.contains(&who) {
            answers.push(who);
        }
        call.came.notify_one();
    }
}

/// A call whose answers are kept until this is dropped.
pub(super) struct Waiting {
    calls: Arc<Calls>,
    pub(super) number: u64,
    call: Arc<Call>,
}

impl Waiting {
    /// Waits until each has answered, or its time is over.
    pub(super) async fn wait(&self, others: &Others) {
        let start = Instant::now();
        loop {
            let came = self.call.came.notified();
            let Some(left) = self.longest(others, start.elapsed()) else { return };
            // Either end is looked at again above.
            let _ = tokio::time::timeout(left, came).await;
        }
    }

    /// How much longer those who have not answered have, at most.
    fn longest(&self, others: &Others, elapsed: Duration) -> Option<Duration> {
        let answers = self.call.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = others.iter().filter(|(who, time)| *time > elapsed && !answers.contains(who));
        silent.map(|(_, time)| *time - elapsed).max()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut open = self.calls.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn messages_are_read_as_they_were_written() {
        let check = |what: What| {
            let message = Message { caller: "ab".to_owned(), number: 9, what };
            assert_eq!(Message::read(&message.write()), Some(message));
        };
        check(What::Everything);
        check(What::Names(vec![]));
        check(What::Names(vec![b"a b:c*".to_vec(), b"".to_vec(), b"\xff\0 ".to_vec()]));
        let many = What::Names(vec![b"a".to_vec(); NAMES_MAX + 1]);
        let message = Message { caller: "ab".to_owned(), number: 1, what: many }.write();
        assert_eq!(Message::read(&message).unwrap().what, What::Everything);
        assert_eq!(read_answer(write_answer(7, "me").as_bytes()), Some((7, "me".to_owned())));
    }

    #[test]
    fn wrong_messages_are_refused() {
        let check = |bytes: &[u8]| assert_eq!(Message::read(bytes), None, "{bytes:?}");
        let wrong: [&[u8]; 8] =
            [b"", b"a", b"a 1", b"a x *", b"a 1 x", b"a 1 5:abc", b"\xff 1 *", b"a 1 -1:a"];
        wrong.into_iter().for_each(check);
        check(b"a 1 18446744073709551615:a");
        assert_eq!(read_answer(b"x"), None);
        assert_eq!(read_answer(b"\xff 1"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_answers_or_for_their_time() {
        let calls = Arc::new(Calls::default());
        let waiting = calls.open();
        let others = vec![("a".to_owned(), SECOND), ("b".to_owned(), 3 * SECOND)];
        calls.answered(waiting.number, "b".to_owned());
        calls.answered(waiting.number + 1, "a".to_owned());
        let start = Instant::now();
        waiting.wait(&others).await;
        assert_eq!(start.elapsed().as_secs(), 1, "the time of the one that is silent");
        let number = waiting.number;
        let again = Arc::clone(&calls);
        tokio::spawn(async move {
            tokio::time::sleep(SECOND / 2).await;
            again.answered(number, "a".to_owned());
        });
        let start = Instant::now();
        waiting.wait(&vec![("a".to_owned(), 9 * SECOND)]).await;
        assert!(start.elapsed() < SECOND, "it had answered already");
        waiting.wait(&vec![]).await;
        drop(waiting);
        assert!(calls.open.lock().unwrap().is_empty());
    }
}
