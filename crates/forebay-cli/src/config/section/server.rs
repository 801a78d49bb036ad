//! Where the service listens, and who may use it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::config::choice::Algorithm;
use crate::config::setting::section;
use crate::quantity::Time;

section! {
    /// Where the service listens, and who may use it.
    struct Server {
        /// The address to listen on; port 0 takes a free one.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8_432)), flag "listen";
        /// Do not listen there, only with TLS or on sockets of the file system.
        no_listen: bool = false, flag "no-listen";
        /// Require the bearer token in this file with every request but GET /health.
        token_file: Option<PathBuf> = None, flag "token-file";
        /// Let whoever shows the bearer token in this file change things in the admin API under
        /// /api/v1/admin; without it nothing can be changed there.
        admin_token_file: Option<PathBuf> = None, flag "admin-token-file";
        /// Let whoever shows the bearer token in this file look at the admin API.
        reader_token_file: Option<PathBuf> = None, flag "reader-token-file";
        /// Let anyone who reaches the address read and write the database: allows an address that
        /// is not loopback without a token.
        allow_anonymous: bool = false, flag "allow-anonymous";
        /// Names that the Host header may carry. Without any: loopback names on a loopback address,
        /// any name elsewhere.
        allow_hosts: Vec<String> = Vec::new(), flag "allow-host";
        /// Web origins whose pages may send requests, as in `https://app.example.com`.
        allow_origins: Vec<String> = Vec::new(), flag "allow-origin";
    }
}

section! {
    /// Signed tokens for the admin API: JWT with exp, iss, aud and a role, reader or admin.
    struct Jwt {
        /// The file with the key: the secret itself for HS256, a public key in PEM for the others.
        /// Without it no signed token is accepted.
        key_file: Option<PathBuf> = None;
        /// How tokens are signed.
        algorithm: Algorithm = Algorithm::EdDsa;
        /// Who signs: what `iss` has to be.
        issuer: Option<String> = None;
        /// For whom: what `aud` has to be or have.
        audience: String = "forebay".to_owned();
        /// The claim that has the role, or a list of roles.
        role_claim: Option<String> = None;
        /// How far the clocks of whoever signs and of this machine may differ.
        leeway: Time = Time(Duration::from_secs(60)),
            in Duration::ZERO..=Duration::from_secs(3_600);
    }
}
