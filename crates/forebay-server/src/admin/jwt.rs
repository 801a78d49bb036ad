//! Signed tokens (RFC 7519): who has signed, for whom, until when and with which role. The key says
//! how a signature is made; the token's own word is only compared with it, so that there is no
//! token without a signature and none that passes a public key off as a secret. It signs nothing.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{hmac, signature};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::access::{Caller, Role};
use super::key::{PublicKey, public_key};
use crate::error::{Error, Result};

/// Bytes of a token.
const TOKEN_BYTES_MAX: usize = 8 << 10;

/// Bytes of a secret: as many as the digest has (RFC 7518, 3.2).
const SECRET_BYTES_MIN: usize = 32;

/// How far the clocks may differ, unless it is said.
const LEEWAY: Duration = Duration::from_secs(60);

/// Letters of a subject that are shown.
const NAME_MAX: usize = 100;

/// Which signed tokens are accepted.
///
/// A token needs `exp`, the `iss` and the `aud` that are given here, and the role `reader` or
/// `admin` as `role`, or in a list `roles`. `nbf` is heeded. `sub` is the name in the log.
///
/// ```
/// use forebay_server::Jwt;
///
/// # fn main() -> forebay_server::Result<()> {
/// let secret = b"at least 32 bytes that nobody can guess";
/// let jwt = Jwt::hs256(secret, "https://login.example.com", "forebay")?;
/// # let _ = jwt;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Jwt {
    key: Arc<Key>,
    issuer: String,
    audience: String,
    leeway: Duration,
    /// Where the role is, if not in `role` or `roles`.
    role_claim: Option<Arc<str>>,
}

