//! The breaker beside a list of all outcomes, from which its state is worked out anew for each
//! answer; then trials on many threads, calls that are given up, and panics.

use std::sync::Barrier;
use std::time::Duration;

use proptest::prelude::*;

use super::poll_once;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::guard::{Breaker, BreakerState, BreakerWindow, Permit};

/// Milliseconds.
type Ms = u64;

const OPEN_FOR: Ms = 100;
const OPEN_FOR_MAX: Ms = 350;
const TRIAL_MAX: Ms = 500;
const SLOW: Ms = 20;

#[derive(Clone, Debug)]
enum Op {
    Permit,
    /// The call with this number among those that run ends so; `None`: it is given up.
    End(usize, Option<bool>),
    Pass(Ms),
    Reset,
    ForceOpen,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => Just(Op::Permit),
        8 => (0..8usize, prop::option::weighted(0.9, any::<bool>()))
            .prop_map(|(number, failed)| Op::End(number, failed)),
        4 => (0..30u64).prop_map(Op::Pass),
        2 => (50..400u64).prop_map(Op::Pass),
        1 => Just(Op::Pass(1_000)),
    ]
}

fn rare_op() -> impl Strategy<Value = Op> {
    prop_oneof![40 => op(), 1 => Just(Op::Reset), 1 => Just(Op::ForceOpen)]
}

#[derive(Clone, Copy, Debug)]
struct Rules {
    window: BreakerWindow,
    calls_min: usize,
    failure_rate: f64,
    slow_rate: f64,
    trials: usize,
}

fn rules() -> impl Strategy<Value = Rules> {
    let window = prop_oneof![
        (1..8u32).prop_map(BreakerWindow::Calls),
        (1..30u64).prop_map(|tens| BreakerWindow::Period(Duration::from_millis(10 * tens))),
    ];
    let rate = || prop::sample::select(vec![0.0, 0.25, 0.5, 1.0]);
    (window, 1..6usize, rate(), rate(), 1..4usize).prop_map(
        |(window, calls_min, failure_rate, slow_rate, trials)| Rules {
            window,
            calls_min,
            failure_rate,
            slow_rate,
            trials,
        },
    )
}

/// A call that has ended.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    at: Ms,
    failed: bool,
    slow: bool,
}

/// A call that runs.
struct Running {
    permit: Permit,
    began: Ms,
    /// In which of the model's states.
    era: usize,
}

struct Model {
    rules: Rules,
    state: BreakerState,
    /// When the state began.
    since: Ms,
    open_until: Ms,
    /// Times that it opened in a row.
    opened: u32,
    era: usize,
    /// All that ended in this state.
    outcomes: Vec<Outcome>,
    /// When each of the calls that run began in this state.
    trials_began: Vec<Ms>,
    /// Since when some trial is running.
    busy_since: Ms,
}

impl Model {
    fn enter(&mut self, state: BreakerState, now: Ms) {
        (self.state, self.since) = (state, now);
        self.era += 1;
        self.outcomes.clear();
        self.trials_began.clear();
    }

    fn open(&mut self, now: Ms) {
        let time = (OPEN_FOR << self.opened.min(20)).min(OPEN_FOR_MAX);
        self.opened += 1;
        self.open_until = now + time;
        self.enter(BreakerState::Open, now);
    }

    fn advance(&mut self, now: Ms) {
        if self.state == BreakerState::Open && self.open_until <= now {
            self.enter(BreakerState::HalfOpen, now);
        } else if self.state == BreakerState::HalfOpen
            && !self.trials_began.is_empty()
            && now - self.busy_since >= TRIAL_MAX
        {
            self.open(now);
        }
    }

    fn admits(&self) -> bool {
        match self.state {
            BreakerState::Closed => true,
            BreakerState::HalfOpen => {
                self.trials_began.len() + self.outcomes.len() < self.rules.trials
            }
            _ => false,
        }
    }

    fn begin(&mut self, now: Ms) {
        if self.state == BreakerState::HalfOpen {
            if self.trials_began.is_empty() {
                self.busy_since = now;
            }
            self.trials_began.push(now);
        }
    }

