//! What is looked at, by how it was named.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use forebay::Db;

use super::client::Client;
use super::reading::Reading;
use super::{saved, server, service};
use crate::exit::Usage;
use crate::login::with_password;

/// What every SQLite database begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Where looks come from.
pub(super) enum Source {
    Service(Box<Client>),
    /// A server, and the connection to it once it is there.
    Server {
        url: String,
        db: Option<Db>,
    },
    Saved(PathBuf),
}

impl Source {
    /// Opens nothing yet; what cannot be looked at is refused.
    pub(super) fn new(target: &str, token: Option<&str>) -> Result<Source> {
        let (scheme, _) = target.split_once("://").unwrap_or_default();
        match scheme {
            "http" => Ok(Source::Service(Box::new(Client::new(target, token)?))),
            "https" => bail!(Usage(
                "TLS is not spoken here: ask for the service's own address over http, on its \
                 machine or through a tunnel"
                    .to_owned()
            )),
            "postgres" | "postgresql" => {
                Ok(Source::Server { url: with_password(target)?, db: None })
            }
            _ => file(target),
        }
    }

    pub(super) async fn look(&mut self) -> Result<Reading> {
        match self {
            Source::Service(client) => service::look(client).await,
            Source::Server { url, db } => {
                let opened = match db.take() {
                    Some(opened) => opened,
                    None => server::open(url).await?,
                };
                server::look(db.insert(opened)).await
            }
            Source::Saved(path) => {
                let path = path.clone();
                let looked = tokio::task::spawn_blocking(move || saved::look(&path)).await;
                looked.context("the file was not read to its end")?
            }
        }
    }

    pub(super) async fn close(self) {
        if let Source::Server { db: Some(db), .. } = self {
            db.close().await;
        }
    }
}

/// A file of statistics. A database keeps none of its statements, so that there would be nothing
/// true to show.
fn file(target: &str) -> Result<Source> {
    let path = target.strip_prefix("sqlite:").unwrap_or(target);
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(16).read_to_end(&mut start));
    read.with_context(|| format!("cannot read {path}"))?;
    if start == SQLITE || start.is_empty() || target.starts_with("sqlite:") {
        return Err(anyhow!(Usage(format!(
            "{path} is an SQLite database, which counts no statements: look at the service in \
             front of it (forebay serve {path}, then forebay top http://127.0.0.1:8432), or at \
             the statistics_file of the application that uses it"
        ))));
    }
    Ok(Source::Saved(PathBuf::from(path)))
}
