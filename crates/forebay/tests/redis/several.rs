//! Sentinels, Clusters and TLS.

use cluster::{RedisCluster, RedisServer, RedisSettings, Sentinel};
use forebay::{Cache, Redis};

use crate::place::{MINUTE, is_installed, patient, until};

async fn hearing(url: String) -> Redis {
    let redis = patient(url).connect().await.unwrap();
    until("it hears", || redis.stats().is_hearing).await;
    redis
}

#[tokio::test]
async fn a_failover_is_followed() {
    if !is_installed() {
        return;
    }
    let mut servers = Sentinel::start().unwrap();
    let redis = hearing(servers.url()).await;
    assert!(redis.set(b"a", b"1", MINUTE).await);
    let ticket = redis.ticket(b"a", &[]).unwrap();
    let first = servers.master().unwrap();
    assert_eq!(first, servers.servers[0].port());
    servers.servers[0].kill().unwrap();
    until("the loss is noticed", || !ticket.is_true()).await;
    let second = servers.servers[1].port();
    until("the replica is the master", || servers.master().is_ok_and(|one| one == second)).await;
    until("it hears the other one", || redis.stats().is_hearing).await;
    assert!(redis.set(b"b", b"2", MINUTE).await);
    assert_eq!(servers.servers[1].talk(&["GET", "app:w:{0}vb"]).unwrap(), "2");
    redis.remove(b"b").await.unwrap();
    assert_eq!(redis.get(b"b").await, None);
    assert!(!ticket.is_true());
    check_caches(redis, hearing(servers.url()).await).await;
}

#[tokio::test]
async fn a_cluster_shares_the_keys() {
    if !is_installed() {
        return;
    }
    let servers = RedisCluster::start(3).unwrap();
    let (here, there) = (hearing(servers.url()).await, hearing(servers.url()).await);
    assert_eq!(here.stats().servers, 3);
    let keys: Vec<String> = (0..400).map(|number| format!("k{{{number}")).collect();
    let keys: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
    for key in &keys {
        assert!(here.set(key, key, MINUTE).await);
    }
    for master in &servers.masters {
        let count: u32 = master.talk(&["DBSIZE"]).unwrap().parse().unwrap();
        assert!(count > 50, "{count} keys at one of three");
    }
    let found = there.get_many(&keys).await;
    assert!(found.iter().zip(&keys).all(|(value, key)| value.as_deref() == Some(*key)));
    let tags: [&[u8]; 5] = [b"a", b"b", b"c", b"d", b"e"];
    let before = here.versions(&tags).await.unwrap();
    let (value, numbers) = there.get_with(keys[7], &tags).await;
    assert_eq!(value.as_deref(), Some(keys[7]));
    assert_eq!(numbers, before.iter().copied().map(Some).collect::<Vec<_>>());

    for key in keys.iter().take(50) {
        until("it hears", || here.ticket(key, &[]).is_some()).await;
        let ticket = here.ticket(key, &[]).unwrap();
        assert!(there.remove(key).await.unwrap());
        assert!(!ticket.is_true());
        assert_eq!(here.get(key).await, None);
    }
    let ticket = here.ticket(b"x", &tags).unwrap();
    there.raise(&tags).await.unwrap();
    assert!(!ticket.is_true());
    let after = here.versions(&tags).await.unwrap();
    assert!(before.iter().zip(&after).all(|(old, new)| new > old));
    assert_eq!(there.remove_matching(b"k{1*").await.unwrap(), 100, "those from 100 to 199");
    assert_eq!(here.clear().await.unwrap(), 250);
    assert_eq!(there.increment(b"n", 2, MINUTE).await, Some(2));
    let lease = there.lease(b"l", MINUTE).await.unwrap();
    assert!(lease.fill(b"1", MINUTE).await);
    check_caches(here, there).await;
}

