//! A cache beside the database as applications keep it by hand: a read asks Redis, and on a miss
//! the database, whose answer it stores as JSON; a write changes the row and then removes its key.
//! It is what Forebay is compared with, not what is recommended: a read that was on its way while a
//! row was written may store the old answer after the key was removed. Both sides have the same
//! database through the same library, Forebay's cache on one side and past it on the other.

use std::time::{Duration, Instant};

use cluster::RedisServer;
use forebay::Db;
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};

use crate::{Fault, Times};

const ROWS: i64 = 1_000;
const READS: usize = 2_000;
const WRITES: usize = 500;
const TTL: Duration = Duration::from_secs(600);

const POINT: &str = "SELECT id, name, email, age FROM users WHERE id = ?";
const WRITE: &str = "UPDATE users SET age = age + 1 WHERE id = ?";

#[derive(Deserialize, Serialize)]
struct User {
    id: i64,
    name: String,
    email: String,
    age: i64,
}

pub struct Field {
    ours: Db,
    origin: Db,
    redis: MultiplexedConnection,
    _folder: tempfile::TempDir,
}

impl Field {
    pub async fn enter(server: &RedisServer) -> Result<Field, Fault> {
        let folder = tempfile::tempdir()?;
        let mut databases = Vec::new();
        for name in ["ours.db", "theirs.db"] {
            let url = format!("sqlite:{}", folder.path().join(name).display());
            let db = forebay::Builder::new(url).worth_it(false).open().await?;
            db.execute(
                "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, \
                 email TEXT NOT NULL, age INTEGER NOT NULL)",
            )
            .await?;
            let user = |id| (id, format!("user {id}"), format!("user{id}@example.com"), id % 90);
            let columns = ["id", "name", "email", "age"];
            db.bulk("users").columns(columns).insert((1..=ROWS).map(user)).await?;
            databases.push(db);
        }
        let client = redis::Client::open(format!("{}/?protocol=resp3", server.url()))?;
        let redis = client.get_multiplexed_async_connection().await?;
        let origin = databases.pop().ok_or("there are two databases")?;
        let ours = databases.pop().ok_or("there are two databases")?;
        Ok(Field { ours, origin, redis, _folder: folder })
    }

    async fn read_aside(&self, id: i64) -> Result<User, Fault> {
        let mut redis = self.redis.clone();
        let key = format!("user:{id}");
        let found: Option<Vec<u8>> = redis::cmd("GET").arg(&key).query_async(&mut redis).await?;
        if let Some(found) = found {
            return Ok(serde_json::from_slice(&found)?);
        }
        let user: User = self.origin.query(POINT).bind(id).no_cache().one().await?;
        let mut set = redis::cmd("SET");
        set.arg(&key).arg(serde_json::to_vec(&user)?).arg("EX").arg(TTL.as_secs());
        set.query_async::<()>(&mut redis).await?;
        Ok(user)
    }

    async fn write_aside(&self, id: i64) -> Result<(), Fault> {
        self.origin.execute(WRITE).bind(id).await?;
        let mut redis = self.redis.clone();
        redis::cmd("DEL").arg(format!("user:{id}")).query_async::<()>(&mut redis).await?;
        Ok(())
    }

    async fn read_ours(&self, id: i64) -> Result<User, Fault> {
        Ok(self.ours.query(POINT).bind(id).one().await?)
    }

    pub async fn round(&self, times: &mut Times) -> Result<(), Fault> {
        for id in 1..=ROWS {
            let (ours, theirs) = (self.read_ours(id).await?, self.read_aside(id).await?);
            if ours.id != id || ours.age != theirs.age {
                return Err(format!("row {id} is not the same on both sides").into());
            }
        }
        let id = |turn: usize| turn as i64 * 31 % ROWS + 1;
        let start = Instant::now();
        for turn in 0..READS {
            self.read_ours(id(turn)).await?;
        }
        times.add("forebay, hit", READS, start);
        let start = Instant::now();
        for turn in 0..READS {
            self.read_aside(id(turn)).await?;
        }
        times.add("cache-aside, hit", READS, start);
        let start = Instant::now();
        for turn in 0..WRITES {
            self.ours.execute(WRITE).bind(id(turn)).await?;
        }
        times.add("forebay, write", WRITES, start);
        let start = Instant::now();
        for turn in 0..WRITES {
            self.write_aside(id(turn)).await?;
        }
        times.add("cache-aside, write", WRITES, start);
        let start = Instant::now();
        for turn in 0..WRITES {
            self.read_ours(id(turn)).await?;
        }
        times.add("forebay, miss", WRITES, start);
        let start = Instant::now();
        for turn in 0..WRITES {
            self.read_aside(id(turn)).await?;
        }
        times.add("cache-aside, miss", WRITES, start);
        Ok(())
    }
}
