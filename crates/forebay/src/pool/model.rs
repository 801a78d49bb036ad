//! The pool against a naive model: random calls, one after another, and after each the same
//! answers, the same counters and the same connections open.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use proptest::prelude::*;

use super::shelf::spread;
use super::tests::{Origin, label};
use super::*;
use crate::clock::Clock;
use crate::error::{Kind, Result};

const IDLE: u64 = 300;
const LIFE: u64 = 1_000;

#[derive(Clone, Debug)]
enum Op {
    Acquire,
    Return(usize),
    Discard(usize),
    /// The first in line goes away after the permit was given to it and before it ran.
    ReturnAndCancelFirst(usize),
    Cancel(usize),
    Timeout,
    FailConnects(usize),
    Break(usize),
    Sweep(u64),
    Fill,
    /// Sees to the idle connections whose number is not a multiple of this.
    Visit(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => Just(Op::Acquire),
        6 => (0..8usize).prop_map(Op::Return),
        1 => (0..8usize).prop_map(Op::Discard),
        2 => (0..8usize).prop_map(Op::ReturnAndCancelFirst),
        1 => (0..8usize).prop_map(Op::Cancel),
        1 => Just(Op::Timeout),
        1 => (1..3usize).prop_map(Op::FailConnects),
        1 => (0..8usize).prop_map(Op::Break),
        3 => (0..400u64).prop_map(Op::Sweep),
        1 => Just(Op::Fill),
        2 => (1..4usize).prop_map(Op::Visit),
    ]
}

fn bounds() -> impl Strategy<Value = (usize, usize, usize)> {
    (1..4usize, 0..3usize).prop_flat_map(|(size, overflow)| {
        (0..=size).prop_map(move |min_idle| (size, overflow, min_idle))
    })
}

/// A connection of the model.
#[derive(Clone, Debug)]
struct Line {
    number: usize,
    expires: Duration,
    expired: bool,
    idle_since: Option<Duration>,
    broken: bool,
}

#[derive(Debug, Default)]
struct Model {
    size: usize,
    overflow: usize,
    min_idle: usize,
    now: Duration,
    idle: Vec<Line>,
    held: Vec<(usize, Line)>,
    line: VecDeque<usize>,
    failing: usize,
    opened: usize,
    closed: usize,
    acquired: u64,
    timeouts: u64,
    /// What became of each caller: the number of its connection, or why it has none.
    outcome: Vec<Option<std::result::Result<usize, Kind>>>,
}

impl Model {
    fn open(&mut self) -> Option<Line> {
        if self.failing > 0 {
            self.failing -= 1;
            return None;
        }
        self.opened += 1;
        let lifetime = spread(Duration::from_secs(LIFE), self.opened as u64);
        Some(Line {
            number: self.opened,
            expires: self.now + lifetime,
            expired: false,
            idle_since: None,
            broken: false,
        })
    }

    fn total(&self) -> usize {
        self.idle.len() + self.held.len()
    }

    fn take(&mut self, caller: usize) {
        while let Some(line) = self.idle.pop() {
            if !line.broken {
                self.lend(caller, line);
                return;
            }
            self.closed += 1;
        }
        match self.open() {
            Some(line) => self.lend(caller, line),
            None => self.outcome[caller] = Some(Err(Kind::Open)),
        }
    }

    fn lend(&mut self, caller: usize, line: Line) {
        self.acquired += 1;
        self.outcome[caller] = Some(Ok(line.number));
        self.held.push((caller, line));
    }

    fn give_back(&mut self, position: usize) {
        let total = self.total();
        let (_, mut line) = self.held.remove(position);
        if line.expired || (total > self.size && self.idle.len() >= self.line.len()) {
            self.closed += 1;
        } else {
            line.idle_since = None;
            self.idle.push(line);
        }
    }

