//! Who asks: users with keys, from the environment, and everybody else by address.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};

use super::Observatory;

/// Digests of keys, and whose they are. They are compared, so that the time which a look-up takes
/// tells nothing of a key.
#[derive(Clone, Default)]
pub(super) struct Users(Arc<HashMap<Vec<u8>, String>>);

/// Who asks; `anybody` without a key.
pub(super) struct User(pub(super) String);

impl Users {
    /// From `ada:KEY,grace:KEY`.
    pub(super) fn parse(text: &str) -> Users {
        let pairs = text.split(',').filter_map(|pair| pair.split_once(':'));
        let digest = |key: &str| Sha256::digest(key).to_vec();
        Users(Arc::new(pairs.map(|(name, key)| (digest(key), name.to_owned())).collect()))
    }

    pub(super) fn name(&self, key: Option<&str>) -> Option<String> {
        self.0.get(Sha256::digest(key?).as_slice()).cloned()
    }
}

impl FromRequestParts<Observatory> for User {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, own: &Observatory) -> Result<User, Infallible> {
        let key = parts.headers.get("x-api-key").and_then(|value| value.to_str().ok());
        Ok(User(own.users.name(key).unwrap_or_else(|| "anybody".to_owned())))
    }
}
