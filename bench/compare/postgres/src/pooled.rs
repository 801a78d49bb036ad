//! 200 clients with short transactions, on ten connections to the server: Forebay's pool beside
//! PgBouncer in transaction mode, to which each client has a connection of its own, and beside
//! deadpool-postgres. Each transaction is one UPDATE of one row.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::types::Type;

use crate::contender::Contender;
use crate::measure::{Heat, Round};
use crate::place::{CONNECTIONS, Fault, Place};

pub const CLIENTS: usize = 200;

/// Rows that are written; few transactions wait for each other.
const KEYS: usize = 20_000;

const WRITE: &str = "UPDATE users SET age = age + 1 WHERE id = $1";

/// A PgBouncer of one's own, which ends with this.
pub struct Bouncer {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Bouncer {
    /// `None` where it is not installed.
    pub fn start(place: &Place) -> Result<Option<Bouncer>, Fault> {
        let Some(program) = program() else { return Ok(None) };
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let users = folder.path().join("users.txt");
        std::fs::write(&users, "\"postgres\" \"\"\n")?;
        let config = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\n\
             pool_mode = transaction\ndefault_pool_size = {CONNECTIONS}\nmax_client_conn = 1000\n\
             logfile = {}\nlog_connections = 0\nlog_disconnections = 0\n",
            place.port(),
            users.display(),
            folder.path().join("log").display(),
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new(program);
        command.arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // It refuses to run as root; whoever it is then has to be able to read its files.
        if std::fs::metadata("/proc/self")?.uid() == 0 {
            std::fs::set_permissions(folder.path(), Permissions::from_mode(0o777))?;
            command.args(["-u", "nobody"]);
        }
        Ok(Some(Bouncer { process: command.spawn()?, port, _folder: folder }))
    }

    async fn client(&self, place: &Place) -> Result<tokio_postgres::Client, Fault> {
        let url = place.url_at(self.port);
        let began = Instant::now();
        loop {
            match tokio_postgres::connect(&url, tokio_postgres::NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return Ok(client);
                }
                Err(error) if began.elapsed() > Duration::from_secs(10) => {
                    return Err(format!("PgBouncer does not answer: {error}").into());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

fn program() -> Option<&'static str> {
    ["pgbouncer", "/usr/sbin/pgbouncer"].into_iter().find(|name| {
        let mut command = Command::new(name);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// Clients of PgBouncer, each of which takes one in turn.
#[derive(Clone)]
pub struct Bounced {
    clients: Arc<Vec<tokio_postgres::Client>>,
    next: Arc<AtomicUsize>,
}

impl Bounced {
    pub async fn new(bouncer: &Bouncer, place: &Place) -> Result<Bounced, Fault> {
        let mut clients = Vec::with_capacity(CLIENTS);
        for _ in 0..CLIENTS {
            clients.push(bouncer.client(place).await?);
        }
        Ok(Bounced { clients: Arc::new(clients), next: Arc::default() })
    }
}

/// What a client does over and over.
pub trait Writer: Clone + Send + Sync + 'static {
    fn write(&self, client: usize, id: i32) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The number of a client that nobody else has in this round.
    fn client(&self) -> usize {
        0
    }
}

/// Those that have a pool of their own.
#[derive(Clone)]
pub struct Pooled<C>(pub C);

impl<C: Contender> Writer for Pooled<C> {
    async fn write(&self, _client: usize, id: i32) -> Result<(), Fault> {
        self.0.write(id).await
    }
}

impl Writer for Bounced {
    /// Without a statement that is prepared beforehand: in transaction mode older versions forget
    /// it between two transactions.
    async fn write(&self, client: usize, id: i32) -> Result<(), Fault> {
        self.clients[client].query_typed(WRITE, &[(&id, Type::INT4)]).await?;
        Ok(())
    }

    fn client(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) % CLIENTS
    }
}

pub fn heat<W: Writer>(name: &'static str, writer: &W) -> Heat {
    let writer = writer.clone();
    let run = move |operations: usize| -> std::pin::Pin<
        Box<dyn Future<Output = Result<Round, Fault>> + Send>,
    > { Box::pin(all(writer.clone(), operations)) };
    Heat { name, run: Box::new(run), tasks: CLIENTS }
}

async fn all<W: Writer>(writer: W, operations: usize) -> Result<Round, Fault> {
    let share = operations / CLIENTS;
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (writer, own) = (writer.clone(), writer.client());
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(client as u64);
                for _ in 0..share {
                    writer.write(own, random.usize(1..=KEYS) as i32).await?;
                }
                Ok::<(), Fault>(())
            })
        })
        .collect();
    for client in clients {
        client.await??;
    }
    Ok(Round { nanos: began.elapsed().as_nanos() as f64 / operations as f64, p99_nanos: None })
}
