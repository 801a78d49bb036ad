//! What tests run in a process of its own: a filter of this binary, told by its environment what
//! to do. It is not a test.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::scene::{HOUR, value};
use crate::keyed::Cache;
use crate::tier::disk::{Disk, DiskBuilder};

const ROLE: &str = "FOREBAY_DISK_ROLE";
const PATH: &str = "FOREBAY_DISK_PATH";

/// The command that plays `role` on the file at `path`. With `limit`, a line of shell comes first.
pub(super) fn command(role: &str, path: &Path, limit: &str) -> Command {
    let this = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{limit} exec \"$0\" \"$@\"")).arg(this);
    command.args(["--exact", "tier::disk::tests::child::play", "--ignored", "--nocapture"]);
    command.env(ROLE, role).env(PATH, path).stdout(Stdio::piped()).stdin(Stdio::piped());
    command
}

pub(super) fn builder(path: &Path) -> DiskBuilder {
    Disk::builder(path).bytes_max(1024 * 1024).value_bytes_max(100_000)
}

#[tokio::test]
#[ignore = "other tests start it as a process"]
async fn play() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let path = PathBuf::from(std::env::var_os(PATH).unwrap());
    match role.as_str() {
        "write" => write(&path).await,
        "hold" => hold(&path).await,
        "full" => full(&path).await,
        "off" => off(&path).await,
        "cache" => cache(&path).await,
        other => panic!("no role {other}"),
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// Sets and removes until it is killed, and says what it is about to set and what is removed.
async fn write(path: &Path) {
    let disk = builder(path).open().await.unwrap();
    let mut random = fastrand::Rng::new();
    let mut version = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
    say("open");
    loop {
        version += 1;
        let key = format!("key {}", random.u32(..20));
        match random.u32(..100) {
            0..65 => {
                say(&format!("set {version} {key}"));
                let value = value(key.as_bytes(), version, random.usize(..20_000));
                disk.set(key.as_bytes(), value, HOUR);
            }
            65..85 => {
                assert!(disk.remove(key.as_bytes()).await);
                say(&format!("removed {version} {key}"));
            }
            85..94 => drop(disk.get(key.as_bytes()).await),
            94..97 => {
                let end = key.as_bytes()[key.len() - 1];
                assert!(disk.remove_matching(move |key| key.last() == Some(&end)).await);
                say(&format!("ended {version} {key}"));
            }
            97..98 => {
                assert!(disk.clear().await);
                say(&format!("cleared {version} all"));
            }
            _ => assert!(disk.flush().await),
        }
    }
}

/// Holds the file until its input ends.
async fn hold(path: &Path) {
    let disk = builder(path).open().await.unwrap();
    say("open");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    assert!(disk.close().await);
}

/// Files may not grow beyond a fifth of the bound.
async fn full(path: &Path) {
    let disk = builder(path).open().await.unwrap();
    disk.set(b"early", vec![1; 500], HOUR);
    assert!(disk.flush().await);
    for key in 0..500u32 {
        disk.set(&key.to_le_bytes(), value(b"x", key.into(), 3_000), HOUR);
        if disk.health().is_working() {
            disk.flush().await;
        }
    }
    assert_eq!(disk.health().word(), "failing");
    assert!(disk.health().to_string().contains("raise the limit"), "{}", disk.health());
    let stats = disk.stats();
    assert!(stats.faults > 0 && stats.dropped + stats.queued > 0, "{stats:?}");
    assert_eq!(disk.get(b"early").await, Some(vec![1; 500]), "what is there is still read");
    assert!(disk.remove(b"early").await, "what is there can be removed");
    assert_eq!(disk.get(b"early").await, None);

    unlimited();
    until(|| disk.stats().queued == 0 && disk.health().is_working()).await;
    disk.set(b"late", vec![2; 500], HOUR);
    assert!(disk.flush().await);
    assert!(disk.close().await);
    let disk = builder(path).open().await.unwrap();
    assert_eq!(disk.get(b"late").await, Some(vec![2; 500]));
    assert_eq!(disk.get(b"early").await, None);
    assert_eq!(disk.stats().damaged, 0);
    say("good");
}

/// Not a byte may be written at first.
async fn off(path: &Path) {
    let disk = builder(path).open().await.unwrap();
    assert_eq!(disk.health().word(), "off");
    disk.set(b"key", vec![1], HOUR);
    assert_eq!(disk.get(b"key").await, None);
    assert!(!disk.remove(b"key").await, "nothing can be said of the file");
    assert!(!disk.flush().await);
    unlimited();
    until(|| disk.health().is_working()).await;
    assert_eq!(disk.get(b"before").await, None, "what was there before may have been removed");
    disk.set(b"key", vec![2], HOUR);
    assert!(disk.flush().await);
    assert_eq!(disk.get(b"key").await, Some(vec![2]));
    say("good");
}

/// A cache whose disk is full: nobody is told of it, and nothing that was replaced comes up.
async fn cache(path: &Path) {
    let disk = builder(path).open().await.unwrap();
    // Memory has room for nothing.
    let cache = Cache::builder("app").max_bytes(1).disk(disk.clone()).build().unwrap();
    let bytes = |key: u64, round: u64| value(&key.to_le_bytes(), round, 3_000);
    for round in 0..2 {
        for key in 0..200 {
            cache.set(key.to_string(), bytes(key, round)).await;
            if key % 10 == 0 && disk.health().is_working() {
                disk.flush().await;
            }
        }
        for key in 0..200 {
            let name = key.to_string();
            if let Some(found) = cache.get::<Vec<u8>>(&name).await {
                assert!(*found == bytes(key, round), "what was replaced comes up");
            }
            let load = move || async move { Ok::<_, std::io::Error>(bytes(key, round)) };
            assert!(*cache.get_or_load(&name, load).await.unwrap() == bytes(key, round));
        }
    }
    assert!(disk.stats().faults > 0 && !disk.health().is_working(), "{:?}", disk.stats());
    cache.set("9", bytes(9, 7)).await;
    cache.delete("9").await.expect("a removal needs no room");
    assert!(cache.get::<Vec<u8>>("9").await.is_none());
    unlimited();
    until(|| disk.stats().queued == 0 && disk.health().is_working()).await;
    cache.set("9", bytes(9, 8)).await;
    assert!(disk.flush().await);
    assert!(*cache.get::<Vec<u8>>("9").await.unwrap() == bytes(9, 8));
    say("good");
}

fn unlimited() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, rustix::process::Rlimit { current: limit.maximum, ..limit })
        .unwrap();
}

/// Waits until the writer has tried again.
async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come to pass");
}
