//! The connection on which a server tells what changes. What it says is applied as it is read, in
//! its order, before anything that comes later; and this process is kept on the roll. It ends with
//! the connection, and does not make another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::address::Layout;
use super::fault::Fault;
use super::node::{Node, checked, config};
use super::reply;
use super::roll::{Message, read_answer, write_answer};
use super::settings::milliseconds;
use super::shared::Shared;

/// How long it may take until the server is heard.
const SETUP_MAX: Duration = Duration::from_secs(5);

/// How many answers may wait to be sent. Beyond that they are lost, and whoever waits for them
/// waits for the time of this process on the roll.
const ANSWERS_MAX: usize = 1_024;

/// How many answers are sent at once.
const ANSWERS_AT_ONCE: usize = 64;

/// How many renewals there are in the time of a process on the roll.
const RENEWALS: u32 = 4;

/// Hears until that ends, and says why.
pub(super) async fn hear(shared: Arc<Shared>, node: Arc<Node>, id: u64) -> Fault {
    let _deaf = Deaf { shared: Arc::clone(&shared), id };
    let lost = Arc::new(Notify::new());
    let (answers, to_send) = mpsc::channel(ANSWERS_MAX);
    let listener = Listener { shared: Arc::clone(&shared), id, answers, lost: Arc::clone(&lost) };
    let connected = timeout(SETUP_MAX, connect(&shared, &node, listener)).await;
    match connected.unwrap_or(Err(Fault::Slow)) {
        Ok(connection) => {
            let mut ear = Ear { shared, node, id, connection, knows_script: false, is_new: true };
            ear.listen(to_send, &lost).await
        }
        Err(fault) => fault,
    }
}

/// However hearing ends, nothing is heard then.
struct Deaf {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Deaf {
    fn drop(&mut self) {
        self.shared.heard.is_deaf(self.id);
        self.shared.doubted();
    }
}

async fn connect(
    shared: &Arc<Shared>,
    node: &Arc<Node>,
    listener: Listener,
) -> Result<MultiplexedConnection, Fault> {
    let take = move |info: PushInfo| -> Result<(), std::convert::Infallible> {
        listener.take(info);
        Ok(())
    };
    let config = config().set_push_sender(take);
    let mut connection = node.client.get_multiplexed_async_connection_with_config(&config).await?;
    if matches!(shared.address.layout, Layout::Sentinel(_)) {
        let role = run(&mut connection, &redis::cmd("ROLE")).await?;
        let role = reply::list(role).and_then(|parts| reply::text(parts.into_iter().next()?));
        if role.as_deref() != Some("master") {
            return Err(Fault::ReadOnly);
        }
    }
    let mut track = redis::cmd("CLIENT");
    track.arg(&["TRACKING", "ON", "BCAST", "PREFIX"]).arg(shared.names.watched());
    run(&mut connection, &track).await?;
    connection.subscribe(&[shared.names.calls(), shared.names.answers(&shared.me)]).await?;
    Ok(connection)
}

async fn run(connection: &mut MultiplexedConnection, command: &redis::Cmd) -> Result<Value, Fault> {
    checked(connection.send_packed_command(command).await?)
}

struct Ear {
    shared: Arc<Shared>,
    node: Arc<Node>,
    id: u64,
    connection: MultiplexedConnection,
    knows_script: bool,
    /// Nothing that was read before may rest on what this one hears.
    is_new: bool,
}

impl Ear {
    async fn listen(&mut self, mut to_send: mpsc::Receiver<(String, u64)>, lost: &Notify) -> Fault {
        let hearing = self.shared.settings.hearing;
        let mut ticks = tokio::time::interval(hearing / RENEWALS);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut answers = Vec::new();
        loop {
            let outcome = tokio::select! {
                biased;
                () = lost.notified() => Ok(Err(ended())),
                _ = ticks.tick() => timeout(hearing, self.renew()).await,
                count = to_send.recv_many(&mut answers, ANSWERS_AT_ONCE) => match count {
                    0 => Ok(Err(ended())),
                    _ => timeout(hearing, self.answer(&mut answers)).await,
                },
            };
            if let Err(fault) = outcome.unwrap_or(Err(Fault::Slow)) {
                return fault;
            }
        }
    }

