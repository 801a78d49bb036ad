//! A folder with a file of the tier in it, and small bounds.

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::{Calendar, Clock};
use crate::tier::disk::{Disk, DiskBuilder};

pub(super) const HOUR: Duration = Duration::from_secs(3_600);

/// The time at which every test begins.
const BEGIN_MS: u64 = 1_800_000_000_000;

pub(super) struct Scene {
    pub(super) folder: tempfile::TempDir,
    pub(super) clock: Clock,
    calendar: Calendar,
}

impl Scene {
    pub(super) fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual();
        let calendar = Calendar::starting(clock.clone(), BEGIN_MS);
        Scene { folder, clock, calendar }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub(super) fn builder(&self) -> DiskBuilder {
        self.builder_at(self.path())
    }

    /// Small enough that tests go round the file.
    pub(super) fn builder_at(&self, path: PathBuf) -> DiskBuilder {
        let mut builder = Disk::builder(path).bytes_max(1024 * 1024).value_bytes_max(100_000);
        builder.calendar = self.calendar.clone();
        builder
    }

    pub(super) async fn open(&self) -> Disk {
        self.builder().open().await.unwrap()
    }
}

/// A value that says whose it is, and differs from every other in all of its bytes' places.
pub(super) fn value(key: &[u8], version: u64, bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(version.wrapping_mul(31) + key.len() as u64);
    let mut value = format!("{}|{version}|", String::from_utf8_lossy(key)).into_bytes();
    // Half of it can be compressed.
    let noise = bytes.saturating_sub(value.len());
    value.extend((0..noise).map(|at| if at % 2 == 0 { random.u8(..) } else { 7 }));
    value.extend(std::iter::repeat_n(9, noise / 2));
    value
}

/// The version of a value, if it is one of `key` and whole.
pub(super) fn version(key: &[u8], found: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(found);
    let mut parts = text.split('|');
    assert_eq!(parts.next().unwrap().as_bytes(), key, "a value of another key");
    parts.next().unwrap().parse().unwrap()
}