    /// Permits that are free go to those in line, first come, first served.
    fn settle(&mut self) {
        while self.held.len() < self.size + self.overflow {
            let Some(caller) = self.line.pop_front() else { break };
            self.take(caller);
        }
        while self.total() > self.size && !self.idle.is_empty() {
            self.idle.remove(0);
            self.closed += 1;
        }
    }

    fn sweep(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        let now = self.now;
        for line in self.idle.iter_mut() {
            line.idle_since.get_or_insert(now);
        }
        self.held.iter_mut().for_each(|(_, line)| line.expired |= line.expires <= now);
        let before = self.idle.len();
        self.idle.retain(|line| line.expires > now);
        while self.idle.len() > self.min_idle
            && self.idle[0].idle_since.is_some_and(|since| (now - since).as_secs() >= IDLE)
        {
            self.idle.remove(0);
        }
        self.closed += before - self.idle.len();
    }

    fn visit(&mut self, spared: usize) -> Vec<usize> {
        let mut visited = Vec::new();
        let wants = |line: &Line, visited: &[usize]| {
            !line.number.is_multiple_of(spared) && !visited.contains(&line.number)
        };
        while self.held.len() < self.size + self.overflow
            && let Some(position) = self.idle.iter().position(|line| wants(line, &visited))
        {
            let total = self.total();
            let mut line = self.idle.remove(position);
            visited.push(line.number);
            if total > self.size && self.idle.len() >= self.line.len() {
                self.closed += 1;
            } else {
                line.idle_since = None;
                self.idle.push(line);
            }
        }
        visited
    }

    fn fill(&mut self) {
        while self.idle.len() < self.min_idle && self.total() < self.size {
            let Some(line) = self.open() else { return };
            self.idle.push(line);
        }
    }
}

/// The pool under test, and its callers in the order they came.
struct Real {
    pool: Pool<Origin>,
    visitor: Visitor<Origin>,
    origin: Origin,
    clock: Clock,
    waiting: Vec<(usize, LocalBoxFuture<'static, Result<Checkout<Origin>>>)>,
    held: Vec<(usize, Checkout<Origin>)>,
    outcome: Vec<Option<std::result::Result<usize, Kind>>>,
}

impl Real {
    fn acquire(&mut self) {
        let pool = self.pool.clone();
        let caller = self.outcome.len();
        self.outcome.push(None);
        let acquire = async move { pool.acquire(label()).await };
        // Without tokio's budget, which would make a future wait in the middle of a long step.
        self.waiting.push((caller, tokio::task::unconstrained(acquire).boxed_local()));
    }

    /// Polls the callers, the last first, until none gets any further: whoever is served out of
    /// turn is found out.
    fn settle(&mut self) {
        let mut progress = true;
        while progress {
            progress = false;
            for position in (0..self.waiting.len()).rev() {
                let (caller, future) = &mut self.waiting[position];
                let caller = *caller;
                let Some(result) = future.now_or_never() else { continue };
                drop(self.waiting.remove(position));
                progress = true;
                self.outcome[caller] = Some(match result {
                    Ok(checkout) => {
                        let number = checkout.number;
                        self.held.push((caller, checkout));
                        Ok(number)
                    }
                    Err(error) => Err(error.kind()),
                });
            }
        }
    }