    /// The outcomes that count now.
    fn counted(&self, now: Ms) -> Vec<Outcome> {
        match (self.state, self.rules.window) {
            (BreakerState::HalfOpen, _) => self.outcomes.clone(),
            (_, BreakerWindow::Calls(calls)) => {
                let first = self.outcomes.len().saturating_sub(calls as usize);
                self.outcomes[first..].to_vec()
            }
            (_, BreakerWindow::Period(period)) => {
                let part = period.as_millis() as Ms / 10;
                let number = |at: Ms| (at - self.since) / part;
                let counts = |outcome: &&Outcome| number(outcome.at) + 10 > number(now);
                self.outcomes.iter().filter(counts).copied().collect()
            }
        }
    }

    fn end(&mut self, era: usize, began: Ms, failed: Option<bool>, now: Ms) {
        if era != self.era {
            return;
        }
        if self.state == BreakerState::HalfOpen {
            let index = self.trials_began.iter().position(|&trial| trial == began).unwrap();
            self.trials_began.remove(index);
        }
        let Some(failed) = failed else { return };
        self.outcomes.push(Outcome { at: now, failed, slow: now - began >= SLOW });
        let counted = self.counted(now);
        let is_trial = self.state == BreakerState::HalfOpen;
        let of = if is_trial { self.rules.trials } else { counted.len() };
        let reaches = |count: usize, rate: f64| count > 0 && count as f64 / of as f64 >= rate;
        let failed =
            reaches(counted.iter().filter(|it| it.failed).count(), self.rules.failure_rate);
        let slow = reaches(counted.iter().filter(|it| it.slow).count(), self.rules.slow_rate);
        let is_enough = is_trial || counted.len() >= self.rules.calls_min;
        if is_enough && (failed || slow) {
            self.open(now);
        } else if is_trial && counted.len() >= self.rules.trials {
            self.opened = 0;
            self.enter(BreakerState::Closed, now);
        }
    }
}

fn breaker(rules: Rules, clock: &Clock) -> (Breaker, Model) {
    let breaker = Breaker::builder()
        .window(rules.window)
        .calls_min(rules.calls_min as u32)
        .failure_rate(rules.failure_rate)
        .slow_call(Duration::from_millis(SLOW), rules.slow_rate)
        .open_for(Duration::from_millis(OPEN_FOR))
        .open_for_max(Duration::from_millis(OPEN_FOR_MAX))
        .half_open(rules.trials as u32)
        .half_open_max(Duration::from_millis(TRIAL_MAX))
        .clock(clock.clone())
        .build();
    let mut rules = rules;
    if let BreakerWindow::Calls(calls) = rules.window {
        rules.calls_min = rules.calls_min.min(calls as usize);
    }
    let model = Model {
        rules,
        state: BreakerState::Closed,
        since: 0,
        open_until: 0,
        opened: 0,
        era: 0,
        outcomes: Vec::new(),
        trials_began: Vec::new(),
        busy_since: 0,
    };
    (breaker, model)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn it_is_in_the_state_that_the_outcomes_say(
        rules in rules(),
        ops in prop::collection::vec(rare_op(), 1..150),
    ) {
        let clock = Clock::manual();
        let (breaker, mut model) = breaker(rules, &clock);
        let mut running: Vec<Running> = Vec::new();
        let mut now = 0;
        for op in ops {
            model.advance(now);
            match op {
                Op::Pass(ms) => {
                    now += ms;
                    clock.advance(Duration::from_millis(ms));
                    model.advance(now);
                }
                Op::Permit => {
                    let admits = model.admits();
                    prop_assert_eq!(breaker.check().is_ok(), admits);
                    match breaker.permit() {
                        Ok(permit) => {
                            prop_assert!(admits);
                            model.begin(now);
                            running.push(Running { permit, began: now, era: model.era });
                        }
                        Err(error) => {
                            prop_assert!(!admits && error.is_circuit_open());
                            let wait = (model.state == BreakerState::Open)
                                .then(|| Duration::from_millis(model.open_until - now));
                            prop_assert_eq!(error.retry_after(), wait);
                        }
                    }
                }
                Op::End(number, failed) if !running.is_empty() => {
                    let Running { permit, began, era } =
                        running.remove(number % running.len());
                    match failed {
                        Some(true) => permit.failed(),
                        Some(false) => permit.succeeded(),
                        None => drop(permit),
                    }
                    model.end(era, began, failed, now);
                }
                Op::End(..) => {}
                Op::Reset => {
                    breaker.reset();
                    model.opened = 0;
                    model.enter(BreakerState::Closed, now);
                }
                Op::ForceOpen => {
                    breaker.force_open();
                    model.enter(BreakerState::ForcedOpen, now);
                }
            }
            prop_assert_eq!(breaker.state(), model.state);
            let (stats, counted) = (breaker.stats(), model.counted(now));
            if matches!(model.state, BreakerState::Closed | BreakerState::HalfOpen) {
                prop_assert_eq!(stats.window_calls as usize, counted.len());
                let failed = counted.iter().filter(|it| it.failed).count();
                prop_assert_eq!(stats.window_failed as usize, failed);
            }
            let ended = stats.succeeded + stats.failed + stats.given_up;
            prop_assert_eq!(stats.admitted - ended, running.len() as u64);
        }
    }
}

