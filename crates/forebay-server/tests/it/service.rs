//! A service of its own for each test, with its file and its port.

use std::net::SocketAddr;
use std::path::PathBuf;

use forebay::{Access, Builder, Db};
use forebay_server::Options;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Client, Reply};

pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) db: Db,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    done: JoinHandle<forebay_server::Result<()>>,
}

impl Service {
    pub(crate) async fn start() -> Service {
        Service::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Service {
        Service::built(|builder| builder, change).await
    }

    pub(crate) async fn built(
        build: impl FnOnce(Builder) -> Builder,
        change: impl FnOnce(&mut Options),
    ) -> Service {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let db = build(Builder::new(url).access(Access::Remote)).open().await.unwrap();
        let mut options = Options::default();
        change(&mut options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let done = tokio::spawn(forebay_server::run(db.clone(), options, listener, shutdown));
        Service { address, db, folder, stop: Some(stop), done }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    /// Another handle on the same file, past the service.
    pub(crate) async fn beside(&self) -> Db {
        forebay::open(format!("sqlite:{}", self.path().display())).await.unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// One request on a connection of its own.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.client().await.post(path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.client().await.get(path).await
    }

    /// One plain query that must succeed.
    pub(crate) async fn query(&self, sql: &str) -> Value {
        let reply = self.post("/v1/query", &serde_json::json!({ "sql": sql })).await;
        assert_eq!(reply.status, 200, "{sql}: {}", reply.text());
        reply.json()
    }

    /// Tells the service to stop.
    pub(crate) fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    /// Waits for its end; the file stays for as long as the folder is held.
    pub(crate) async fn ended(self) -> TempDir {
        self.done.await.unwrap().unwrap();
        self.folder
    }
}
