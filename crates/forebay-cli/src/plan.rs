//! What the arguments of `serve` come to: settings that are complete and checked. It reads the
//! token file and nothing else; it opens neither the database nor a port.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, bail};
use forebay::{Access, Builder, Synchronous};
use forebay_server::{Options, Token};

use crate::args::{DatabaseArgs, ServeArgs, SynchronousArg};
use crate::exit::Usage;
use crate::login::with_password;

/// A token file larger than this holds something else than a token.
const TOKEN_BYTES_MAX: u64 = 16 * 1024;

/// All that `serve` needs.
pub(crate) struct ServePlan {
    pub(crate) listen: SocketAddr,
    pub(crate) database: Builder,
    pub(crate) options: Options,
}

impl ServePlan {
    pub(crate) fn new(args: &ServeArgs) -> Result<ServePlan> {
        let listen = args.listen;
        if !listen.ip().is_loopback() && args.token_file.is_none() && !args.allow_anonymous {
            bail!(Usage(format!(
                "{listen} can be reached from other machines, and no token is required: anyone \
                 could read and write the database. Give --token-file PATH to require a token, \
                 listen on 127.0.0.1, or give --allow-anonymous if that is what you want"
            )));
        }
        let mut options = Options::default();
        args.limits.apply(&mut options);
        options.token = args.token_file.as_deref().map(read_token).transpose()?;
        options.allowed_hosts.clone_from(&args.allowed_hosts);
        options.allow_origins.clone_from(&args.allow_origins);
        options.validate().map_err(|error| Usage(error.to_string()))?;
        let url = with_password(&args.url)?;
        let database = database(&url, &args.database).access(Access::Remote);
        Ok(ServePlan { listen, database, options })
    }
}

/// The settings of the database; what was not given keeps the library's default.
fn database(url: &str, args: &DatabaseArgs) -> Builder {
    let mut builder = Builder::new(url).cache(args.cache).sole_writer(args.sole_writer);
    if args.read_only {
        builder = builder.read_only(true).create(false);
    }
    if let Some(count) = args.audit_one_in {
        builder = builder.audit_one_in(count);
    }
    if let Some(size) = args.cache_bytes {
        builder = builder.cache_bytes(size.0 as u64);
    }
    if let Some(level) = args.synchronous {
        builder = builder.synchronous(match level {
            SynchronousArg::Off => Synchronous::Off,
            SynchronousArg::Normal => Synchronous::Normal,
            SynchronousArg::Full => Synchronous::Full,
        });
    }
    if let Some(count) = args.readers_max {
        builder = builder.max_size(count.into());
    }
    if let Some(count) = args.sessions_max {
        builder = builder.max_sessions(count.into());
    }
    if let Some(time) = args.acquire_timeout {
        builder = builder.acquire_timeout(time.0);
    }
    if let Some(time) = args.transaction_idle_timeout {
        builder = builder.transaction_idle_timeout(time.0);
    }
    if let Some(time) = args.transaction_timeout {
        builder = builder.transaction_timeout(time.0);
    }
    builder
}

/// The token in a file, without white space around it.
fn read_token(path: &Path) -> Result<Token> {
    let name = path.display();
    let mut text = String::new();
    File::open(path)
        .and_then(|file| {
            warn_when_public(path, &file)?;
            file.take(TOKEN_BYTES_MAX + 1).read_to_string(&mut text)
        })
        .with_context(|| format!("cannot read the token file {name}"))?;
    if text.len() as u64 > TOKEN_BYTES_MAX {
        bail!("the token file {name} is larger than {TOKEN_BYTES_MAX} bytes: is it the right one?");
    }
    let token = text.trim();
    if token.is_empty() {
        bail!("the token file {name} is empty; put a long random token in it");
    }
    // A header could not carry any other character, so that no request would ever be let in.
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("the token in {name} has characters other than visible ASCII ones, or is not alone");
    }
    Ok(Token::new(token))
}

#[cfg(unix)]
fn warn_when_public(path: &Path, file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    if file.metadata()?.permissions().mode() & 0o004 != 0 {
        let path = path.display();
        tracing::warn!("every user of this machine can read {path}; `chmod 600 {path}` helps");
    }
    Ok(())
}

#[cfg(not(unix))]
fn warn_when_public(_path: &Path, _file: &File) -> std::io::Result<()> {
    Ok(())
}
