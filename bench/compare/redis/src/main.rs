//! Reads from Redis: Forebay's tier beside a bare connection of the same client, one after the
//! other, many at once, and many in one go. The server is started for it and gone afterwards.

use std::error::Error;
use std::time::{Duration, Instant};

use cluster::RedisServer;
use forebay::Redis;
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

struct Options {
    rounds: usize,
    json: bool,
}

fn options() -> Result<Options, Fault> {
    let mut options = Options { rounds: 9, json: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--rounds" => options.rounds = args.next().ok_or("--rounds takes a number")?.parse()?,
            "--json" => options.json = true,
            other => return Err(format!("{other}: there are --rounds N and --json").into()),
        }
    }
    Ok(options)
}

/// The time of one read, round by round, of each contender.
#[derive(Default)]
struct Times(Vec<(&'static str, Vec<f64>)>);

impl Times {
    fn add(&mut self, name: &'static str, reads: usize, start: Instant) {
        let one = start.elapsed().as_secs_f64() * 1e6 / reads as f64;
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, times)) => times.push(one),
            None => self.0.push((name, vec![one])),
        }
    }

    fn median(&self, name: &str) -> f64 {
        let found = self.0.iter().find(|(known, _)| *known == name);
        let mut times = found.map(|(_, times)| times.clone()).unwrap_or_default();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
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

fn print(times: &Times, json: bool) {
    let ratios = [
        ("tier to bare, one by one", "tier, one by one", "bare, one by one"),
        ("tier to bare, side by side", "tier, side by side", "bare, side by side"),
        ("one by one to in one go", "tier, one by one", "tier, in one go"),
    ];
    let ratios = ratios.map(|(name, of, to)| (name, times.median(of) / times.median(to)));
    if json {
        let times: serde_json::Map<String, serde_json::Value> =
            times.0.iter().map(|(name, all)| ((*name).to_owned(), all.clone().into())).collect();
        let ratios: serde_json::Map<String, serde_json::Value> =
            ratios.iter().map(|(name, ratio)| ((*name).to_owned(), (*ratio).into())).collect();
        println!("{}", serde_json::json!({ "microseconds": times, "ratios": ratios }));
        return;
    }
    for (name, _) in &times.0 {
        println!("{:>9.2} us  {name}", times.median(name));
    }
    for (name, ratio) in ratios {
        println!("{ratio:>9.2}     {name}");
    }
}

fn main() -> Result<(), Fault> {
    let options = options()?;
    let server = RedisServer::start()?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let times = runtime.worker_threads(2).enable_all().build()?.block_on(async {
        let field = std::sync::Arc::new(Field::enter(&server).await?);
        field.round(&mut Times::default()).await?;
        let mut times = Times::default();
        for _ in 0..options.rounds {
            field.round(&mut times).await?;
        }
        Ok::<Times, Fault>(times)
    })?;
    print(&times, options.json);
    Ok(())
}
