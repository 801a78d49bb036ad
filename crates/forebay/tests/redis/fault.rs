//! Servers that are killed, frozen, full, or no Redis at all.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cluster::{RedisServer, RedisSettings};
use forebay::Redis;

use crate::place::{MINUTE, is_installed, patient, server, tier, until};

/// Everything there is, on a server that does not answer as it should. Nothing fails but what has
/// to be acknowledged, and all of it ends.
async fn check_all_miss(redis: &Redis) {
    assert_eq!(redis.get(b"a").await, None);
    assert_eq!(redis.get_many(&[b"a", b"b"]).await, [None, None]);
    assert_eq!(redis.get_with(b"a", &[b"t"]).await, (None, vec![None]));
    assert!(!redis.set(b"a", b"1", MINUTE).await);
    assert!(!redis.touch(b"a", MINUTE).await);
    assert!(!redis.contains(b"a").await);
    assert!(redis.lease(b"a", MINUTE).await.is_none());
    assert_eq!(redis.versions(&[b"t"]).await, None);
    assert_eq!(redis.increment(b"n", 1, MINUTE).await, None);
    let rate = forebay::RedisRate::new(1, MINUTE).unwrap();
    assert_eq!(redis.limit(b"r", rate, 1).await, None);
    assert!(redis.remove(b"a").await.unwrap_err().is_outcome_unknown());
    assert!(redis.raise(&[b"t"]).await.unwrap_err().is_outcome_unknown());
    assert!(redis.remove_matching(b"*").await.unwrap_err().is_outcome_unknown());
    assert!(redis.clear().await.unwrap_err().is_outcome_unknown());
    assert!(redis.stats().last_fault.is_some());
}

/// Stores the value, as soon as that can be done again.
async fn store(redis: &Redis, value: &[u8]) {
    let start = Instant::now();
    while !redis.set(b"a", value, MINUTE).await {
        assert!(start.elapsed() < MINUTE, "{:?}", redis.stats());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_costs_little() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let redis = Redis::connect(format!("redis://:hidden@{free}")).await.unwrap();
    check_all_miss(&redis).await;
    // With the breaker open nothing is sent.
    let start = Instant::now();
    for _ in 0..1_000 {
        redis.get(b"a").await;
    }
    let stats = redis.stats();
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(stats.left_alone > 500 && stats.opened > 0 && !stats.is_up, "{stats:?}");
    assert!(!format!("{redis:?}{stats:?}").contains("hidden"));
}

#[tokio::test]
async fn a_server_that_comes_later_is_found() {
    let Some(mut server) = server() else { return };
    server.kill().unwrap();
    let redis =
        patient(server.url()).breaker(3, Duration::from_millis(20)).connect().await.unwrap();
    check_all_miss(&redis).await;
    server.restart().unwrap();
    until("it hears", || redis.stats().is_hearing).await;
    store(&redis, b"1").await;
    assert_eq!(redis.get(b"a").await.unwrap(), b"1");
    assert!(redis.stats().is_up);
}

#[tokio::test]
async fn a_restart_is_survived() {
    let Some(mut server) = server() else { return };
    let redis = tier(&server).await;
    redis.set(b"a", b"1", MINUTE).await;
    for _ in 0..3 {
        server.restart().unwrap();
        until("it hears", || redis.stats().is_hearing).await;
        assert_eq!(redis.get(b"a").await, None, "this server keeps nothing");
        assert!(redis.set(b"a", b"1", MINUTE).await);
        assert!(redis.remove(b"a").await.unwrap());
    }
}

#[tokio::test]
async fn a_frozen_server_costs_a_bounded_time() {
    let Some(server) = server() else { return };
    let limit = Duration::from_millis(50);
    let builder = Redis::builder(server.url()).namespace("app").timeout(limit);
    let redis = builder.breaker(3, Duration::from_secs(1)).connect().await.unwrap();
    until("it hears", || redis.stats().is_hearing).await;
    server.freeze().unwrap();
    let start = Instant::now();
    check_all_miss(&redis).await;
    for _ in 0..2_000 {
        assert_eq!(redis.get(b"a").await, None);
    }
    // Some fourteen calls, most of which the breaker holds back.
    assert!(start.elapsed() < 40 * limit, "{:?}", start.elapsed());
    assert!(redis.stats().slow >= 3, "{:?}", redis.stats());
    server.thaw().unwrap();
    store(&redis, b"1").await;
    assert_eq!(redis.get(b"a").await.unwrap(), b"1");
}

/// Callers that give up leave the connection as it was for the others.
#[tokio::test]
async fn calls_that_are_given_up_disturb_nobody() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    for number in 0..300_u32 {
        let key = number.to_be_bytes();
        let storing = redis.set(&key, &key, MINUTE);
        let _ = tokio::time::timeout(Duration::from_micros(u64::from(number)), storing).await;
        assert!(redis.set(&key, &key, MINUTE).await);
        assert_eq!(redis.get(&key).await.unwrap(), key);
    }
}

