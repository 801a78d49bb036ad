//! The bearer token.

use axum::http::{HeaderMap, header};

use crate::failure::Failure;
use crate::options::Token;

/// Whether the request carries the token, where one is required.
pub(crate) fn check(required: Option<&Token>, headers: &HeaderMap) -> Result<(), Failure> {
    let Some(token) = required else { return Ok(()) };
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (lines.next(), lines.next());
    if second.is_some() {
        // A proxy in front may have looked at the other one.
        let message = "the header Authorization is there twice";
        return Err(Failure::new(401, "TOKEN_INVALID", message));
    }
    let presented = first.and_then(|value| bearer(value.as_bytes()));
    match presented {
        Some(presented) if token.matches(presented) => Ok(()),
        Some(_) => Err(Failure::new(401, "TOKEN_INVALID", "the bearer token is not the right one")),
        None => Err(Failure::new(
            401,
            "TOKEN_MISSING",
            "this service requires a token: send it as Authorization: Bearer TOKEN",
        )),
    }
}

/// The token behind the word `Bearer`.
pub(crate) fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_opens() {
        let token = Token::new("secret");
        for (header, expect) in [
            (Some("Bearer secret"), Ok(())),
            (Some("bearer  secret "), Ok(())),
            (Some("Bearer secret2"), Err("TOKEN_INVALID")),
            (Some("Bearer "), Err("TOKEN_INVALID")),
            (Some("Basic secret"), Err("TOKEN_MISSING")),
            (Some("secret"), Err("TOKEN_MISSING")),
            (None, Err("TOKEN_MISSING")),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                headers.insert(header::AUTHORIZATION, header.parse().unwrap());
            }
            assert_eq!(check(Some(&token), &headers).map_err(|f| f.code), expect, "{header:?}");
            assert_eq!(check(None, &headers), Ok(()));
        }
        let twice = ["Bearer secret", "Bearer secret"].map(|line| line.parse().unwrap());
        let twice = twice.into_iter().map(|line| (header::AUTHORIZATION, line)).collect();
        assert_eq!(check(Some(&token), &twice).map_err(|f| f.code), Err("TOKEN_INVALID"));
    }
}
