//! The task that owns the socket of a connection: what it waits for and in which order it acts.
//! Messages are read in `hear`, and what a request needs is in `flight`.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postgres_protocol::message::frontend;
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

use super::cancel;
use super::config::Config;
use super::fault::{Fault, Why};
use super::flight::Flight;
use super::halt::{Halt, Told};
use super::lost::Lost;
use super::replication::Feed;
use super::request::{Order, Status};
use super::shared::Shared;
use super::socket::Peer;
use super::startup::{Key, Opened};
use super::statements::Statements;
use super::taking::Held;
use super::wire::{Turn, Wire};
use super::write;
use crate::error::{Error, Kind};

/// Requests of one connection at most: on their way here, waiting, and on the wire.
pub(super) const REQUESTS_MAX: usize = 1024;
/// What is not yet sent is bounded by this and one request.
const OUTBOX_BYTES: usize = 1024 * 1024;
/// A statement that nobody waits for is left to itself for so long: most end within that, and a
/// request to cancel costs the server a process.
const PATIENCE: Duration = Duration::from_millis(2);
/// The longest a stream waits for its reader.
pub(super) const STALL_MAX: Duration = Duration::from_secs(30);
/// How long the end of a connection may take to reach the server.
const FAREWELL: Duration = Duration::from_secs(1);

pub(super) struct Task {
    config: Arc<Config>,
    peer: Peer,
    key: Option<Key>,
    pub(super) wire: Wire,
    orders: mpsc::Receiver<Order>,
    /// No order can come any more.
    is_closing: bool,
    /// Not written; the first is the next one.
    pub(super) waiting: VecDeque<Flight>,
    /// Written: one of any kind, or several that are repeatable, outside a transaction. The server
    /// is at the first.
    pub(super) sent: VecDeque<Flight>,
    pub(super) statements: Statements,
    pub(super) halt: Halt,
    cancel: Option<Pin<Box<dyn Future<Output = Told> + Send>>>,
    /// The socket is not read while there is one.
    pub(super) held: Option<(Held, Instant)>,
    /// What the server said when nothing was asked.
    pub(super) last_words: Option<Fault>,
    pub(super) turned: Option<Feed>,
    pub(super) status: Status,
    pub(super) shared: Arc<Shared>,
}

#[expect(clippy::large_enum_variant, reason = "it lives on the stack for a moment")]
enum Event {
    Order(Option<Order>),
    Turn(std::io::Result<Turn>),
    Told(Told),
    /// Nobody waits for the first request on the wire.
    Unwanted,
    /// There is room for the chunk, or nobody reads.
    Room(Option<mpsc::OwnedPermit<crate::row::Rows>>),
    Tick,
}

impl Task {
    pub(super) fn new(
        config: Arc<Config>,
        opened: Opened,
        orders: mpsc::Receiver<Order>,
        shared: Arc<Shared>,
    ) -> Task {
        Task {
            statements: Statements::new(config.statement_cache),
            config,
            peer: opened.peer,
            key: opened.key,
            wire: opened.wire,
            orders,
            is_closing: false,
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            halt: Halt::No,
            cancel: None,
            held: None,
            last_words: None,
            turned: None,
            status: Status::Idle,
            shared,
        }
    }

    /// Runs until the last handle is gone, or the connection.
    pub(super) async fn run(mut self) {
        let lost = loop {
            self.prune(Instant::now());
            self.write_waiting();
            if self.is_closing && self.sent.is_empty() && self.waiting.is_empty() {
                break Lost::Dropped;
            }
            let event = self.event().await;
            if let Err(lost) = self.act(event) {
                break lost;
            }
            if self.turned.is_some() {
                break Lost::Turned;
            }
        };
        self.close(lost).await;
    }

