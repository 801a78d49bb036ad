//! One server per version for all tests of a process, since a server each is slow. A static is
//! never dropped: the watchdog stops these when the process ends.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

use super::server::Cluster;
use super::settings::Settings;
use super::version::Version;

/// The server of this version that the tests of this process share, by default settings. Tests that
/// stop it, or change what belongs to all of its databases, start one of their own.
pub fn shared(version: &Version) -> Result<Arc<Cluster>> {
    static SHARED: Mutex<BTreeMap<PathBuf, Arc<Cluster>>> = Mutex::new(BTreeMap::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cluster) = shared.get(version.bin()) {
        return Ok(Arc::clone(cluster));
    }
    let cluster = Arc::new(Cluster::start(Settings::on(version))?);
    shared.insert(version.bin().to_owned(), Arc::clone(&cluster));
    Ok(cluster)
}
