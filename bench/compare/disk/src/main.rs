//! A disk tier beside other engines: a gigabyte of values of 4 KiB, read at random while the
//! kernel has the file in memory, removed with an acknowledgement, opened again.
//!
//! usage: compare-disk <folder> [forebay|sqlite|redb|fjall|foyer]...

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use foyer::{
    BlockEngineConfig, DeviceBuilder, FsDeviceBuilder, HybridCache, HybridCacheBuilder,
    HybridCachePolicy,
};
use hdrhistogram::Histogram;

const KEYS: u64 = 240_000;
const VALUE: usize = 4_096;
const READS: u64 = 200_000;
const REMOVALS: u64 = 2_000;
const BOUND: u64 = 1_200 * 1024 * 1024;
const HOUR: Duration = Duration::from_secs(3_600);

type Failure = Box<dyn std::error::Error + Send + Sync>;

enum Engine {
    Forebay(forebay::Disk),
    Sqlite(Arc<Mutex<rusqlite::Connection>>),
    Redb(Arc<redb::Database>),
    Fjall(fjall::Database, fjall::Keyspace),
    Foyer(HybridCache<Vec<u8>, Vec<u8>>),
}

const TABLE: redb::TableDefinition<'_, &[u8], &[u8]> = redb::TableDefinition::new("cache");

fn key(number: u64) -> Vec<u8> {
    format!("search:results:{number:012}").into_bytes()
}

/// Noise: no engine gains by compressing it.
fn value(number: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number);
    let mut value = vec![0; VALUE];
    random.fill(&mut value);
    value
}

impl Engine {
    async fn open(name: &str, folder: &Path) -> Result<Engine, Failure> {
        std::fs::create_dir_all(folder)?;
        Ok(match name {
            "forebay" => Engine::Forebay(
                forebay::Disk::builder(folder.join("cache")).bytes_max(BOUND).open().await?,
            ),
            "sqlite" => {
                let connection = rusqlite::Connection::open(folder.join("cache.db"))?;
                connection.execute_batch(
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA mmap_size=0;
                     CREATE TABLE IF NOT EXISTS cache(key BLOB PRIMARY KEY, expires INTEGER,
                         sum INTEGER, value BLOB) WITHOUT ROWID;",
                )?;
                connection.set_prepared_statement_cache_capacity(16);
                Engine::Sqlite(Arc::new(Mutex::new(connection)))
            }
            "redb" => Engine::Redb(Arc::new(redb::Database::create(folder.join("cache.redb"))?)),
            "fjall" => {
                let database = fjall::Database::builder(folder.join("fjall")).open()?;
                let options = || {
                    fjall::KeyspaceCreateOptions::default()
                        .with_kv_separation(Some(fjall::KvSeparationOptions::default()))
                };
                let keyspace = database.keyspace("cache", options)?;
                Engine::Fjall(database, keyspace)
            }
            "foyer" => {
                let device =
                    FsDeviceBuilder::new(folder).with_capacity(BOUND as usize).build()?;
                let cache = HybridCacheBuilder::new()
                    .with_policy(HybridCachePolicy::WriteOnInsertion)
                    // As little memory as it takes, so that reads come from the file.
                    .memory(1024 * 1024)
                    .with_weighter(|key: &Vec<u8>, value: &Vec<u8>| key.len() + value.len())
                    .storage()
                    .with_engine_config(
                        BlockEngineConfig::new(device)
                            .with_buffer_pool_size(64 * 1024 * 1024)
                            .with_tombstone_log(true),
                    )
                    .build()
                    .await?;
                Engine::Foyer(cache)
            }
            other => return Err(format!("no engine {other}").into()),
        })
    }

    async fn fill(&self) -> Result<(), Failure> {
        for begin in (0..KEYS).step_by(1_000) {
            let numbers = begin..(begin + 1_000).min(KEYS);
            match self {
                Engine::Forebay(disk) => {
                    numbers.for_each(|number| disk.set(&key(number), value(number), HOUR));
                    disk.flush().await;
                }
                Engine::Sqlite(connection) => {
                    let mut connection = connection.lock().unwrap();
                    let transaction = connection.transaction()?;
                    let sql = "INSERT OR REPLACE INTO cache VALUES (?1, 1, 1, ?2)";
                    let mut insert = transaction.prepare_cached(sql)?;
                    for number in numbers {
                        insert.execute((key(number), value(number)))?;
                    }
                    drop(insert);
                    transaction.commit()?;
                }
                Engine::Redb(database) => {
                    let mut transaction = database.begin_write()?;
                    transaction.set_durability(redb::Durability::None)?;
                    {
                        let mut table = transaction.open_table(TABLE)?;
                        for number in numbers {
                            table.insert(key(number).as_slice(), value(number).as_slice())?;
                        }
                    }
                    transaction.commit()?;
                }
                Engine::Fjall(_, keyspace) => {
                    for number in numbers {
                        keyspace.insert(key(number), value(number))?;
                    }
                }
                Engine::Foyer(cache) => {
                    for number in numbers {
                        cache.insert(key(number), value(number));
                    }
                    cache.storage().wait().await;
                }
            }
        }
        Ok(())
    }

