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
pub(crate) struct Users(Arc<HashMap<Vec<u8>, String>>);

/// None for somebody without a key.
pub(crate) struct User(Option<String>);

impl Users {
    /// From `ada:KEY,grace:KEY`.
    pub(crate) fn parse(text: &str) -> Users {
        let pairs = text.split(',').filter_map(|pair| pair.split_once(':'));
        let digest = |key: &str| Sha256::digest(key).to_vec();
        Users(Arc::new(pairs.map(|(name, key)| (digest(key), name.to_owned())).collect()))
    }

    pub(crate) fn name(&self, key: Option<&str>) -> Option<String> {
        self.0.get(Sha256::digest(key?).as_slice()).cloned()
    }
}

impl User {
    pub(crate) fn name(&self) -> &str {
        self.0.as_deref().unwrap_or("anybody")
    }
}

impl FromRequestParts<Observatory> for User {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, own: &Observatory) -> Result<User, Infallible> {
        let key = parts.headers.get("x-api-key").and_then(|value| value.to_str().ok());
        Ok(User(own.users.name(key)))
    }
}