    fn act(&mut self, event: Event) -> Result<(), Lost> {
        match event {
            Event::Order(order) => {
                self.is_closing = order.is_none();
                self.waiting.extend(order.map(Flight::new));
                while let Ok(order) = self.orders.try_recv() {
                    self.waiting.push_back(Flight::new(order));
                }
            }
            Event::Turn(Ok(Turn::Read)) => {
                self.halt.heard(Instant::now());
                self.hear()?;
            }
            Event::Turn(Ok(Turn::Wrote)) => {}
            Event::Turn(Ok(Turn::Closed)) => return Err(self.lost(Lost::Closed)),
            Event::Turn(Err(error)) => return Err(self.lost(error.into())),
            Event::Told(told) => {
                self.cancel = None;
                self.halt.told(told, Instant::now())?;
            }
            Event::Unwanted => self.note_unwanted(Instant::now()),
            Event::Room(permit) => {
                if let Some((held, _)) = self.held.take()
                    && let Some(permit) = permit
                {
                    drop(permit.send(held.rows));
                }
                self.hear()?;
            }
            Event::Tick => self.tick(Instant::now())?,
        }
        Ok(())
    }

    /// What the server has said explains more than what befell the socket.
    fn lost(&mut self, lost: Lost) -> Lost {
        self.last_words.take().map_or(lost, Lost::Ended)
    }

    async fn event(&mut self) -> Event {
        let due = self.due();
        let (reads, is_closing) = (self.held.is_none(), self.is_closing);
        let Task { wire, orders, cancel, sent, held, .. } = self;
        let first = sent.front_mut().filter(|first| first.unwanted_since.is_none());
        tokio::select! {
            order = orders.recv(), if !is_closing => Event::Order(order),
            turn = wire.turn(reads) => Event::Turn(turn),
            told = async {
                match cancel {
                    Some(cancel) => cancel.await,
                    None => pending().await,
                }
            } => Event::Told(told),
            () = async {
                match first {
                    Some(first) => first.order.asker.gone().await,
                    None => pending().await,
                }
            } => Event::Unwanted,
            permit = async {
                match held {
                    Some((held, _)) => held.sender.clone().reserve_owned().await.ok(),
                    None => pending().await,
                }
            } => Event::Room(permit),
            () = async {
                match due {
                    Some(due) => sleep_until(due.into()).await,
                    None => pending().await,
                }
            } => Event::Tick,
        }
    }

    /// When something is due, if nothing else comes before.
    fn due(&self) -> Option<Instant> {
        let unsent = self.waiting.iter().chain(self.sent.iter().skip(1));
        let limits = unsent
            .filter(|flight| flight.order.asker.is_waiting())
            .filter_map(|flight| flight.order.deadline);
        let first = self.sent.front().filter(|_| self.halt.may_write()).and_then(stop_at);
        let stall = self.held.as_ref().map(|(_, since)| *since + STALL_MAX);
        limits.chain(first).chain(stall).chain(self.halt.due()).min()
    }

    fn tick(&mut self, now: Instant) -> Result<(), Lost> {
        if self.halt.is_given_up(now) {
            return Err(Lost::Unstoppable);
        }
        if self.halt.is_to_be_asked_again(now) {
            self.ask(now);
        }
        if self.held.as_ref().is_some_and(|(_, since)| now >= *since + STALL_MAX) {
            self.end_stalled(now)?;
        }
        if self.halt.may_write()
            && let Some(first) = self.sent.front_mut()
            && stop_at(first).is_some_and(|at| now >= at)
        {
            let is_late = first.order.deadline.is_some_and(|deadline| now >= deadline);
            first.why = Some(if is_late { Why::Late } else { Why::Unwanted });
            self.ask(now);
        }
        Ok(())
    }

    /// Drops the rows of a stream that nobody reads, and has it stopped.
    fn end_stalled(&mut self, now: Instant) -> Result<(), Lost> {
        self.held = None;
        if let Some(first) = self.sent.front_mut() {
            first.fail(stalled());
        }
        self.note_unwanted(now);
        // What was kept back by the chunk is here already, and brings no event.
        self.hear()
    }

    /// The rows of the first request on the wire go nowhere any more.
    pub(super) fn note_unwanted(&mut self, now: Instant) {
        if let Some(first) = self.sent.front_mut() {
            first.unwanted_since.get_or_insert(now);
        }
    }