    fn remove(&mut self, caller: usize) -> Checkout<Origin> {
        let position = self.held.iter().position(|held| held.0 == caller).unwrap();
        self.held.remove(position).1
    }
}

/// Does the same to both.
async fn step(real: &mut Real, model: &mut Model, op: &Op) {
    let at = |index: usize, len: usize| (len > 0).then(|| index % len.max(1));
    match *op {
        Op::Acquire => {
            real.acquire();
            model.outcome.push(None);
            model.line.push_back(model.outcome.len() - 1);
        }
        Op::Return(index) => {
            let Some(position) = at(index, model.held.len()) else { return };
            drop(real.remove(model.held[position].0));
            model.give_back(position);
        }
        Op::Discard(index) => {
            let Some(position) = at(index, model.held.len()) else { return };
            let (caller, _) = model.held.remove(position);
            real.remove(caller).discard();
            model.closed += 1;
        }
        Op::ReturnAndCancelFirst(index) => {
            let Some(position) = at(index, model.held.len()) else { return };
            drop(real.remove(model.held[position].0));
            model.give_back(position);
            if model.line.pop_front().is_some() {
                drop(real.waiting.remove(0));
            }
        }
        Op::Cancel(index) => {
            let Some(position) = at(index, model.line.len()) else { return };
            model.line.remove(position);
            drop(real.waiting.remove(position));
        }
        Op::Timeout => {
            tokio::time::advance(Duration::from_secs(6)).await;
            for caller in std::mem::take(&mut model.line) {
                model.outcome[caller] = Some(Err(Kind::PoolExhausted));
                model.timeouts += 1;
            }
        }
        Op::FailConnects(count) => {
            real.origin.fail_next(count);
            model.failing = count;
        }
        Op::Break(index) => {
            let Some(position) = at(index, model.idle.len()) else { return };
            model.idle[position].broken = true;
            real.origin.break_connection(model.idle[position].number);
        }
        Op::Sweep(seconds) => {
            real.clock.advance(Duration::from_secs(seconds));
            real.pool.core.sweep();
            model.sweep(seconds);
        }
        Op::Fill => {
            while let Ok(true) = real.pool.core.open_spare().await {}
            model.fill();
        }
        Op::Visit(spared) => {
            let visited = RefCell::new(Vec::new());
            let wants = |line: &super::tests::Line| {
                !line.number.is_multiple_of(spared) && !visited.borrow().contains(&line.number)
            };
            real.visitor.visit(wants, |line| visited.borrow_mut().push(line.number));
            assert_eq!(visited.into_inner(), model.visit(spared));
        }
    }
}

async fn compare((size, overflow, min_idle): (usize, usize, usize), ops: Vec<Op>) {
    let (origin, clock) = (Origin::default(), Clock::manual());
    let options = Options {
        max_size: size,
        max_overflow: overflow,
        min_idle,
        idle_timeout: Some(Duration::from_secs(IDLE)),
        max_lifetime: Some(Duration::from_secs(LIFE)),
        // The background runs once, at the beginning; then the test does its work.
        sweep_interval: Duration::from_secs(1_000_000_000),
        ..Options::new("model")
    };
    let pool = Pool::with_clock(origin.clone(), options, clock.clone()).unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    let mut real = Real {
        visitor: pool.visitor(),
        pool,
        origin,
        clock,
        waiting: Vec::new(),
        held: Vec::new(),
        outcome: Vec::new(),
    };
    let mut model = Model { size, overflow, min_idle, ..Model::default() };
    model.fill();
    for (index, op) in ops.iter().enumerate() {
        step(&mut real, &mut model, op).await;
        real.settle();
        model.settle();
        let stats = real.pool.stats();
        let context = format!("after {index}: {op:?}, {model:?}, {stats:?}");
        assert_eq!(real.outcome, model.outcome, "{context}");
        let counts = (stats.idle, stats.in_use, stats.waiting, stats.size);
        let expect = (model.idle.len(), model.held.len(), model.line.len(), model.total());
        assert_eq!(counts, expect, "{context}");
        assert_eq!(stats.opened as usize, model.opened, "{context}");
        assert_eq!(stats.closed as usize, model.closed, "{context}");
        assert_eq!(stats.acquisitions, model.acquired, "{context}");
        assert_eq!(stats.timeouts, model.timeouts, "{context}");
        assert_eq!(real.origin.live(), model.total(), "{context}");
        assert!(real.origin.peak() <= size + overflow, "{context}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn the_pool_does_what_the_model_does(
        bounds in bounds(),
        ops in proptest::collection::vec(op(), 1..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(compare(bounds, ops));
    }
}
