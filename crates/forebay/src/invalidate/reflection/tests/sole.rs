//! The same without a stream, while nobody else writes: orders of the steps of some writes, fills,
//! and losses of the connection that watches the server. A hit is tried after each step.

use super::*;

/// Orders that are tried of those that some actors have, about.
const ORDERS_MAX: usize = 80;

/// What takes its steps in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actor {
    /// Raised, seen by others, ended.
    Write(&'static [&'static str]),
    /// The same of what is not known, and then it is asked for the schema, and answered.
    Unknown,
    /// The same, with a connection that is lost before it is known that it has ended.
    LostWrite,
    /// Drafted, read, kept.
    Fill,
    /// Off, and on again.
    Loss,
}

use Actor::{Fill as Filled, Loss, LostWrite, Unknown, Write};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    /// The fence is raised when the commit has been seen.
    LateFence,
    /// The write counts as ended before its commit is seen.
    EarlyEnd,
    /// The ticket is taken when the answer has been read.
    LateDraft,
    /// A lost connection counts as the end of its write.
    EarlyBurial,
}

impl Actor {
    fn steps(self) -> usize {
        match self {
            Unknown => 5,
            LostWrite => 4,
            Loss => 2,
            _ => 3,
        }
    }

    fn scope(self) -> WriteSet {
        match self {
            Write(tables) => WriteSet::tables(tables.iter().copied()),
            _ => WriteSet::Everything,
        }
    }

    /// Whether the answers that are kept rest on what it writes.
    fn matters(self) -> bool {
        match self {
            Write(tables) => tables.contains(&"t"),
            Unknown | LostWrite => true,
            Filled | Loss => false,
        }
    }
}

/// What has become of an actor.
#[derive(Default)]
struct Part {
    done: usize,
    fence: Option<Fence>,
    lost: Option<LostFence>,
    asked: Option<Asked>,
    is_seen: bool,
    draft: Option<Draft>,
    /// The writes that its answer has.
    answer: Vec<usize>,
    ticket: Option<Ticket>,
}

struct Play {
    actors: &'static [Actor],
    mistake: Mistake,
    reflection: Reflection,
    parts: Vec<Part>,
}

impl Play {
    fn new(actors: &'static [Actor], mistake: Mistake) -> Play {
        let reflection = Reflection::new();
        reflection.begin_sole("none is allowed");
        let parts = actors.iter().map(|_| Part::default()).collect();
        Play { actors, mistake, reflection, parts }
    }

    fn seen(&self) -> Vec<usize> {
        let seen = |nth: &usize| self.actors[*nth].matters() && self.parts[*nth].is_seen;
        (0..self.parts.len()).filter(seen).collect()
    }

    fn step(&mut self, nth: usize) {
        let step = self.parts[nth].done;
        self.parts[nth].done += 1;
        match self.actors[nth] {
            Write(_) | Unknown => self.write(nth, step),
            LostWrite => self.lose(nth, step),
            Filled => self.fill(nth, step),
            Loss if step == 0 => self.reflection.end("lost"),
            Loss => self.reflection.begin_sole("none is allowed"),
        }
    }

    fn write(&mut self, nth: usize, step: usize) {
        let raised = if self.mistake == Mistake::LateFence { 2 } else { 0 };
        let ended = if self.mistake == Mistake::EarlyEnd { 0 } else { 2 };
        let is_early = self.mistake == Mistake::EarlyEnd && self.actors[nth] == Unknown;
        self.parts[nth].is_seen |= step == if is_early { 3 } else { 1 };
        if step == raised {
            self.parts[nth].fence =
                Some(self.reflection.fence(&Extent::of(self.actors[nth].scope())));
        }
        if step == ended {
            let fence = self.parts[nth].fence.take().unwrap();
            self.reflection.settle(fence);
        }
        if step == ended + 1 && self.actors[nth] == Unknown {
            self.parts[nth].asked = self.reflection.ask();
        }
        if step == ended + 2
            && let Some(asked) = self.parts[nth].asked.take()
        {
            self.reflection.answer_sole(asked, true);
        }
    }

    /// The connection is lost before the commit is seen.
    fn lose(&mut self, nth: usize, step: usize) {
        let buried = if self.mistake == Mistake::EarlyBurial { 1 } else { 3 };
        if step == 0 {
            self.parts[nth].fence =
                Some(self.reflection.fence(&Extent::of(WriteSet::tables(["t"]))));
        }
        if step == 1 {
            let fence = self.parts[nth].fence.take().unwrap();
            self.parts[nth].lost = Some(self.reflection.lose(fence));
        }
        self.parts[nth].is_seen |= step == 2;
        if step == buried {
            let lost = self.parts[nth].lost.take().unwrap();
            self.reflection.bury(lost);
        }
    }

    fn fill(&mut self, nth: usize, step: usize) {
        let drafted = if self.mistake == Mistake::LateDraft { 2 } else { 0 };
        if step == drafted {
            let draft = self.reflection.draft(&Key(1).basis(), Bindings(&[&Key(1).parameter()]));
            self.parts[nth].draft = draft;
        }
        if step == 1 {
            self.parts[nth].answer = self.seen();
        }
        if step == 2 {
            let draft = self.parts[nth].draft.take();
            let index = &self.reflection.index;
            self.parts[nth].ticket = draft.map(|draft| draft.close(index, 1, |_| None));
        }
    }

    /// Whether a hit would lack what has been seen by now.
    fn is_wrong(&self) -> bool {
        let seen = self.seen();
        let serves =
            |ticket: &Ticket| self.reflection.is_live() && self.reflection.is_valid(ticket);
        let lacks = |part: &Part| part.answer != seen && part.ticket.as_ref().is_some_and(serves);
        self.parts.iter().any(lacks)
    }
}