    /// Asks the server to stop what it is at. Every request on the wire may be hit by that.
    fn ask(&mut self, now: Instant) {
        // Rows that wait for their reader would keep back the answer to it.
        if self.held.take().is_some()
            && let Some(first) = self.sent.front_mut()
        {
            first.give_up();
        }
        for flight in self.sent.iter_mut().skip(1) {
            flight.is_exposed = true;
        }
        self.halt.ask(now);
        let (config, peer) = (self.config.clone(), self.peer.clone());
        self.cancel = Some(match self.key {
            Some(key) => Box::pin(async move { cancel::ask(&config, &peer, key).await }),
            None => Box::pin(async { Told::No }),
        });
    }

    /// Lets go of what nobody waits for, and of what is too late to begin.
    fn prune(&mut self, now: Instant) {
        let is_late =
            |flight: &Flight| flight.order.deadline.is_some_and(|deadline| now >= deadline);
        for flight in self.sent.iter_mut().skip(1) {
            if is_late(flight) && flight.order.asker.is_waiting() {
                // They only read, so that nothing is left open.
                flight.order.asker.answer_early(Err(late()));
            }
        }
        if !self.waiting.iter().any(|one| is_late(one) || !one.order.asker.is_waiting()) {
            return;
        }
        for flight in std::mem::take(&mut self.waiting) {
            if is_late(&flight) {
                flight.answer(Err(late()));
            } else if flight.order.asker.is_waiting() {
                self.waiting.push_back(flight);
            }
        }
    }

    fn write_waiting(&mut self) {
        while self.may_write()
            && let Some(mut flight) = self.waiting.pop_front()
        {
            flight.is_exposed = false;
            match write::write(&mut flight, &mut self.statements, &mut self.wire.outbox) {
                Ok(()) => {
                    if let Some(fence) = &mut flight.order.fence {
                        fence.send(self.key.map(|key| key.process));
                    }
                    self.sent.push_back(flight);
                }
                Err(error) => drop(flight.answer(Err(error))),
            }
        }
    }

    fn may_write(&self) -> bool {
        let Some(next) = self.waiting.front() else { return false };
        let may_follow = match self.sent.back() {
            None => true,
            Some(last) => {
                let are_repeatable = last.order.is_repeatable && next.order.is_repeatable;
                are_repeatable && self.status == Status::Idle
            }
        };
        may_follow && self.halt.may_write() && self.wire.outbox.len() < OUTBOX_BYTES
    }

    /// Answers everybody who still waits, and says goodbye.
    async fn close(mut self, lost: Lost) {
        self.shared.set_status(Status::Closed);
        self.orders.close();
        for flight in self.sent.drain(..) {
            let error = lost.during(&flight);
            // Its fence is dropped with it: what became of it is not known.
            flight.order.asker.answer(Err(error));
        }
        let unsent = self.waiting.drain(..).map(|flight| flight.order);
        for order in unsent.chain(std::iter::from_fn(|| self.orders.try_recv().ok())) {
            order.asker.answer(Err(lost.before()));
        }
        match self.turned.take() {
            Some(feed) => feed.carry(self.wire).await,
            None => {
                frontend::terminate(&mut self.wire.outbox);
                // The server finds out by itself, if this does not reach it.
                drop(timeout(FAREWELL, self.wire.flush()).await);
            }
        }
    }
}

/// When the first request on the wire has to be stopped.
fn stop_at(first: &Flight) -> Option<Instant> {
    let unwanted = first.unwanted_since.map(|since| since + PATIENCE);
    let limit = first.order.deadline.filter(|_| first.order.asker.is_waiting());
    unwanted.into_iter().chain(limit).min()
}

fn late() -> Error {
    Error::new(
        Kind::Timeout,
        "the time limit of the statement passed before it could begin: those before it on the \
         connection took too long; raise the limit, or use more connections",
    )
}

fn stalled() -> Error {
    Error::new(
        Kind::Cancelled,
        "the stream was ended before its last row, because it was not read for 30 s; read it \
         without such pauses, or collect the rows",
    )
}
