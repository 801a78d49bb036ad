//! Reading values, one or many, with the numbers of tags.

use redis::{Cmd, Pipeline, Value};
use tokio::task::JoinSet;

use super::fault::Fault;
use super::handle::Redis;
use super::name::{Kind, Shard};
use super::reply;
use super::shared::{Map, Shared};
use super::stats::{add, count};

/// How many names one command reads: the server does nothing else meanwhile.
const NAMES_AT_ONCE: usize = 256;

type Bytes = Option<Vec<u8>>;

impl Redis {
    /// The value under `key`. A fault is a miss. One round trip.
    pub async fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let shared = self.shared();
        let mut command = Cmd::with_capacity(2, key.len() + 32);
        command.arg("GET").arg(shared.names.name(Kind::Value, key));
        let reply = shared.run(shared.names.shard(key), &command).await;
        let found = reply.and_then(|reply| shared.note(reply::bytes(reply).ok_or(Fault::Garbage)));
        let found = found.unwrap_or(None);
        shared.count_reads([found.is_some()]);
        found
    }

    /// The values under `keys`, in their order. One round trip for each server, side by side.
    pub async fn get_many(&self, keys: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
        let shared = self.shared();
        let name = |key: &&[u8]| (shared.names.shard(key), shared.names.name(Kind::Value, key));
        let found: Vec<Bytes> = shared.read(keys.iter().map(name).collect()).await;
        shared.count_reads(found.iter().map(Option::is_some));
        found
    }

    /// The value under `key`, and the numbers of `tags` in their order, in one round trip. A tag
    /// without a number has none: what was made under any number is untrue then.
    pub async fn get_with(
        &self,
        key: &[u8],
        tags: &[&[u8]],
    ) -> (Option<Vec<u8>>, Vec<Option<u64>>) {
        let shared = self.shared();
        let names = std::iter::once((Kind::Value, key)).chain(tags.iter().map(|t| (Kind::Tag, *t)));
        let name =
            |(kind, key): (Kind, &[u8])| (shared.names.shard(key), shared.names.name(kind, key));
        let mut found = shared.read(names.map(name).collect()).await.into_iter();
        let value = found.next().flatten();
        shared.count_reads([value.is_some()]);
        let number = |bytes: Bytes| reply::number(Value::BulkString(bytes?));
        (value, found.map(number).collect())
    }

    /// The numbers of `tags`, in their order; nothing for one that has none. A fault is none.
    pub(crate) async fn numbers(&self, tags: &[&[u8]]) -> Vec<Option<u64>> {
        let shared = self.shared();
        let name = |tag: &&[u8]| (shared.names.shard(tag), shared.names.name(Kind::Tag, tag));
        let found = shared.read(tags.iter().map(name).collect()).await.into_iter();
        let number = |bytes: Bytes| reply::number(Value::BulkString(bytes?));
        found.map(number).collect()
    }

    /// The counter under `key`, if there is one. A fault is none.
    pub(crate) async fn counter(&self, key: &[u8]) -> Option<i64> {
        let shared = self.shared();
        let mut command = redis::cmd("GET");
        command.arg(shared.names.name(Kind::Counter, key));
        let reply = shared.run(shared.names.shard(key), &command).await.ok()?;
        reply::number(reply)
    }

    /// Which of `keys` are there, without their values. A fault is a no.
    pub async fn contains(&self, key: &[u8]) -> bool {
        let shared = self.shared();
        let mut command = redis::cmd("EXISTS");
        command.arg(shared.names.name(Kind::Value, key));
        let reply = shared.run(shared.names.shard(key), &command).await;
        reply.is_ok_and(|reply| reply::number(reply) == Some(1))
    }
}

impl Shared {
    fn count_reads(&self, found: impl IntoIterator<Item = bool>) {
        for is_there in found {
            count(if is_there { &self.counts.hits } else { &self.counts.misses });
        }
    }

    /// Reads what stands under names, each server in one go. A fault is nothing there.
    async fn read(&self, names: Vec<(Shard, Vec<u8>)>) -> Vec<Bytes> {
        let mut found = vec![None; names.len()];
        let map = self.map();
        let mut places: Vec<usize> = (0..names.len()).collect();
        places.sort_by_key(|place| (owner(&map, names[*place].0), names[*place].0));
        let mut servers = places
            .chunk_by(|a, b| owner(&map, names[*a].0) == owner(&map, names[*b].0))
            .map(|places| (owner(&map, names[places[0]].0), plan(places, &names)));
        // One server is the common case, and needs no task.
        let first = servers.next();
        let mut tasks = JoinSet::new();
        for (place, (chunks, commands)) in servers {
            let Some(node) = place.and_then(|place| map.nodes.get(place)).cloned() else {
                self.counts.fault(&Fault::Nowhere);
                continue;
            };
            let ask = async move { (chunks, node.run_all(&commands).await) };
            tasks.spawn_on(ask, &self.runtime);
        }
        if let Some((place, (chunks, commands))) = first {
            let replies = match place.and_then(|place| map.nodes.get(place)) {
                Some(node) => node.run_all(&commands).await,
                None => Err(Fault::Nowhere),
            };
            self.spread(chunks, replies, &mut found);
        }
        while let Some(Ok((chunks, replies))) = tasks.join_next().await {
            self.spread(chunks, replies, &mut found);
        }
        found
    }

    /// Puts the values of each command where they belong.
    fn spread(
        &self,
        chunks: Vec<Vec<usize>>,
        replies: Result<Vec<Result<Value, Fault>>, Fault>,
        found: &mut [Bytes],
    ) {
        let Ok(replies) = self.note(replies) else { return };
        for (chunk, reply) in chunks.into_iter().zip(replies) {
            let values = reply.and_then(|reply| {
                let values = reply::list(reply).ok_or(Fault::Garbage)?;
                let values: Option<Vec<Bytes>> = values.into_iter().map(reply::bytes).collect();
                values.filter(|values| values.len() == chunk.len()).ok_or(Fault::Garbage)
            });
            let Ok(values) = self.note(values) else { continue };
            for (place, value) in chunk.into_iter().zip(values) {
                found[place] = value;
            }
        }
    }

    /// Counts what was stored, or was too long to be.
    pub(super) fn is_storable(&self, value: &[u8]) -> bool {
        let fits = value.len() <= self.settings.value_bytes_max;
        add(&self.counts.too_large, usize::from(!fits));
        fits
    }
}

fn owner(map: &Map, shard: Shard) -> Option<usize> {
    map.owners.get(usize::from(shard.0)).copied().flatten()
}

/// The commands that read the names at `places`: one for each shard, of bounded length.
fn plan(places: &[usize], names: &[(Shard, Vec<u8>)]) -> (Vec<Vec<usize>>, Pipeline) {
    let mut commands = redis::pipe();
    let mut chunks = Vec::new();
    for of_shard in places.chunk_by(|a, b| names[*a].0 == names[*b].0) {
        for chunk in of_shard.chunks(NAMES_AT_ONCE) {
            let command = commands.cmd("MGET");
            for place in chunk {
                command.arg(&names[*place].1);
            }
            chunks.push(chunk.to_vec());
        }
    }
    (chunks, commands)
}
