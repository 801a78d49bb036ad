//! Servers that follow another one: a copy of its data directory, taken while it works, that goes
//! on with its WAL. The copy is taken as the manual tells backup programs to, since `pg_basebackup`
//! is not there in every version.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::clone;
use super::conf::{OWNER, quote};
use super::server::Cluster;

/// How long a synchronous standby may take to be one.
const ATTACH_WAIT_MAX: Duration = Duration::from_secs(120);

/// How long a promotion may take, in seconds.
const PROMOTE_S_MAX: u32 = 60;

const POLL: Duration = Duration::from_millis(10);

/// Whether the primary waits for its standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// A commit does not wait for the standby.
    Asynchronously,
    /// A commit returns when the standby has it on its disk. Of several such the primary waits for
    /// the one that it was given last.
    Synchronously,
}

impl Cluster {
    /// Starts a hot standby of `primary` with the same settings, and returns when it answers reads.
    /// It has a replication slot there, called as its folder with `_` for `-`.
    pub fn standby_of(primary: &Cluster, follow: Follow) -> Result<Cluster> {
        let mut standby = Cluster::prepare(primary.settings().clone())?;
        let name = name(&standby)?;
        copy(primary, &standby, &name)?;
        let source = format!(
            "host={} port={} user={OWNER} application_name={name}",
            primary.folder().display(),
            primary.port()
        );
        standby.add(format!("primary_conninfo = {}", quote(&source)));
        standby.add(format!("primary_slot_name = {}", quote(&name)));
        standby.open()?;
        if follow == Follow::Synchronously {
            primary.configure(&format!("synchronous_standby_names = {}", quote(&name)))?;
            attach(primary, &name)?;
        }
        Ok(standby)
    }

    /// Makes a standby a server that writes.
    pub fn promote(&self) -> Result<()> {
        match self.psql(&format!("SELECT pg_promote(true, {PROMOTE_S_MAX})"))?.as_str() {
            "t" => Ok(()),
            _ => bail!("the standby was not promoted within {PROMOTE_S_MAX} seconds"),
        }
    }
}

fn name(standby: &Cluster) -> Result<String> {
    let name = standby.folder().file_name().context("a folder has a name")?;
    let lower = name.to_string_lossy().to_lowercase();
    Ok(lower.replace(|c: char| !c.is_ascii_alphanumeric(), "_"))
}

fn copy(primary: &Cluster, standby: &Cluster, slot: &str) -> Result<()> {
    let mut session = primary.session("postgres")?;
    // The slot keeps the WAL from now on, so that none has to be copied.
    session.query(&format!("SELECT pg_create_physical_replication_slot('{slot}', true)"))?;
    let is_old = primary.version().major < 15;
    session.query(if is_old {
        "SELECT pg_start_backup('standby', true, false)"
    } else {
        "SELECT pg_backup_start('standby', true)"
    })?;
    let data = standby.folder().join("data");
    clone::folder(&primary.folder().join("data"), &data, standby.account(), &is_wanted)?;
    let label = session.text(if is_old {
        "SELECT labelfile FROM pg_stop_backup(false, false)"
    } else {
        "SELECT labelfile FROM pg_backup_stop(false)"
    })?;
    for (file, text) in [("backup_label", label.as_str()), ("standby.signal", "")] {
        fs::write(data.join(file), text)?;
        standby.account().own(&data.join(file))?;
    }
    Ok(())
}

/// What of a running server's data directory belongs into a copy: not what it holds for its own
/// processes, its slots, nor the WAL.
fn is_wanted(path: &Path) -> bool {
    const EMPTIED: [&str; 8] = [
        "pg_wal",
        "pg_replslot",
        "pg_dynshmem",
        "pg_notify",
        "pg_serial",
        "pg_snapshots",
        "pg_stat_tmp",
        "pg_subtrans",
    ];
    const LEFT_OUT: [&str; 4] =
        ["postmaster.pid", "postmaster.opts", "pg_internal.init", "backup_manifest"];
    let is_in = |folder: &&str| path.starts_with(folder) && path != Path::new(folder);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !EMPTIED.iter().any(is_in)
        && !LEFT_OUT.contains(&name.as_ref())
        && !name.starts_with("pgsql_tmp")
}

fn attach(primary: &Cluster, name: &str) -> Result<()> {
    let start = Instant::now();
    let state =
        format!("SELECT sync_state FROM pg_stat_replication WHERE application_name = '{name}'");
    while primary.psql(&state)? != "sync" {
        if start.elapsed() > ATTACH_WAIT_MAX {
            bail!("the standby is not synchronous after {ATTACH_WAIT_MAX:?}:\n{}", primary.log());
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}
