//! A certificate for one server and the authority that signed it, made by the openssl command.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::account::Account;

/// Files in PEM. The server's certificate is for `localhost` and 127.0.0.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The authority, for clients that verify.
    pub authority: PathBuf,
    /// The server's certificate.
    pub server: PathBuf,
    /// The server's private key.
    pub key: PathBuf,
}

impl Certificate {
    /// Makes all of it in `folder`; the key belongs to the account of the server.
    pub(crate) fn make(folder: &Path, account: Account) -> Result<Certificate> {
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let authority =
            ["-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=forebay test authority"];
        let is_authority = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
        let own = ["req", "-x509", "-days", "3650"];
        openssl(folder, &[&own[..], &key, &authority, &is_authority].concat())?;
        let server = ["-keyout", "server.key", "-out", "server.crt", "-subj", "/CN=localhost"];
        let signed = ["-CA", "ca.crt", "-CAkey", "ca.key"];
        let names = [
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ];
        openssl(folder, &[&own[..], &key, &server, &signed, &names].concat())?;
        let certificate = Certificate {
            authority: folder.join("ca.crt"),
            server: folder.join("server.crt"),
            key: folder.join("server.key"),
        };
        fs::set_permissions(&certificate.key, fs::Permissions::from_mode(0o600))?;
        account.own(&certificate.key)?;
        account.own(&certificate.server)?;
        Ok(certificate)
    }
}

fn openssl(folder: &Path, args: &[&str]) -> Result<()> {
    let output = Command::new("openssl")
        .args(args)
        .current_dir(folder)
        .output()
        .context("cannot run openssl, which makes the certificates: install it")?;
    if !output.status.success() {
        bail!("openssl failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
