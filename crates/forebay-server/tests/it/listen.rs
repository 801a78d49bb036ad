//! Where the service listens: TLS, sockets of the file system, and several places at once.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use forebay::{Access, Builder};
use forebay_server::{Listener, Options, Tls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    folder: TempDir,
    stop: oneshot::Sender<()>,
    done: JoinHandle<forebay_server::Result<()>>,
}

impl Running {
    async fn start(listeners: Vec<Listener>, change: impl FnOnce(&mut Options)) -> Running {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let db = Builder::new(url).access(Access::Remote).open().await.unwrap();
        let mut options = Options::default();
        change(&mut options);
        let (stop, stopped) = oneshot::channel::<()>();
        let done = tokio::spawn(forebay_server::serve(db, options, listeners, stopped));
        Running { folder, stop, done }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.done.await.unwrap().unwrap();
        drop(self.folder);
    }
}

async fn tcp() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Asks over a connection of any kind, and gives what is answered until it is closed.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str, host: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let _ = tokio::time::timeout(PATIENCE, read).await.expect("it is answered and closed");
    String::from_utf8(bytes).unwrap()
}

fn assert_answers(text: &str, status: u16) {
    assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
}

/// A certificate for `localhost` with its key, both in PEM, under these names; `None`, and said,
/// where openssl is missing.
#[allow(clippy::print_stdout, reason = "a test that skips must say so")]
fn certificate(folder: &Path, name: &str) -> Option<(PathBuf, PathBuf)> {
    let paths = [".crt", ".key"].map(|ending| folder.join(format!("{name}{ending}")));
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let made = Command::new("openssl")
        .args(format!("req -x509 -days 30 -subj /CN=localhost {key}").split(' '))
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-out")
        .arg(&paths[0])
        .arg("-keyout")
        .arg(&paths[1])
        .output();
    let Ok(made) = made else {
        println!("skipped: openssl, which makes certificates, is missing");
        return None;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let [certificate, key] = paths;
    Some((certificate, key))
}

/// Connects as a client that trusts this certificate alone, and would rather speak HTTP/2.
async fn connect(
    address: SocketAddr,
    certificate: &Path,
) -> Result<TlsStream<TcpStream>, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

#[tokio::test]
async fn one_service_listens_in_several_places() {
    let folder = tempfile::tempdir().unwrap();
    let Some((certificate, key)) = certificate(folder.path(), "one") else { return };
    let tls = Tls::load(&certificate, &key).unwrap();
    let ((plain, plain_address), (secure, secure_address)) = (tcp().await, tcp().await);
    let listeners = vec![Listener::tcp(plain), Listener::tls(secure, &tls)];
    let shown: Vec<_> = listeners.iter().map(Listener::shown).collect();
    assert_eq!(shown, [format!("http://{plain_address}"), format!("https://{secure_address}")]);
    let running = Running::start(listeners, |options| {
        options.header_read_timeout = Duration::from_millis(500);
    })
    .await;
    for _ in 0..3 {
        let stream = TcpStream::connect(plain_address).await.unwrap();
        assert_answers(&ask(stream, "/health/ready", "localhost").await, 200);
        let stream = connect(secure_address, &certificate).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_answers(&ask(stream, "/health/ready", "localhost").await, 200);
    }
    // TLS changes nothing of who is let in.
    let stream = connect(secure_address, &certificate).await.unwrap();
    assert_answers(&ask(stream, "/health", "evil.example").await, 403);
    // Who speaks no TLS gets no HTTP, who says nothing is closed, and a stranger is not trusted.
    let stream = TcpStream::connect(secure_address).await.unwrap();
    assert!(!ask(stream, "/health", "localhost").await.contains("HTTP/1.1"));
    let mut silent = TcpStream::connect(secure_address).await.unwrap();
    let mut bytes = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, silent.read_to_end(&mut bytes)).await;
    assert!(closed.is_ok() && bytes.is_empty());
    let (other, _) = self::certificate(folder.path(), "other").unwrap();
    assert!(connect(secure_address, &other).await.is_err());
    running.stop().await;
    assert!(TcpStream::connect(plain_address).await.is_err());
    assert!(TcpStream::connect(secure_address).await.is_err());
}