/// Two caches that share a tier, each as in a process of its own: what one does the other sees.
async fn check_caches(here: Redis, there: Redis) {
    let of = |redis: Redis| Cache::builder("app").redis(redis).build().unwrap();
    let (here, there) = (of(here), of(there));
    let keys: Vec<String> = (0..100).map(|number| format!("page:{number}")).collect();
    let load = |missing: Vec<String>| async move {
        let pairs = missing.into_iter().map(|key| (key.clone(), key));
        Ok::<_, std::io::Error>(pairs.collect::<Vec<_>>())
    };
    assert_eq!(here.get_or_load_many(&keys, load).await.unwrap().len(), 100);
    let found = there.get_many::<String>(&keys).await;
    assert!(found.iter().zip(&keys).all(|(value, key)| value.as_deref() == Some(key)));
    for number in 0..20 {
        let (key, tag) = (format!("tagged:{number}"), format!("tag:{number}"));
        here.entry(&key).tag(&tag).try_set(number).await.unwrap();
        assert_eq!(there.get::<u32>(&key).await.as_deref(), Some(&number));
        there.delete_by_tag(&tag).await.unwrap();
        assert_eq!(here.get::<u32>(&key).await, None);
    }
    assert_eq!(there.increment("visits", 2).await.unwrap(), 2);
    assert_eq!(here.increment("visits", 3).await.unwrap(), 5);
    assert!(there.delete("page:0").await.unwrap());
    assert_eq!(here.get::<String>("page:0").await, None);
    assert_eq!(here.delete_pattern("page:1*").await.unwrap(), 11);
    assert_eq!(there.get_many::<String>(&keys).await.into_iter().flatten().count(), 88);
    there.clear().await.unwrap();
    assert!(here.get_many::<String>(&keys).await.iter().all(Option::is_none));
    let load = || async { Ok::<_, std::io::Error>(7_u32) };
    assert_eq!(*here.get_or_load("loaded", load).await.unwrap(), 7);
    assert!(there.touch("loaded").await && there.contains("loaded").await);
    for cache in [&here, &there] {
        assert_eq!(cache.stats().redis.unwrap().unacknowledged, 0);
    }
}

/// What the guide gives a user is enough, and the server refuses nothing that is asked for.
#[tokio::test]
async fn the_rights_that_the_guide_names_are_enough() {
    if !is_installed() {
        return;
    }
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/redis.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let rights = guide.split("```text\nuser ").nth(1).unwrap().split("```").next().unwrap();
    let server = RedisServer::start().unwrap();
    let info = server.talk(&["INFO", "server"]).unwrap();
    let version = info.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap();
    let mut parts = version.split('.').map(|part| part.trim().parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap(), parts.next().unwrap());
    let mut rights = rights.replace("shop:", "app:");
    if version < (7, 0) {
        rights = rights.replace("client|tracking", "client").replace("cluster|slots", "cluster");
    }
    if version >= (7, 2) {
        rights += " +client|setinfo";
    }
    let words: Vec<&str> = rights.split_whitespace().collect();
    assert_eq!(server.talk(&[&["ACL", "SETUSER"], &words[..]].concat()).unwrap(), "OK");
    let url = format!("redis://forebay:secret@127.0.0.1:{}", server.port());
    let (here, there) = (hearing(url.clone()).await, hearing(url.clone()).await);
    let rate = forebay::RedisRate::new(1, MINUTE).unwrap();
    assert!(here.limit(b"r", rate, 1).await.is_some());
    assert!(here.touch(b"none", MINUTE).await || !here.contains(b"none").await);
    check_caches(here.clone(), there).await;
    assert_eq!(here.stats().refused, 0, "{:?}", here.stats());
    assert_eq!(server.talk(&["ACL", "LOG"]).unwrap(), "", "refused by the server");

    // Without one of them it is told which state that is.
    if version >= (7, 0) {
        server.talk(&["ACL", "SETUSER", "forebay", "-client|tracking"]).unwrap();
        let deaf = patient(url).connect().await.unwrap();
        until("it is refused", || deaf.stats().refused > 0).await;
        assert_eq!(deaf.health().word(), "deaf");
        assert!(deaf.health().why().unwrap().contains("NOPERM"), "{}", deaf.health());
        let cache = Cache::builder("app").redis(deaf).build().unwrap();
        let load = || async { Ok::<_, std::io::Error>(7_u32) };
        assert_eq!(*cache.get_or_load("loaded", load).await.unwrap(), 7);
    }
}

