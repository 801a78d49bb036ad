//! Devices that refuse, and other processes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::child;
use super::scene::{HOUR, Scene};
use crate::error::Error;

fn check_child(role: &str, path: &Path, limit: &str) {
    let output = child::command(role, path, limit).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let is_good = text.lines().any(|line| line.ends_with("good"));
    assert!(output.status.success() && is_good, "{role}: {text}");
}

#[test]
fn a_full_disk_loses_values_and_is_used_again_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    // In blocks of 512 bytes, or of 1,024: both are less than the bound.
    check_child("full", &folder.path().join("cache"), "trap '' XFSZ; ulimit -S -f 400;");
}

#[test]
fn a_cache_on_a_full_disk_fails_nobody_and_serves_nothing_old() {
    let folder = tempfile::tempdir().unwrap();
    check_child("cache", &folder.path().join("cache"), "trap '' XFSZ; ulimit -S -f 400;");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_turns_the_tier_off_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    check_child("off", &path, "trap '' XFSZ; ulimit -S -f 0;");
    let disk = child::builder(&path).open().await.unwrap();
    disk.set(b"before", vec![1], HOUR);
    assert!(disk.close().await);
    check_child("off", &path, "trap '' XFSZ; ulimit -S -f 0;");
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_is_no_error() {
    // Where nobody may create files, not even root.
    let path = Path::new("/sys/forebay-disk-test/cache");
    let disk = child::builder(path).open().await.unwrap();
    assert_eq!(disk.health().word(), "off");
    disk.set(b"key", vec![1], HOUR);
    assert_eq!(disk.get(b"key").await, None);
    assert!(disk.stats().faults > 0);
    assert!(!disk.close().await);
}

#[tokio::test]
async fn a_second_process_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    let mut process = child::command("hold", &path, "").spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("open")));
    let error = child::builder(&path).open().await.unwrap_err();
    assert!(error.is_busy() && error.to_string().contains("another process"), "{error}");
    drop(process.stdin.take());
    assert!(process.wait().unwrap().success());
    let disk = child::builder(&path).open().await.unwrap();
    let error = child::builder(&path).open().await.unwrap_err();
    assert!(error.is_busy(), "the same process: {error}");
    assert!(disk.close().await);
}

#[tokio::test]
async fn the_file_is_for_this_user_alone() {
    let scene = Scene::new();
    let path = scene.folder.path().join("a/b/cache");
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    let disk = scene.builder_at(path.clone()).open().await.unwrap();
    assert_eq!(mode(), 0o600);
    assert!(disk.close().await);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let disk = scene.builder_at(path.clone()).open().await.unwrap();
    assert_eq!(mode(), 0o600, "rights that were given away are taken back");
    assert!(disk.close().await);
}

#[tokio::test]
async fn a_path_that_cannot_be_a_file_is_refused() {
    let scene = Scene::new();
    let check = async |path: &Path| {
        let error = scene.builder_at(path.to_owned()).open().await.unwrap_err();
        assert!(Error::is_open(&error), "{error}");
    };
    check(scene.folder.path()).await;
    check(Path::new("/dev/null")).await;
    fs::write(scene.path(), b"").unwrap();
    check(&scene.path().join("below a file")).await;
}