fn failing() -> Error {
    Error::new(Kind::Disconnected, "the origin is gone")
}

/// Half-open, as soon as it is asked again.
fn half_open(trials: u32, clock: &Clock) -> Breaker {
    let breaker = Breaker::builder()
        .calls_min(1)
        .open_for(Duration::from_secs(1))
        .half_open(trials)
        .clock(clock.clone())
        .build();
    breaker.permit().unwrap().failed();
    assert_eq!(breaker.state(), BreakerState::Open);
    clock.advance(Duration::from_secs(1));
    breaker
}

#[test]
fn no_more_try_at_once_than_may() {
    for _ in 0..50 {
        let breaker = half_open(3, &Clock::manual());
        let together = Barrier::new(8);
        let passed = std::thread::scope(|scope| {
            let ask = |_| {
                scope.spawn(|| {
                    together.wait();
                    breaker.permit().ok()
                })
            };
            let threads: Vec<_> = (0..8).map(ask).collect();
            let permits: Vec<_> = threads.into_iter().map(|it| it.join().unwrap()).collect();
            permits.into_iter().flatten().collect::<Vec<_>>()
        });
        assert_eq!(passed.len(), 3);
        assert!(breaker.permit().is_err());
        passed.into_iter().for_each(Permit::succeeded);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}

#[tokio::test]
async fn a_trial_that_is_given_up_makes_room_for_another() {
    let breaker = half_open(1, &Clock::manual());
    assert!(poll_once(breaker.call(std::future::pending::<Result<()>>())).is_none());
    drop(breaker.call(async { Ok(()) }));
    drop(breaker.permit().unwrap());
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    breaker.call(async { Ok(()) }).await.unwrap();
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert_eq!(breaker.stats().given_up, 2);
}

#[tokio::test]
async fn a_call_that_panics_loses_no_permit() {
    let breaker = half_open(1, &Clock::manual());
    let task = breaker.clone();
    let panicked =
        tokio::spawn(async move { task.call::<()>(async { panic!("the work is wrong") }).await });
    assert!(panicked.await.unwrap_err().is_panic());
    breaker.call(async { Ok(()) }).await.unwrap();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_judge_that_panics_leaves_it_in_order() {
    let clock = Clock::manual();
    let breaker = Breaker::builder()
        .calls_min(1)
        .failure_if(|error| if error.is_closed() { panic!("wrong") } else { true })
        .clock(clock)
        .build();
    let permit = breaker.permit().unwrap();
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        permit.ended::<()>(&Err(failing()));
    }));
    assert!(ended.is_err());
    assert_eq!(breaker.stats().given_up, 1);
    breaker.permit().unwrap().ended::<()>(&Err(Error::new(Kind::Timeout, "slow")));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn errors_count_by_whom_they_tell_against() {
    let check = |kind: Kind, counts: [u64; 3]| {
        let breaker = Breaker::builder().build();
        breaker.permit().unwrap().ended::<()>(&Err(Error::new(kind, "x")));
        let stats = breaker.stats();
        assert_eq!([stats.failed, stats.succeeded, stats.given_up], counts, "{kind:?}");
    };
    let (failed, succeeded, given_up) = ([1, 0, 0], [0, 1, 0], [0, 0, 1]);
    for kind in [Kind::Timeout, Kind::Busy, Kind::PoolExhausted, Kind::Open] {
        check(kind, failed);
    }
    for kind in [Kind::Disconnected, Kind::Lost] {
        check(kind, failed);
    }
    for kind in [Kind::NotFound, Kind::Denied, Kind::TooLarge, Kind::ReadOnly, Kind::Database] {
        check(kind, succeeded);
    }
    for kind in [Kind::Usage, Kind::Cancelled, Kind::Closed] {
        check(kind, given_up);
    }
    for kind in [Kind::RateLimited, Kind::CircuitOpen, Kind::Overloaded] {
        check(kind, given_up);
    }
}