#[tokio::test]
async fn a_slot_that_moves_is_followed() {
    if !is_installed() {
        return;
    }
    let servers = RedisCluster::start(2).unwrap();
    let (here, there) = (hearing(servers.url()).await, hearing(servers.url()).await);
    // The slot of the shard in which the key lies: its name has the tag in braces.
    here.set(b"a", b"1", MINUTE).await;
    let owner = |master: &RedisServer| master.talk(&["KEYS", "app:w:*va"]).unwrap();
    let from = servers.masters.iter().position(|master| !owner(master).is_empty()).unwrap();
    let name = owner(&servers.masters[from]);
    let slot = servers.masters[from].talk(&["CLUSTER", "KEYSLOT", &name]).unwrap();
    let ticket = here.ticket(b"a", &[]).unwrap();
    servers.move_slot(slot.parse().unwrap(), from, 1 - from).unwrap();
    assert_eq!(owner(&servers.masters[1 - from]), name);
    // The first call is told, and asks again.
    assert!(there.set(b"a", b"2", MINUTE).await);
    assert_eq!(owner(&servers.masters[from]), "");
    assert_eq!(there.get(b"a").await.unwrap(), b"2");
    assert_eq!(here.get(b"a").await.unwrap(), b"2");
    assert!(!ticket.is_true());
    until("both hear", || here.stats().is_hearing && there.stats().is_hearing).await;
    let ticket = here.ticket(b"a", &[]).unwrap();
    assert!(there.remove(b"a").await.unwrap());
    assert!(!ticket.is_true(), "the new server is heard");
}

#[tokio::test]
async fn a_master_that_is_gone_costs_its_keys_only() {
    if !is_installed() {
        return;
    }
    let mut servers = RedisCluster::start(2).unwrap();
    for master in &servers.masters {
        master.talk(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]).unwrap();
    }
    let redis = hearing(servers.url()).await;
    let keys: Vec<String> = (0..100).map(|number| format!("k{number}")).collect();
    let keys: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
    for key in &keys {
        redis.set(key, key, MINUTE).await;
    }
    servers.masters[0].kill().unwrap();
    until("the loss is noticed", || !redis.stats().is_hearing).await;
    let found = redis.get_many(&keys).await.into_iter().flatten().count();
    assert!((10..90).contains(&found), "{found} of 100");
    assert!(redis.ticket(b"a", &[]).is_none());
}

#[tokio::test]
async fn tls_is_verified() {
    if !is_installed() {
        return;
    }
    let settings = RedisSettings { tls: true, ..RedisSettings::default() };
    let server = RedisServer::with(settings).unwrap();
    let builder = patient(server.url()).certificate_authority(server.authority().unwrap());
    let redis = builder.connect().await.unwrap();
    until("it hears", || redis.stats().is_hearing).await;
    assert!(redis.set(b"a", &[7; 100_000], MINUTE).await);
    assert_eq!(redis.get(b"a").await, Some(vec![7; 100_000]));
    redis.remove(b"a").await.unwrap();
    let again = patient(server.url()).certificate_authority(server.authority().unwrap());
    let again = again.connect().await.unwrap();
    until("it hears", || again.stats().is_hearing).await;
    check_caches(redis, again).await;

    let stranger = patient(server.url()).connect().await.unwrap();
    assert!(!stranger.set(b"a", b"1", MINUTE).await, "the system does not know its authority");
    assert!(!stranger.stats().is_hearing);
}