    /// Stays on the roll of each shard of this server. What was missed while this process was not
    /// on one, nobody waited for.
    async fn renew(&mut self) -> Result<(), Fault> {
        let sent = Instant::now();
        let replies = match self.renewals().await? {
            Some(replies) => replies,
            None => self.renewals().await?.ok_or(Fault::Garbage)?,
        };
        if replies.contains(&0) || self.is_new {
            self.shared.doubted();
            self.is_new = false;
        }
        let hearing = self.shared.settings.hearing;
        self.shared.heard.hears(self.id, sent + hearing - hearing / 10);
        Ok(())
    }

    /// One renewal for each shard; nothing if the server does not know the script any more.
    async fn renewals(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let shared = Arc::clone(&self.shared);
        let hearing = milliseconds(shared.settings.hearing).to_string();
        let args = [shared.me.as_bytes(), hearing.as_bytes()];
        let script = &shared.scripts.renew;
        let mut all = redis::pipe();
        for shard in shared.map().shards_of(&self.node) {
            let roll = shared.names.roll(shard);
            let short = self.knows_script;
            let keys = [&roll[..]];
            all.add_command(if short {
                script.short(&keys, &args)
            } else {
                script.long(&keys, &args)
            });
        }
        if all.is_empty() {
            all.cmd("PING");
        }
        self.knows_script = true;
        let mut numbers = Vec::new();
        for reply in self.connection.send_packed_commands(&all, 0, all.len()).await? {
            match checked(reply) {
                Ok(Value::SimpleString(_)) => {}
                Ok(reply) => numbers.push(reply::number(reply).ok_or(Fault::Garbage)?),
                Err(Fault::NoScript) => {
                    self.knows_script = false;
                    return Ok(None);
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(Some(numbers))
    }

    async fn answer(&mut self, answers: &mut Vec<(String, u64)>) -> Result<(), Fault> {
        let mut all = redis::pipe();
        for (caller, number) in answers.drain(..) {
            let channel = self.shared.names.answers(&caller);
            all.cmd("PUBLISH").arg(channel).arg(write_answer(number, &self.shared.me));
        }
        self.connection.send_packed_commands(&all, 0, all.len()).await?;
        Ok(())
    }
}

fn ended() -> Fault {
    Fault::Unreachable("the connection has ended".to_owned())
}

/// Takes what the server says by itself, on the task that reads the connection.
struct Listener {
    shared: Arc<Shared>,
    id: u64,
    answers: mpsc::Sender<(String, u64)>,
    lost: Arc<Notify>,
}

impl Listener {
    fn take(&self, info: PushInfo) {
        match info.kind {
            PushKind::Invalidate => self.invalidate(info.data),
            PushKind::Message => self.message(info.data),
            PushKind::Disconnection => {
                self.shared.heard.is_deaf(self.id);
                self.shared.doubted();
                self.lost.notify_one();
            }
            _ => {}
        }
    }

    /// A list of names, or nothing where the server has forgotten all.
    fn invalidate(&self, data: Vec<Value>) {
        let names = data.into_iter().next().and_then(reply::list);
        let names =
            names.and_then(|names| names.into_iter().map(|name| reply::bytes(name)?).collect());
        let names: Option<Vec<Vec<u8>>> = names;
        match names {
            Some(names) => names.iter().for_each(|name| self.shared.changed(name)),
            None => self.shared.doubted(),
        }
    }

    fn message(&self, data: Vec<Value>) {
        let mut parts = data.into_iter().map(reply::bytes);
        let (Some(Some(Some(channel))), Some(Some(Some(payload)))) = (parts.next(), parts.next())
        else {
            return self.shared.doubted();
        };
        if channel == self.shared.names.answers(&self.shared.me).as_bytes() {
            if let Some((number, who)) = read_answer(&payload) {
                self.shared.calls.answered(number, who);
            }
            return;
        }
        let Some(message) = Message::read(&payload) else { return self.shared.doubted() };
        self.shared.apply(&message.what);
        if message.caller != self.shared.me {
            // Lost where too many wait: the caller then waits for our time on the roll.
            let _ = self.answers.try_send((message.caller, message.number));
        }
    }
}
