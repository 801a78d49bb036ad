//! Reads from Redis: Forebay's tier beside a bare connection of the same client, one after the
//! other, many at once, and many in one go; and Forebay's cache of queries beside a cache in Redis
//! that an application keeps by hand. The server is started for it and gone afterwards.

mod aside;

use std::error::Error;
use std::time::{Duration, Instant};

use cluster::RedisServer;
use forebay::Redis;
use outcome::{Options, Outcome, median};
use redis::aio::MultiplexedConnection;

type Fault = Box<dyn Error + Send + Sync>;

const KEYS: usize = 1_000;
const VALUE_BYTES: usize = 200;
const MINUTES: Duration = Duration::from_secs(600);

/// Reads between two looks at the clock, and how many run side by side where many do.
const READS: usize = 2_000;
const SIDE_BY_SIDE: usize = 64;
/// How many keys are read in one go.
const IN_ONE_GO: usize = 100;

/// The time of one read, round by round, of each contender.
#[derive(Default)]
struct Times(Vec<(&'static str, Vec<f64>)>);

impl Times {
    fn add(&mut self, name: &'static str, reads: usize, start: Instant) {
        let one = start.elapsed().as_nanos() as f64 / reads as f64;
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, times)) => times.push(one),
            None => self.0.push((name, vec![one])),
        }
    }

    fn rounds(&self, name: &str) -> &[f64] {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, times)| times.as_slice()).unwrap_or_default()
    }

    fn median(&self, name: &str) -> f64 {
        median(self.rounds(name).to_vec())
    }
}

struct Field {
    tier: Redis,
    bare: MultiplexedConnection,
    /// The keys, and the names under which the bare client finds them.
    keys: Vec<Vec<u8>>,
    names: Vec<Vec<u8>>,
}

impl Field {
    async fn enter(server: &RedisServer) -> Result<Field, Fault> {
        let tier = Redis::builder(server.url()).namespace("app").connections(1).connect().await?;
        let client = redis::Client::open(format!("{}/?protocol=resp3", server.url()))?;
        let bare = client.get_multiplexed_async_connection().await?;
        let keys: Vec<Vec<u8>> = (0..KEYS).map(|n| format!("key:{n}").into_bytes()).collect();
        for key in &keys {
            if !tier.set(key, &[7; VALUE_BYTES], MINUTES).await {
                return Err("a value was not stored".into());
            }
        }
        let names = keys.iter().map(|key| [&b"app:w:{0}v"[..], key].concat()).collect();
        Ok(Field { tier, bare, keys, names })
    }

    async fn bare_get(&self, number: usize) -> Result<(), Fault> {
        let mut bare = self.bare.clone();
        let mut command = redis::cmd("GET");
        command.arg(&self.names[number % KEYS]);
        let value: Option<Vec<u8>> = command.query_async(&mut bare).await?;
        check(value.as_deref())
    }

    async fn tier_get(&self, number: usize) -> Result<(), Fault> {
        check(self.tier.get(&self.keys[number % KEYS]).await.as_deref())
    }

    async fn tier_get_many(&self) -> Result<(), Fault> {
        for number in 0..READS / IN_ONE_GO {
            let from = number * IN_ONE_GO % KEYS;
            let keys: Vec<&[u8]> =
                self.keys[from..from + IN_ONE_GO].iter().map(Vec::as_slice).collect();
            for value in self.tier.get_many(&keys).await {
                check(value.as_deref())?;
            }
        }
        Ok(())
    }

    async fn round(self: &std::sync::Arc<Self>, times: &mut Times) -> Result<(), Fault> {
        let start = Instant::now();
        for number in 0..READS {
            self.bare_get(number).await?;
        }
        times.add("bare, one by one", READS, start);
        let start = Instant::now();
        for number in 0..READS {
            self.tier_get(number).await?;
        }
        times.add("tier, one by one", READS, start);
        for is_tier in [false, true] {
            let start = Instant::now();
            let mut tasks = Vec::new();
            for first in 0..SIDE_BY_SIDE {
                let field = std::sync::Arc::clone(self);
                tasks.push(tokio::spawn(async move {
                    for step in 0..READS / SIDE_BY_SIDE {
                        let number = first * 31 + step;
                        match is_tier {
                            true => field.tier_get(number).await?,
                            false => field.bare_get(number).await?,
                        }
                    }
                    Ok::<(), Fault>(())
                }));
            }
            for task in tasks {
                task.await??;
            }
            let name = if is_tier { "tier, side by side" } else { "bare, side by side" };
            times.add(name, READS / SIDE_BY_SIDE * SIDE_BY_SIDE, start);
        }
        let start = Instant::now();
        self.tier_get_many().await?;
        times.add("tier, in one go", READS, start);
        Ok(())
    }
}

fn check(value: Option<&[u8]>) -> Result<(), Fault> {
    let is_whole = value.is_some_and(|value| value.len() == VALUE_BYTES);
    is_whole.then_some(()).ok_or_else(|| "a value was not read".into())
}

/// What is shown beside what: the operation, Forebay's side, and the other.
const BESIDE: [(&str, &str, &str); 5] = [
    ("read from Redis, one by one", "tier, one by one", "bare, one by one"),
    ("read from Redis, 64 side by side", "tier, side by side", "bare, side by side"),
    ("query again", "forebay, hit", "cache-aside, hit"),
    ("write, the answer made untrue", "forebay, write", "cache-aside, write"),
    ("query after a write", "forebay, miss", "cache-aside, miss"),
];

fn print(times: &Times) {
    for (name, _) in &times.0 {
        println!("{:>9.2} us  {name}", times.median(name) / 1e3);
    }
    let in_one_go = ("one by one to in one go", "tier, one by one", "tier, in one go");
    for (name, of, to) in BESIDE.into_iter().chain([in_one_go]) {
        println!("{:>9.2}     {name}: {of} to {to}", times.median(of) / times.median(to));
    }
}

fn outcome(times: &Times, server: &RedisServer) -> Result<Outcome, Fault> {
    let mut outcome = Outcome::default();
    let info = server.talk(&["INFO", "server"])?;
    let version = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
    outcome.version("Redis", version.unwrap_or("unknown").trim());
    outcome.locked(include_str!("../Cargo.lock"), &["forebay", "redis"]);
    for (operation, ours, peer) in BESIDE {
        outcome.operation(operation, (ours, times.rounds(ours)), &[(peer, times.rounds(peer))]);
    }
    Ok(outcome)
}

fn main() -> Result<(), Fault> {
    let options = Options::from_args(9)?;
    let server = RedisServer::start()?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let times = runtime.worker_threads(2).enable_all().build()?.block_on(async {
        let field = std::sync::Arc::new(Field::enter(&server).await?);
        let aside = aside::Field::enter(&server).await?;
        field.round(&mut Times::default()).await?;
        aside.round(&mut Times::default()).await?;
        let mut times = Times::default();
        for _ in 0..options.rounds {
            field.round(&mut times).await?;
            aside.round(&mut times).await?;
        }
        Ok::<Times, Fault>(times)
    })?;
    match options.json {
        true => outcome(&times, &server)?.print(),
        false => print(&times),
    }
    Ok(())
}
