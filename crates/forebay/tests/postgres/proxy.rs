//! A proxy between the library and its server. Of the connections through it the one that streams
//! can be made late or silent, and all can be cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

/// What is on its way of one connection at most, in pieces.
const PIECES_MAX: usize = 1024;

pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

struct Shared {
    target: AtomicU16,
    delay_ms: AtomicU64,
    is_stalled: watch::Sender<bool>,
    cuts: watch::Sender<u64>,
}

impl Proxy {
    /// A proxy to a port of this machine.
    pub(crate) async fn to(target: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            target: AtomicU16::new(target),
            delay_ms: AtomicU64::new(0),
            is_stalled: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
        });
        let accepted = shared.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = accepted.clone();
                tokio::spawn(async move {
                    let mut cuts = shared.cuts.subscribe();
                    tokio::select! {
                        _ = carry(client, shared.clone()) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Proxy { port, shared, accepting: accepting.abort_handle() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Cuts all connections; later ones go there.
    pub(crate) fn point_to(&self, target: u16) {
        self.shared.target.store(target, SeqCst);
        self.cut();
    }

    /// Cuts all connections.
    pub(crate) fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// What the server streams comes so late.
    pub(crate) fn delay(&self, delay: Duration) {
        let ms = u64::try_from(delay.as_millis()).unwrap();
        self.shared.delay_ms.store(ms, SeqCst);
    }

    /// Nothing comes of what the server streams.
    pub(crate) fn stall(&self, is_stalled: bool) {
        self.shared.is_stalled.send_replace(is_stalled);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn carry(mut client: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", shared.target.load(SeqCst))).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let length = client.read_u32().await?;
    let mut startup = vec![0; usize::try_from(length).unwrap().saturating_sub(4)];
    client.read_exact(&mut startup).await?;
    server.write_u32(length).await?;
    server.write_all(&startup).await?;
    let streams = startup.windows(11).any(|window| window == b"replication");
    if !streams {
        tokio::io::copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    let (mut from_server, mut to_server) = server.into_split();
    let (mut from_client, mut to_client) = client.into_split();
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES_MAX);
    let read = async move {
        loop {
            let mut piece = vec![0; 65_536];
            let length = from_server.read(&mut piece).await.unwrap_or(0);
            piece.truncate(length);
            if length == 0 || sender.send((Instant::now(), piece)).await.is_err() {
                return;
            }
        }
    };
    let write = async {
        let mut is_stalled = shared.is_stalled.subscribe();
        while let Some((at, piece)) = pieces.recv().await {
            let delay = Duration::from_millis(shared.delay_ms.load(SeqCst));
            tokio::time::sleep_until((at + delay).into()).await;
            is_stalled.wait_for(|is_stalled| !is_stalled).await.unwrap();
            if to_client.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    let back = async { drop(tokio::io::copy(&mut from_client, &mut to_server).await) };
    tokio::select! {
        ((), ()) = async { tokio::join!(read, write) } => {}
        () = back => {}
    }
    Ok(())
}