enum Key {
    Hs256(hmac::Key),
    Rs256(Vec<u8>),
    EdDsa(Vec<u8>),
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    iss: String,
    aud: OneOrMany,
    #[serde(default)]
    sub: Option<String>,
    /// The role is among them.
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Jwt {
    /// Tokens that are signed with HMAC-SHA-256 and this secret, of 32 bytes at least.
    ///
    /// # Errors
    ///
    /// [`is_options`](Error::is_options) for a secret that is too short, or that is a key in PEM.
    pub fn hs256(
        secret: &[u8],
        issuer: impl Into<String>,
        audience: impl Into<String>,
    ) -> Result<Jwt> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(Error::options(format!(
                "the secret for HS256 has {} bytes, but must have {SECRET_BYTES_MIN} at least",
                secret.len()
            )));
        }
        if secret.trim_ascii_start().starts_with(b"-----BEGIN") {
            return Err(Error::options(
                "the secret for HS256 is a key in PEM, which others may know: use rs256 or eddsa",
            ));
        }
        let key = Key::Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret));
        Ok(Jwt::new(key, issuer.into(), audience.into()))
    }

    /// Tokens that are signed with RSA and SHA-256; `pem` is the public key (`BEGIN PUBLIC KEY`),
    /// of 2,048 bits at least.
    ///
    /// # Errors
    ///
    /// [`is_options`](Error::is_options) for anything else.
    pub fn rs256(pem: &str, issuer: impl Into<String>, audience: impl Into<String>) -> Result<Jwt> {
        match public_key(pem) {
            Some(PublicKey::Rsa(key)) => {
                Ok(Jwt::new(Key::Rs256(key), issuer.into(), audience.into()))
            }
            _ => Err(no_key("RSA")),
        }
    }

    /// Tokens that are signed with Ed25519; `pem` is the public key (`BEGIN PUBLIC KEY`).
    ///
    /// # Errors
    ///
    /// [`is_options`](Error::is_options) for anything else.
    pub fn eddsa(pem: &str, issuer: impl Into<String>, audience: impl Into<String>) -> Result<Jwt> {
        match public_key(pem) {
            Some(PublicKey::Ed25519(key)) => {
                Ok(Jwt::new(Key::EdDsa(key), issuer.into(), audience.into()))
            }
            _ => Err(no_key("Ed25519")),
        }
    }

    /// How far the clocks of whoever signs and of this machine may differ. Default: 60 s.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Jwt {
        self.leeway = leeway;
        self
    }

    /// The claim that has the role, or a list of roles, instead of `role` and `roles`. If there is
    /// none of this name, its parts between dots are looked for one inside the other, as in
    /// `realm_access.roles`.
    #[must_use]
    pub fn role_claim(mut self, name: impl AsRef<str>) -> Jwt {
        self.role_claim = Some(name.as_ref().into());
        self
    }

    fn new(key: Key, issuer: String, audience: String) -> Jwt {
        Jwt { key: Arc::new(key), issuer, audience, leeway: LEEWAY, role_claim: None }
    }

    /// Who presents this token, or why it is not accepted. The reason tells nothing of the key.
    pub(super) fn verify(&self, token: &[u8], now: SystemTime) -> Result<Caller, &'static str> {
        const FORM: &str = "the token is not the right one, nor a signed token";
        if token.len() > TOKEN_BYTES_MAX {
            return Err("the token is too long");
        }
        let token = str::from_utf8(token).map_err(|_| FORM)?;
        let (signed, signature) = token.rsplit_once('.').ok_or(FORM)?;
        let (header, claims) = signed.split_once('.').ok_or(FORM)?;
        let header: Header = part(header).ok_or(FORM)?;
        self.check_header(&header)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| FORM)?;
        if !self.key.has_signed(signed.as_bytes(), &signature) {
            return Err("the signature of the token is wrong");
        }
        // Nothing of it is believed before.
        let claims: Claims = part(claims).ok_or("the token lacks claims: exp, iss, aud")?;
        self.check_claims(&claims, now)?;
        let role = self.role(&claims.others).ok_or("the token has no role: reader or admin")?;
        let name = claims.sub.unwrap_or_else(|| "(no subject)".to_owned());
        Ok(Caller { name: name.chars().take(NAME_MAX).collect(), role })
    }

    /// The highest role that is named.
    fn role(&self, claims: &Map<String, Value>) -> Option<Role> {
        let Some(name) = &self.role_claim else {
            let places = ["role", "roles"].into_iter();
            return places.filter_map(|place| claims.get(place)).flat_map(named).max();
        };
        let inside = || {
            let (first, rest) = name.split_once('.')?;
            rest.split('.').try_fold(claims.get(first)?, |claim, part| claim.get(part))
        };
        claims.get(&**name).or_else(inside).and_then(|claim| named(claim).max())
    }

    fn check_header(&self, header: &Header) -> Result<(), &'static str> {
        if header.alg != self.key.algorithm() {
            return Err("the token is signed in a way that is not accepted");
        }
        if header.crit.is_some() {
            return Err("the token has extensions that are not understood");
        }
        match header.typ.as_deref() {
            Some(typ) if !["jwt", "at+jwt"].iter().any(|it| typ.eq_ignore_ascii_case(it)) => {
                Err("the token is of another type")
            }
            _ => Ok(()),
        }
    }

    fn check_claims(&self, claims: &Claims, now: SystemTime) -> Result<(), &'static str> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let leeway = self.leeway.as_secs_f64();
        // Written so that what is no number is refused.
        let is_valid_yet = claims.exp + leeway > now;
        if !is_valid_yet {
            return Err("the token has expired");
        }
        if claims.nbf.is_some_and(|nbf| nbf.is_nan() || nbf - leeway > now) {
            return Err("the token is not valid yet");
        }
        if claims.iss != self.issuer {
            return Err("the token is of another issuer");
        }
        let is_for_us = match &claims.aud {
            OneOrMany::One(audience) => *audience == self.audience,
            OneOrMany::Many(all) => all.contains(&self.audience),
        };
        if is_for_us { Ok(()) } else { Err("the token is for another audience") }
    }
}

impl Key {
    fn algorithm(&self) -> &'static str {
        match self {
            Key::Hs256(_) => "HS256",
            Key::Rs256(_) => "RS256",
            Key::EdDsa(_) => "EdDSA",
        }
    }

    fn has_signed(&self, message: &[u8], signed: &[u8]) -> bool {
        let (algorithm, key): (&'static dyn signature::VerificationAlgorithm, &[u8]) = match self {
            // In constant time.
            Key::Hs256(key) => return hmac::verify(key, message, signed).is_ok(),
            Key::Rs256(key) => (&signature::RSA_PKCS1_2048_8192_SHA256, key),
            Key::EdDsa(key) => (&signature::ED25519, key),
        };
        signature::UnparsedPublicKey::new(algorithm, key).verify(message, signed).is_ok()
    }
}

/// The roles that a claim names: by itself, or as a list.
fn named(claim: &Value) -> impl Iterator<Item = Role> {
    let one = claim.as_str().into_iter();
    let many = claim.as_array().into_iter().flatten().filter_map(Value::as_str);
    one.chain(many).filter_map(|role| match role {
        "reader" => Some(Role::Reader),
        "admin" => Some(Role::Admin),
        _ => None,
    })
}

fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn no_key(kind: &str) -> Error {
    Error::options(format!(
        "this is no public key of {kind} in PEM: it begins with -----BEGIN PUBLIC KEY-----, as \
         `openssl pkey -pubout` writes it"
    ))
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("algorithm", &self.key.algorithm())
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
