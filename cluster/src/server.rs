//! A cluster: one server with its data, from its start to the removal of its folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::account::Account;
use super::certificate::Certificate;
use super::conf::{self, OWNER, Place};
use super::port::Port;
use super::process::{Postmaster, signal};
use super::session::Session;
use super::settings::{Auth, Settings, Tls};
use super::version::{Version, installed};
use super::watchdog::Watchdog;
use super::{template, version};

/// How long a server may take to answer after its start; recovery after a kill takes its time.
const START_WAIT_MAX: Duration = Duration::from_secs(180);

/// How long a server may take to end.
const STOP_WAIT_MAX: Duration = Duration::from_secs(120);

const POLL: Duration = Duration::from_millis(5);

/// How often a start is tried with another port when somebody else was quicker.
const PORT_TRIES_MAX: u32 = 5;

/// How much of the server's log an error shows.
const LOG_LINES_MAX: usize = 30;

/// What every role that tests create should have as its password, as `postgres` has.
const PASSWORD: &str = "forebay-test";

/// How a server is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Ends all sessions, writes a checkpoint, ends.
    Fast,
    /// Ends at once; the next start recovers.
    Immediate,
}

/// A private server. Dropping it stops the server and removes all of its files; should this process
/// be killed, that happens within a second or two after.
///
/// All methods take `&self`, so that one thread can disturb a server that others work with. Its
/// port stays the same over restarts.
pub struct Cluster {
    version: Version,
    settings: Settings,
    /// Lines of postgresql.conf that came later.
    more: Mutex<Vec<String>>,
    /// The binaries, where the account of the server can reach them.
    bin: PathBuf,
    account: Account,
    folder: PathBuf,
    port: Port,
    certificate: Option<Certificate>,
    /// None while it is stopped.
    process: Mutex<Option<Postmaster>>,
    watchdog: Watchdog,
}

impl Cluster {
    /// Starts a server with a fresh data directory, and returns when it answers.
    pub fn start(settings: Settings) -> Result<Cluster> {
        let mut cluster = Cluster::prepare(settings)?;
        template::unfold(&cluster.version, &cluster.bin, cluster.account, &cluster.folder)?;
        cluster.open()?;
        if cluster.settings.auth != Auth::Trust {
            let password = conf::quote(PASSWORD);
            cluster.psql(&format!("ALTER ROLE {OWNER} PASSWORD {password}"))?;
        }
        Ok(cluster)
    }

    /// Everything but the data directory.
    pub(crate) fn prepare(settings: Settings) -> Result<Cluster> {
        let newest = || installed().last().cloned();
        let version = settings.version.clone().or_else(newest).with_context(|| {
            format!(
                "no PostgreSQL server is installed: run ./test, or set {}",
                version::BIN_VARIABLE
            )
        })?;
        let account = Account::choose()?;
        let port = Port::reserve()?;
        let folder =
            tempfile::Builder::new().prefix("forebay-").tempdir_in(template::temporary())?;
        let watchdog = Watchdog::over(folder.path())?;
        let mut cluster = Cluster {
            bin: version.bin().to_owned(),
            version,
            more: Mutex::default(),
            account,
            folder: folder.keep(),
            port,
            certificate: None,
            process: Mutex::default(),
            watchdog,
            settings,
        };
        account.own(&cluster.folder)?;
        cluster.bin = template::reachable(&cluster.version, account, &cluster.folder)?;
        if cluster.settings.tls != Tls::Off {
            cluster.certificate = Some(Certificate::make(&cluster.folder, account)?);
        }
        Ok(cluster)
    }

    /// Starts the prepared data directory, with another port if somebody took ours meanwhile.
    pub(crate) fn open(&mut self) -> Result<()> {
        for _ in 1..PORT_TRIES_MAX {
            match self.launch() {
                Err(_) if self.log().contains("could not bind") => {
                    self.port = Port::reserve()?;
                    fs::remove_file(self.folder.join("log"))?;
                }
                other => return other,
            }
        }
        self.launch()
    }