#[tokio::test]
async fn a_full_server_still_reads_and_removes() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    assert!(redis.set(b"a", b"1", MINUTE).await);
    redis.raise(&[b"t"]).await.unwrap();
    let numbers = redis.versions(&[b"t"]).await.unwrap();
    server.talk(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    assert!(!redis.set(b"b", b"1", MINUTE).await);
    assert!(redis.lease(b"b", MINUTE).await.is_none());
    assert_eq!(redis.get(b"a").await.unwrap(), b"1");
    // The roll is renewed all the same.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    until("it hears", || redis.stats().is_hearing).await;
    let ticket = redis.ticket(b"a", &[b"t"]).unwrap();
    redis.raise(&[b"t"]).await.unwrap();
    assert!(!ticket.is_true());
    assert_ne!(redis.get_with(b"a", &[b"t"]).await.1, [Some(numbers[0])]);
    assert!(redis.remove(b"a").await.unwrap());
    assert_eq!(redis.get(b"a").await, None);
    assert!(redis.stats().is_up, "{:?}", redis.stats());
    assert!(redis.stats().last_fault.unwrap().contains("maxmemory"));
}

#[tokio::test]
async fn a_replica_is_read_only() {
    let Some(master) = server() else { return };
    let follow = ("replicaof", format!("127.0.0.1 {}", master.port()));
    let settings = RedisSettings { options: vec![follow], ..RedisSettings::default() };
    let replica = RedisServer::with(settings).unwrap();
    master.talk(&["SET", "app:w:{0}va", "1"]).unwrap();
    until("it follows", || replica.talk(&["GET", "app:w:{0}va"]).unwrap() == "1").await;
    let redis = patient(replica.url()).connect().await.unwrap();
    assert_eq!(redis.get(b"a").await.unwrap(), b"1");
    assert!(!redis.set(b"a", b"2", MINUTE).await);
    assert!(redis.remove(b"a").await.unwrap_err().is_outcome_unknown());
    assert!(redis.ticket(b"a", &[]).is_none(), "nobody waits for who reads a replica");
    assert_eq!(redis.get(b"a").await.unwrap(), b"1");
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_shown() {
    if !is_installed() {
        return;
    }
    let options = vec![("requirepass", "right".to_owned())];
    let settings = RedisSettings { options, ..RedisSettings::default() };
    let server = RedisServer::with(settings).unwrap();
    let url = |login: &str| format!("redis://{login}127.0.0.1:{}", server.port());
    for login in ["", ":hidden@", "hidden:hidden@"] {
        let redis = patient(url(login)).connect().await.unwrap();
        check_all_miss(&redis).await;
        let shown = format!("{:?}{:?}", redis, redis.stats());
        assert!(shown.contains("login") && !shown.contains("hidden"), "{shown}");
        let error = redis.remove(b"a").await.unwrap_err();
        assert!(!format!("{error}{error:?}").contains("hidden"));
    }
    let redis = patient(url(":right@")).connect().await.unwrap();
    until("it hears", || redis.stats().is_hearing).await;
    assert!(redis.set(b"a", b"1", MINUTE).await);
}

#[tokio::test]
async fn a_server_that_is_loading_is_a_miss() {
    if !is_installed() {
        return;
    }
    // Loading takes 20 ms for each key.
    let options = vec![("key-load-delay", "20000".to_owned())];
    let settings = RedisSettings { options, durable: true, ..RedisSettings::default() };
    let mut server = RedisServer::with(settings).unwrap();
    for number in 0..100 {
        server.talk(&["SET", &format!("app:w:{{0}}v{number}"), "1"]).unwrap();
    }
    server.restart().unwrap();
    let builder = patient(server.url()).breaker(3, Duration::from_millis(20));
    let redis = builder.connect().await.unwrap();
    if server.talk(&["PING"]).is_err() {
        assert_eq!(redis.get(b"1").await, None);
        assert!(redis.stats().last_fault.unwrap().contains("LOADING"));
    }
    until("it hears", || redis.stats().is_hearing).await;
    let start = Instant::now();
    while redis.get(b"1").await.is_none() {
        assert!(start.elapsed() < MINUTE, "{:?}", redis.stats());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A script that does not end: the server answers BUSY.
#[tokio::test]
async fn a_busy_server_is_a_miss() {
    if !is_installed() {
        return;
    }
    let options = vec![("busy-reply-threshold", "1".to_owned())];
    let settings = RedisSettings { options, ..RedisSettings::default() };
    let server = RedisServer::with(settings).unwrap();
    let redis = tier(&server).await;
    redis.set(b"a", b"1", MINUTE).await;
    let port = server.port();
    let stuck = std::thread::spawn(move || {
        let endless = "while true do end";
        cluster::talk(port, &["EVAL", endless, "0"]).is_err()
    });
    until("it is busy", || server.talk(&["PING"]).is_err()).await;
    assert_eq!(redis.get(b"a").await, None);
    assert!(redis.remove(b"a").await.is_err());
    server.talk(&["SCRIPT", "KILL"]).unwrap();
    assert!(stuck.join().unwrap());
    let start = Instant::now();
    while redis.get(b"a").await.is_none() {
        assert!(start.elapsed() < MINUTE, "{:?}", redis.stats());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What it says to everything; `None` closes the connection instead.
pub(crate) fn liar(says: Option<&'static [u8]>) -> (u16, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let count = Arc::clone(&count);
            std::thread::spawn(move || {
                let mut bytes = [0; 4_096];
                while stream.read(&mut bytes).is_ok_and(|length| length > 0) {
                    count.fetch_add(1, Ordering::Relaxed);
                    let Some(says) = says else { return };
                    if stream.write_all(says).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, heard)
}

#[tokio::test]
async fn garbage_is_a_miss() {
    let texts: [Option<&'static [u8]>; 14] = [
        None,
        Some(b""),
        Some(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        Some(b"\x00\xff\xfe\x80\r\n\r\n"),
        Some(b"+OK\r\n"),
        Some(b"$-5\r\n"),
        Some(b"$2147483647\r\nabc"),
        Some(b"*2147483647\r\n"),
        Some(b"*-7\r\n"),
        Some(b"%1\r\n+a\r\n"),
        Some(b">2\r\n$10\r\ninvalidate\r\n*1\r\n:7\r\n+OK\r\n"),
        Some(b"-\r\n"),
        Some(b"-MOVED x y\r\n"),
        Some(b":99999999999999999999999\r\n"),
    ];
    for text in texts {
        let (port, heard) = liar(text);
        let limit = Duration::from_millis(100);
        let builder = Redis::builder(format!("redis://127.0.0.1:{port}")).timeout(limit);
        let redis = builder.breaker(50, limit).connect().await.unwrap();
        let shown = text.map(|text| text.escape_ascii().to_string());
        assert_eq!(redis.get(b"a").await, None, "{shown:?}");
        assert!(redis.remove(b"a").await.is_err(), "{shown:?}");
        assert!(redis.clear().await.is_err(), "{shown:?}");
        assert!(redis.ticket(b"a", &[]).is_none(), "{shown:?}");
        assert!(heard.load(Ordering::Relaxed) > 0, "{shown:?}");
    }
}

/// Real replies until it is told otherwise, then replies with a byte that is not theirs.
#[tokio::test]
async fn garbage_on_a_good_connection_is_survived() {
    let Some(server) = server() else { return };
    let wire = Arc::new(Mutex::new(Wire::Passes));
    let port = proxy(server.port(), Arc::clone(&wire));
    let redis = patient(format!("redis://127.0.0.1:{port}"))
        .timeout(Duration::from_millis(300))
        .breaker(100, Duration::from_millis(10))
        .connect()
        .await
        .unwrap();
    until("it hears", || redis.stats().is_hearing).await;
    for byte in [b'$', b'*', b'>', b'x', 0, 255, b'\n'] {
        // The one connection may be good again before the other one.
        store(&redis, b"the value").await;
        let ticket = redis.ticket(b"a", &[]);
        *wire.lock().unwrap() = Wire::Puts(byte);
        let found = redis.get(b"a").await;
        assert!(found.is_none() || found.as_deref() == Some(b"the value"), "{found:?}");
        if redis.remove(b"a").await.is_ok() {
            assert!(!ticket.is_some_and(|ticket| ticket.is_true()));
        }
        *wire.lock().unwrap() = Wire::Passes;
        until("it hears again", || redis.stats().is_hearing).await;
    }
}

/// What becomes of what goes over the connections of a proxy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Passes,
    /// This byte comes before each piece of the server's.
    Puts(u8),
    /// Nothing arrives in either direction, until it passes again.
    Holds,
}

/// Stands between a tier and its server.
pub(crate) fn proxy(to: u16, wire: Arc<Mutex<Wire>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(client) = client else { return };
            let Ok(server) = std::net::TcpStream::connect(("127.0.0.1", to)) else { return };
            let (from_client, to_server) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            let (there, back) = (Arc::clone(&wire), Arc::clone(&wire));
            std::thread::spawn(move || pass(from_client, to_server, &there, false));
            std::thread::spawn(move || pass(server, client, &back, true));
        }
    });
    port
}

fn pass(
    mut from: std::net::TcpStream,
    mut to: std::net::TcpStream,
    wire: &Mutex<Wire>,
    is_back: bool,
) {
    let mut bytes = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        let mut now = *wire.lock().unwrap();
        while now == Wire::Holds {
            std::thread::sleep(Duration::from_millis(1));
            now = *wire.lock().unwrap();
        }
        let is_wrong = match now {
            Wire::Puts(byte) if is_back => to.write_all(&[byte]).is_err(),
            _ => false,
        };
        if is_wrong || to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
    let _ = from.shutdown(std::net::Shutdown::Both);
}