#[tokio::test]
async fn a_new_certificate_takes_effect_and_a_broken_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let Some((old, old_key)) = certificate(folder.path(), "old") else { return };
    let (new, new_key) = certificate(folder.path(), "new").unwrap();
    let (live, live_key) = (folder.path().join("live.crt"), folder.path().join("live.key"));
    fs::copy(&old, &live).unwrap();
    fs::copy(&old_key, &live_key).unwrap();
    let tls = Tls::load(&live, &live_key).unwrap();
    assert!(!tls.reload().unwrap(), "nothing has changed");
    let (secure, address) = tcp().await;
    let running = Running::start(vec![Listener::tls(secure, &tls)], |options| {
        options.tls_reload_every = Duration::from_millis(20);
    })
    .await;
    let open = connect(address, &old).await.unwrap();
    // First one file, then the other: between the two they do not belong together.
    fs::copy(&new, &live).unwrap();
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(200) {
        connect(address, &old).await.expect("the old one is in force");
    }
    fs::copy(&new_key, &live_key).unwrap();
    while connect(address, &new).await.is_err() {
        assert!(started.elapsed() < PATIENCE, "the new certificate is not in force");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(connect(address, &old).await.is_err());
    assert_answers(&ask(open, "/health/live", "localhost").await, 200);
    fs::write(&live, "nothing").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    connect(address, &new).await.expect("the last good one stays in force");
    running.stop().await;
}

#[tokio::test]
async fn an_error_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let Some((good, good_key)) = certificate(folder.path(), "good") else { return };
    let (_, other_key) = certificate(folder.path(), "other").unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let empty = file("empty.pem", "");
    let broken = file("broken.pem", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n");
    let nonsense =
        file("nonsense.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let locked = file(
        "locked.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let large = file("large.pem", &"x".repeat(2 << 20));
    let missing = folder.path().join("missing.pem");
    for (certificate, key, says) in [
        (&missing, &good_key, "missing.pem cannot be read"),
        (&good, &missing, "missing.pem cannot be read"),
        (&empty, &good_key, "empty.pem has no certificate"),
        (&good_key, &good_key, "good.key has no certificate"),
        (&broken, &good_key, "broken.pem is not PEM"),
        (&nonsense, &good_key, "nonsense.pem"),
        (&large, &good_key, "large.pem is larger than"),
        (&good, &empty, "empty.pem has no private key"),
        (&good, &good, "good.crt has no private key"),
        (&good, &locked, "locked.key has no private key"),
        (&good, &other_key, "other.key is not that of the first certificate in"),
    ] {
        let error = Tls::load(certificate, key).unwrap_err();
        assert!(error.is_tls() && error.to_string().contains(says), "{says}: {error}");
        assert!(!error.to_string().contains("BEGIN PRIVATE"), "{error}");
    }
}

#[tokio::test]
async fn nowhere_to_listen_is_an_error() {
    let db = forebay::open("sqlite::memory:").await.unwrap();
    let never = std::future::pending::<()>();
    let error = forebay_server::serve(db, Options::default(), Vec::new(), never).await;
    assert!(error.unwrap_err().is_options());
}

#[cfg(unix)]
mod file {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    use tokio::net::UnixStream;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[tokio::test]
    async fn a_socket_has_its_mode_and_is_gone_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forebay.sock");
        for wanted in [0o600, 0o660, 0o666] {
            let listener = Listener::unix(&path, wanted).unwrap();
            assert_eq!(mode(&path), wanted);
            assert_eq!(listener.shown(), format!("unix:{}", path.display()));
            let running = Running::start(vec![listener], |_| {}).await;
            for path_asked in ["/health/ready", "/health/detailed"] {
                let stream = UnixStream::connect(&path).await.unwrap();
                // Whoever opens the file is on this machine, and may look.
                assert_answers(&ask(stream, path_asked, "localhost").await, 200);
            }
            // No web page can open a file, so any name will do, as a proxy in front may pass it.
            let stream = UnixStream::connect(&path).await.unwrap();
            assert_answers(&ask(stream, "/health/ready", "db.example.com").await, 200);
            let stream = UnixStream::connect(&path).await.unwrap();
            assert_answers(&ask(stream, "/health/detailed", "db.example.com").await, 401);
            running.stop().await;
            assert!(!path.exists());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    }

    #[tokio::test]
    async fn only_what_nobody_listens_on_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forebay.sock");
        let refused = |says: &str| {
            let error = Listener::unix(&path, 0o660).unwrap_err();
            assert!(error.is_listener() && error.to_string().contains(says), "{error}");
        };
        // A process that was killed leaves its file behind.
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let first = Listener::unix(&path, 0o660).unwrap();
        refused("is in use");
        // A socket that another one has taken the place of is not removed with its listener.
        fs::remove_file(&path).unwrap();
        let second = Listener::unix(&path, 0o660).unwrap();
        drop(first);
        assert!(path.exists());
        UnixStream::connect(&path).await.unwrap();
        drop(second);
        assert!(!path.exists());
        fs::write(&path, "a file").unwrap();
        refused("is no socket");
        assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
        let error = Listener::unix(folder.path().join("no/such/folder"), 0o660).unwrap_err();
        assert!(error.to_string().contains("cannot listen on"), "{error}");
        let long = folder.path().join("x".repeat(200));
        assert!(Listener::unix(long, 0o660).unwrap_err().is_listener());
    }
}