    /// One read as an asynchronous caller sees it; `hop` where the engine blocks and so has to be
    /// called on another thread.
    async fn read(&self, number: u64, hop: bool) -> Result<Option<Vec<u8>>, Failure> {
        let key = key(number);
        Ok(match self {
            Engine::Forebay(disk) => disk.get(&key).await,
            Engine::Foyer(cache) => cache.get(&key).await?.map(|entry| entry.value().clone()),
            Engine::Sqlite(connection) => {
                let connection = connection.clone();
                blocking(hop, move || {
                    let connection = connection.lock().unwrap();
                    let sql = "SELECT value FROM cache WHERE key = ?1";
                    let mut select = connection.prepare_cached(sql)?;
                    let mut rows = select.query((key,))?;
                    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
                })
                .await?
            }
            Engine::Redb(database) => {
                use redb::ReadableDatabase as _;
                let database = database.clone();
                blocking(hop, move || {
                    let table = database.begin_read()?.open_table(TABLE)?;
                    Ok(table.get(key.as_slice())?.map(|value| value.value().to_vec()))
                })
                .await?
            }
            Engine::Fjall(_, keyspace) => {
                let keyspace = keyspace.clone();
                blocking(hop, move || Ok(keyspace.get(key)?.map(|value| value.to_vec()))).await?
            }
        })
    }

    /// One removal that a death of the process does not undo, as far as the engine offers that.
    async fn remove(&self, number: u64) -> Result<(), Failure> {
        let key = key(number);
        match self {
            Engine::Forebay(disk) => assert!(disk.remove(&key).await),
            Engine::Sqlite(connection) => {
                let connection = connection.lock().unwrap();
                connection.prepare_cached("DELETE FROM cache WHERE key = ?1")?.execute((key,))?;
            }
            Engine::Redb(database) => {
                // Without a sync a commit is lost with the process.
                let transaction = database.begin_write()?;
                transaction.open_table(TABLE)?.remove(key.as_slice())?;
                transaction.commit()?;
            }
            Engine::Fjall(_, keyspace) => keyspace.remove(key)?,
            Engine::Foyer(cache) => {
                cache.remove(&key);
                cache.storage().wait().await;
            }
        }
        Ok(())
    }

    async fn close(self) -> Result<(), Failure> {
        match self {
            Engine::Forebay(disk) => assert!(disk.close().await),
            Engine::Foyer(cache) => cache.close().await?,
            _ => {}
        }
        Ok(())
    }
}

async fn blocking<T: Send + 'static>(
    hop: bool,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    if hop { tokio::task::spawn_blocking(work).await? } else { work() }
}

fn size(folder: &Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        bytes += if path.is_dir() { size(&path) } else { path.metadata().map_or(0, |m| m.len()) };
    }
    bytes
}

fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4 / 1024
}

fn say(what: &str, times: &Histogram<u64>) {
    let micros = |quantile| times.value_at_quantile(quantile) as f64 / 1_000.0;
    println!("  {what:<12} p50 {:8.1} µs  p99 {:8.1} µs", micros(0.5), micros(0.99));
}

async fn reads(engine: &Engine, what: &str, hop: bool) -> Result<(), Failure> {
    let mut times = Histogram::<u64>::new(3)?;
    let mut random = fastrand::Rng::with_seed(7);
    let mut hits = 0;
    for _ in 0..READS {
        let number = random.u64(..KEYS);
        let begun = Instant::now();
        let found = engine.read(number, hop).await?;
        times.record(begun.elapsed().as_nanos() as u64)?;
        if let Some(found) = found {
            hits += 1;
            if hits % 100 == 0 {
                assert!(found == value(number), "a wrong value");
            }
        }
    }
    say(what, &times);
    println!("  hits {:.1} %", hits as f64 * 100.0 / READS as f64);
    Ok(())
}

async fn measure(name: &str, folder: PathBuf) -> Result<(), Failure> {
    println!("{name}");
    let before = resident();
    let engine = Engine::open(name, &folder).await?;
    let begun = Instant::now();
    engine.fill().await?;
    let (seconds, mib) = (begun.elapsed().as_secs_f64(), size(&folder) >> 20);
    println!("  filled in {seconds:.1} s, {mib} MiB in files");
    let is_blocking = !matches!(engine, Engine::Forebay(_) | Engine::Foyer(_));
    reads(&engine, if is_blocking { "hit, blocks" } else { "hit, async" }, false).await?;
    if is_blocking {
        reads(&engine, "hit, hop", true).await?;
    }
    println!("  {} MiB resident more than before", resident().saturating_sub(before));
    let mut times = Histogram::<u64>::new(3)?;
    for number in 0..REMOVALS {
        let begun = Instant::now();
        engine.remove(number * 7).await?;
        times.record(begun.elapsed().as_nanos() as u64)?;
    }
    say("removal", &times);
    engine.close().await?;
    let begun = Instant::now();
    let engine = Engine::open(name, &folder).await?;
    let seconds = begun.elapsed().as_secs_f64();
    assert!(engine.read(0, false).await?.is_none(), "a removed value is back");
    println!("  opened again in {seconds:.2} s, {} MiB in files", size(&folder) >> 20);
    engine.close().await?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("name a folder")?);
    let mut names: Vec<String> = arguments.collect();
    if names.is_empty() {
        names = ["forebay", "sqlite", "redb", "fjall", "foyer"].map(String::from).to_vec();
    }
    for name in names {
        measure(&name, folder.join(&name)).await?;
    }
    Ok(())
}