    /// The server's version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The folder of the cluster: `data`, `log`, the socket, and certificates.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The password of `postgres`, if clients have to prove who they are. Roles that tests create
    /// with it can use [`Cluster::url_for`].
    pub fn password(&self) -> Option<&'static str> {
        (self.settings.auth != Auth::Trust).then_some(PASSWORD)
    }

    /// The files of the certificate, if there is encryption.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// The database `postgres` as user `postgres`, over TCP.
    pub fn url(&self) -> String {
        self.url_for(OWNER, "postgres")
    }

    /// Any user and database, over TCP.
    pub fn url_for(&self, user: &str, database: &str) -> String {
        let password = self.password().map(|text| format!(":{text}")).unwrap_or_default();
        format!("postgres://{user}{password}@127.0.0.1:{}/{database}", self.port())
    }

    /// The database `postgres` as user `postgres`, over the Unix socket, which needs no password.
    pub fn socket_url(&self) -> String {
        let folder = self.folder.to_string_lossy();
        format!("postgres://{OWNER}@/postgres?host={folder}&port={}", self.port())
    }

    /// The process of the postmaster; none while it is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.process().as_ref().map(Postmaster::pid)
    }

    /// What the server has written to its log, since the first start.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Opens a session of user `postgres` in a database.
    pub fn session(&self, database: &str) -> Result<Session> {
        Session::open(&self.socket(), OWNER, database)
            .with_context(|| format!("no session on the server at port {}", self.port()))
    }

    /// Runs statements in the database `postgres`; what comes back looks as with `psql -At`.
    pub fn psql(&self, sql: &str) -> Result<String> {
        self.psql_in("postgres", sql)
    }

    /// As [`Cluster::psql`], in another database.
    pub fn psql_in(&self, database: &str, sql: &str) -> Result<String> {
        self.session(database)?.text(sql)
    }

    /// Creates a database without anything in it. The name is quoted by nobody.
    pub fn create_database(&self, name: &str) -> Result<()> {
        self.psql(&format!("CREATE DATABASE {name} TEMPLATE template0")).map(drop)
    }

    /// Adds a line to postgresql.conf and has it read again. What needs a restart has to be given
    /// one.
    pub fn configure(&self, line: &str) -> Result<()> {
        self.more.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
        self.write_settings()?;
        self.psql("SELECT pg_reload_conf()").map(drop)
    }

    /// Stops the server in order and starts it again; starts it if it was stopped or killed.
    pub fn restart(&self) -> Result<()> {
        self.stop(Stop::Fast)?;
        self.launch()
    }

    /// Stops the server and waits until it has ended. One that is stopped stays so.
    pub fn stop(&self, mode: Stop) -> Result<()> {
        let how = match mode {
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
        };
        let mut process = self.process();
        let Some(postmaster) = process.as_mut() else { return Ok(()) };
        if !postmaster.has_ended()? {
            signal(postmaster.pid(), how)?;
        }
        if !postmaster.ends_within(STOP_WAIT_MAX)? {
            bail!("the server has not ended within {STOP_WAIT_MAX:?}:\n{}", self.log_end());
        }
        *process = None;
        Ok(())
    }

    /// Kills the postmaster and all other processes of the server, as the loss of a machine would,
    /// and waits until they are gone. [`Cluster::restart`] recovers.
    pub fn kill(&self) -> Result<()> {
        self.process().take().map_or(Ok(()), Postmaster::kill)
    }

    /// Freezes all processes of the server: connections stay, nothing answers.
    pub fn freeze(&self) -> Result<()> {
        self.signal_all(Signal::STOP)
    }

    /// Ends what [`Cluster::freeze`] began.
    pub fn thaw(&self) -> Result<()> {
        self.signal_all(Signal::CONT)
    }

    /// Freezes one process, such as the server's for one session or for one standby.
    pub fn pause_process(&self, pid: u32) -> Result<()> {
        signal(pid, Signal::STOP)
    }

    /// Ends what [`Cluster::pause_process`] began.
    pub fn resume_process(&self, pid: u32) -> Result<()> {
        signal(pid, Signal::CONT)
    }

    pub(crate) fn account(&self) -> Account {
        self.account
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Adds a line that the next start reads.
    pub(crate) fn add(&mut self, line: String) {
        self.more.get_mut().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn signal_all(&self, what: Signal) -> Result<()> {
        let process = self.process();
        let family = process.as_ref().map(Postmaster::family).unwrap_or_default();
        family.into_iter().try_for_each(|pid| signal(pid, what))
    }

    fn launch(&self) -> Result<()> {
        self.write_settings()?;
        let mut postmaster = Postmaster::spawn(&self.bin, &self.folder, self.account)?;
        let ready = self.await_ready(&mut postmaster);
        if ready.is_err() {
            postmaster.kill()?;
        } else {
            *self.process() = Some(postmaster);
        }
        ready.with_context(|| format!("PostgreSQL does not start:\n{}", self.log_end()))
    }

    fn await_ready(&self, postmaster: &mut Postmaster) -> Result<()> {
        let start = Instant::now();
        loop {
            let Err(refused) = self.session("postgres") else { return Ok(()) };
            if postmaster.has_ended()? {
                bail!("the server has ended");
            }
            if start.elapsed() > START_WAIT_MAX {
                return Err(refused.context(format!("not ready within {START_WAIT_MAX:?}")));
            }
            std::thread::sleep(POLL);
        }
    }

    fn write_settings(&self) -> Result<()> {
        let place = Place { folder: &self.folder, port: self.port() };
        let more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        let files = [
            ("postgresql.conf", conf::settings(place, &self.settings, &more)),
            ("pg_hba.conf", conf::access(&self.settings)),
        ];
        for (name, text) in files {
            let path = self.folder.join("data").join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    fn socket(&self) -> PathBuf {
        self.folder.join(format!(".s.PGSQL.{}", self.port()))
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_MAX)..].join("\n")
    }

    fn process(&self) -> MutexGuard<'_, Option<Postmaster>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the server whatever state it is in.
    fn end(&self) -> Result<()> {
        // A process that is frozen hears nothing.
        self.thaw().and_then(|()| self.stop(Stop::Immediate)).or_else(|_| self.kill())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A test that has ended has nobody to tell; what remains shows in the temporary folder.
        let ended = self.end();
        let removed = fs::remove_dir_all(&self.folder);
        if ended.is_ok() && removed.is_ok() {
            self.watchdog.dismiss();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_that_others_took_is_given_up() {
        crate::for_each_version("port in use", |version| {
            let mut cluster = Cluster::prepare(Settings::on(version)).unwrap();
            let taken = cluster.port();
            let listener = TcpListener::bind(("127.0.0.1", taken)).unwrap();
            template::unfold(version, &cluster.bin, cluster.account, &cluster.folder).unwrap();
            assert!(cluster.launch().is_err());
            cluster.open().unwrap();
            assert_ne!(cluster.port(), taken);
            assert_eq!(cluster.psql("SHOW port").unwrap(), cluster.port().to_string());
            drop(listener);
        });
    }
}
