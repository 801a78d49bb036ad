//! Under which key a request counts. It asks the application first; who is nobody there counts by
//! address.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use sha2::{Digest as _, Sha256};
use smallvec::SmallVec;

use super::address::Proxies;
use crate::guard::KEY_BYTES_MAX;
use crate::http::Asked;

/// Bytes of a key.
pub(super) type Key = SmallVec<[u8; 32]>;

/// A function of the application that says who asks.
pub(super) type By = dyn Fn(&Asked<'_>) -> Option<String> + Send + Sync;

/// The address of the client, if the server has told it.
pub(super) fn client(asked: &Asked<'_>, proxies: &Proxies) -> Option<IpAddr> {
    let ConnectInfo(peer) = asked.extension::<ConnectInfo<SocketAddr>>()?;
    Some(proxies.client(peer.ip(), asked.headers))
}

/// The key of a request. The first byte says of what kind it is, so that no user can be called like
/// an address.
pub(super) fn key(asked: &Asked<'_>, by: Option<&By>) -> Key {
    match by.and_then(|by| by(asked)) {
        Some(name) if name.len() < KEY_BYTES_MAX => tagged(b'u', name.as_bytes()),
        Some(name) => tagged(b'h', &Sha256::digest(name)),
        None => match asked.address {
            Some(IpAddr::V4(address)) => tagged(b'4', &address.octets()),
            // Whoever has one address of the last 64 bits has them all.
            Some(IpAddr::V6(address)) => tagged(b'6', &address.octets()[..8]),
            None => tagged(b'?', &[]),
        },
    }
}

fn tagged(kind: u8, rest: &[u8]) -> Key {
    let mut key = Key::new();
    key.push(kind);
    key.extend_from_slice(rest);
    key
}
