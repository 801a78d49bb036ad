//! Who serves which shards: the address itself, what a Sentinel says, or what a server of the
//! Cluster says. Each question has a connection of its own, which is closed behind it.

use std::time::Duration;

use redis::{Client, Cmd, Value};
use tokio::time::timeout;

use super::address::{Host, Layout};
use super::fault::Fault;
use super::name::Shard;
use super::node::{checked, config};
use super::reply;
use super::shared::Shared;

/// How long one server may take to say who serves what.
const ASK_MAX: Duration = Duration::from_secs(1);

/// By server, the shards that it serves.
pub(super) type Found = Vec<(Host, Vec<Shard>)>;

/// Finds out who serves what; the first that can say so is believed.
pub(super) async fn seek(shared: &Shared) -> Result<Found, Fault> {
    let all: Vec<Shard> = shared.names.shards().collect();
    match &shared.address.layout {
        Layout::Single => {
            Ok(shared.address.hosts.iter().take(1).map(|one| (one.clone(), all.clone())).collect())
        }
        Layout::Sentinel(master) => master_of(shared, master).await.map(|host| vec![(host, all)]),
        Layout::Cluster => cluster(shared).await,
    }
}

async fn master_of(shared: &Shared, master: &str) -> Result<Host, Fault> {
    let mut last = Fault::Nowhere;
    let mut command = redis::cmd("SENTINEL");
    command.arg("get-master-addr-by-name").arg(master);
    for host in &shared.address.hosts {
        let client = shared.address.sentinel(host).map_err(|_| Fault::Nowhere)?;
        match ask(client, &command).await.map(read_master) {
            Ok(Some(host)) => return Ok(host),
            Ok(None) => last = Fault::Refused("the Sentinels know no such master".to_owned()),
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

fn read_master(reply: Value) -> Option<Host> {
    let mut parts = reply::list(reply)?.into_iter();
    let host = reply::text(parts.next()?)?;
    Some(Host::Tcp(host, reply::number(parts.next()?)?))
}

/// Those who served before are asked first: the ones in the URL may be gone.
async fn cluster(shared: &Shared) -> Result<Found, Fault> {
    let map = shared.map();
    let known = map.nodes.iter().map(|node| &node.host);
    let mut last = Fault::Nowhere;
    let mut command = redis::cmd("CLUSTER");
    command.arg("SLOTS");
    for host in known.chain(&shared.address.hosts) {
        let client = shared.address.client(host).map_err(|_| Fault::Nowhere)?;
        match ask(client, &command).await {
            Ok(reply) => match reply::slots(reply) {
                Some(slots) if !slots.is_empty() => return Ok(divide(shared, host, &slots)),
                _ => last = Fault::NotReady("CLUSTERDOWN"),
            },
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

/// Each shard to the server of its slot. A server that does not know its own host is where it was
/// asked.
fn divide(shared: &Shared, asked: &Host, slots: &[(u16, u16, String, u16)]) -> Found {
    let mut found = Found::new();
    for shard in shared.names.shards() {
        let slot = shared.names.slot(shard);
        let owner = slots.iter().find(|(first, last, _, _)| (*first..=*last).contains(&slot));
        let Some((_, _, host, port)) = owner else { continue };
        let host = match (host.as_str(), asked) {
            ("" | "?", Host::Tcp(asked, _)) => Host::Tcp(asked.clone(), *port),
            _ => Host::Tcp(host.clone(), *port),
        };
        match found.iter_mut().find(|(one, _)| *one == host) {
            Some((_, shards)) => shards.push(shard),
            None => found.push((host, vec![shard])),
        }
    }
    found
}

async fn ask(client: Client, command: &Cmd) -> Result<Value, Fault> {
    let asking = async {
        let config = config();
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        checked(connection.send_packed_command(command).await?)
    };
    timeout(ASK_MAX, asking).await.unwrap_or(Err(Fault::Slow))
}