/// The number of orders that are tried, of those that go wrong, and of hits at the end.
fn explore(actors: &'static [Actor], mistake: Mistake) -> (usize, usize, usize) {
    let steps: Vec<usize> = actors.iter().map(|actor| actor.steps()).collect();
    let mut all = 0;
    orders(&mut steps.clone(), &mut Vec::new(), &mut |_| all += 1);
    // An odd distance, so that those that are tried end differently.
    let apart = (all / ORDERS_MAX) | 1;
    let (mut nth, mut found) = (0, (0, 0, 0));
    orders(&mut steps.clone(), &mut Vec::new(), &mut |order| {
        nth += 1;
        if nth % apart != 0 {
            return;
        }
        let mut play = Play::new(actors, mistake);
        let mut is_wrong = false;
        for nth in order {
            play.step(*nth);
            is_wrong |= play.is_wrong();
        }
        found.0 += 1;
        found.1 += usize::from(is_wrong);
        let serves =
            |ticket: &&Ticket| play.reflection.is_live() && play.reflection.is_valid(ticket);
        let tickets = play.parts.iter().filter_map(|part| part.ticket.as_ref());
        found.2 += tickets.filter(serves).count();
        // A write that was widened meanwhile counts as one that is not known.
        if let Some(asked) = play.reflection.ask() {
            play.reflection.answer_sole(asked, false);
        }
        assert!(play.reflection.fences() == 0 || mistake != Mistake::None, "{order:?}");
    });
    found
}

fn orders(left: &mut [usize], order: &mut Vec<usize>, each: &mut impl FnMut(&[usize])) {
    if left.iter().all(|left| *left == 0) {
        return each(order);
    }
    for nth in 0..left.len() {
        if left[nth] > 0 {
            left[nth] -= 1;
            order.push(nth);
            orders(left, order, each);
            order.pop();
            left[nth] += 1;
        }
    }
}

#[test]
fn no_order_serves_less_than_was_seen() {
    let mut served = 0;
    for actors in [
        &[Write(&["t"]), Filled, Filled][..],
        &[Write(&["t"]), Write(&["u"]), Filled],
        &[Write(&["t"]), Unknown, Filled],
        &[LostWrite, Filled],
        &[Write(&["t"]), Filled, Loss],
        &[Unknown, Filled, Loss],
        &[LostWrite, Filled, Loss],
    ] {
        let (orders, wrong, hits) = explore(actors, Mistake::None);
        assert_eq!(wrong, 0, "{actors:?}");
        assert!(orders >= 30, "{actors:?}: {orders} orders");
        served += hits;
    }
    assert!(served >= 5, "{served} hits are not enough to go wrong");
}

#[test]
fn mistakes_are_found() {
    for (actors, mistake) in [
        (&[Write(&["t"]), Filled][..], Mistake::LateFence),
        (&[Write(&["t"]), Filled], Mistake::EarlyEnd),
        (&[Unknown, Filled], Mistake::EarlyEnd),
        (&[Write(&["t"]), Filled], Mistake::LateDraft),
        (&[LostWrite, Filled], Mistake::EarlyBurial),
    ] {
        assert!(explore(actors, mistake).1 > 0, "{actors:?} with {mistake:?}");
    }
}

/// A write that was fenced by the old schema, and ran under the new one: what it wrote further on
/// behalf of the new schema is not in its fence.
#[test]
fn a_change_of_the_schema_widens_what_is_under_way() {
    let reflection = Reflection::new();
    reflection.begin_sole("none is allowed");
    let schema = reflection.schema().unwrap();
    let change = reflection.fence(&Extent::everything());
    let narrow = reflection.fence(&Extent::of(WriteSet::tables(["u"])));
    reflection.settle(change);
    let asked = reflection.ask().unwrap();
    reflection.answer_sole(asked, true);
    assert!(!reflection.is_schema(schema));
    let draft = || reflection.draft(&Key(1).basis(), Bindings(&[&Key(1).parameter()])).unwrap();
    let ticket = draft().close(&reflection.index, 1, |_| None);
    assert!(!reflection.is_valid(&ticket), "its fence is around everything by now");
    reflection.settle(narrow);
    let (asked, schema) = (reflection.ask().unwrap(), reflection.schema().unwrap());
    reflection.answer_sole(asked, false);
    assert!(reflection.is_schema(schema), "nothing more has changed");
    assert!(!reflection.is_valid(&ticket), "everything was dropped");
    let ticket = draft().close(&reflection.index, 1, |_| None);
    assert!(reflection.is_valid(&ticket) && reflection.fences() == 0);
}

#[test]
fn it_is_one_or_the_other() {
    let reflection = Reflection::new();
    reflection.begin_sole("none is allowed");
    assert_eq!(reflection.sole().as_deref(), Some("none is allowed"));
    assert!(reflection.blind().is_none() && reflection.schema().is_some());
    reflection.end("lost");
    assert!(reflection.sole().is_none() && !reflection.is_live());
    let beginning = Beginning { must_pass: Lsn(1), bound: Xid::of_full(FIRST) };
    reflection.begin(beginning);
    assert!(reflection.sole().is_none() && reflection.poll().is_some());
    reflection.end("a publication was dropped");
    reflection.begin_sole("there is no publication");
    assert!(reflection.is_live() && reflection.poll().is_none(), "nothing is unconfirmed");
    reflection.settle(reflection.fence(&Extent::of(WriteSet::tables(["t"]))));
    assert!(reflection.ask().is_none() && reflection.fences() == 0);
}