#[tokio::test]
async fn errors_of_any_kind_can_be_judged() {
    #[derive(Debug)]
    enum Fault {
        Theirs,
        Refused(Error),
    }
    impl From<Error> for Fault {
        fn from(error: Error) -> Fault {
            Fault::Refused(error)
        }
    }
    let breaker = Breaker::builder().calls_min(2).build();
    for _ in 0..2 {
        let failed = breaker.call_any(async { Err::<(), _>(Fault::Theirs) }, |_| true).await;
        assert!(matches!(failed, Err(Fault::Theirs)));
    }
    let refused = breaker.call_any(async { Ok::<_, Fault>(()) }, |_| true).await;
    assert!(matches!(refused, Err(Fault::Refused(error)) if error.is_circuit_open()));
}

#[test]
fn settings_out_of_range_count_as_the_nearest() {
    let breaker = Breaker::builder()
        .window(BreakerWindow::Calls(0))
        .calls_min(0)
        .failure_rate(7.0)
        .half_open(0)
        .open_for(Duration::MAX)
        .half_open_max(Duration::MAX)
        .build();
    breaker.permit().unwrap().succeeded();
    assert_eq!(breaker.state(), BreakerState::Closed);
    breaker.permit().unwrap().failed();
    assert_eq!(breaker.state(), BreakerState::Open);
    assert!(breaker.permit().unwrap_err().retry_after() > Some(Duration::from_secs(1_000_000)));
    breaker.reset();
    breaker.permit().unwrap().succeeded();
    let never = Breaker::builder().calls_min(1).failure_rate(f64::NAN).build();
    never.permit().unwrap().failed();
    assert_eq!(never.state(), BreakerState::Closed);
}

#[test]
fn a_look_at_the_state_long_before_a_trial_does_not_end_the_trial() {
    let clock = Clock::manual();
    let breaker = half_open(1, &clock);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    clock.advance(Duration::from_secs(3_600));
    let trial = breaker.permit().unwrap();
    clock.advance(Duration::from_secs(29));
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    clock.advance(Duration::from_secs(1));
    assert_eq!(breaker.state(), BreakerState::Open, "a trial that does not end opens it");
    trial.succeeded();
    assert_eq!(breaker.state(), BreakerState::Open, "what it says comes too late");
}

/// Counts events by level, with their texts.
#[derive(Default)]
struct Events(std::sync::Mutex<Vec<(tracing::Level, String)>>);

impl tracing::Subscriber for Events {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().contains("guard::breaker")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Fields(String);
        impl tracing::field::Visit for Fields {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0 += &format!("{}={value:?} ", field.name());
            }
        }
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.0.lock().unwrap().push((*event.metadata().level(), fields.0));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn each_change_of_state_is_told_once() {
    let events = std::sync::Arc::new(Events::default());
    tracing::subscriber::with_default(events.clone(), || {
        let clock = Clock::manual();
        let builder = Breaker::builder().named("prices").calls_min(2).half_open(1);
        let breaker = builder.open_for(Duration::from_secs(1)).clock(clock.clone()).build();
        for _ in 0..2 {
            breaker.permit().unwrap().failed();
        }
        for _ in 0..3 {
            assert!(breaker.permit().is_err());
        }
        clock.advance(Duration::from_secs(1));
        breaker.permit().unwrap().succeeded();
        breaker.reset();
    });
    let told = events.0.lock().unwrap();
    let expect = [
        (tracing::Level::WARN, "from=Closed to=Open", "calls=2 failed=2"),
        (tracing::Level::INFO, "from=Open to=HalfOpen", "calls=0"),
        (tracing::Level::INFO, "from=HalfOpen to=Closed", "calls=1 failed=0"),
    ];
    assert_eq!(told.len(), expect.len(), "{told:?}");
    for ((level, text), (expect, states, sums)) in told.iter().zip(expect) {
        assert_eq!(*level, expect, "{text}");
        assert!(text.contains("prices") && text.contains(states) && text.contains(sums), "{text}");
    }
}
