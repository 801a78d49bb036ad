//! Who may look and who may change: static tokens, signed tokens, and for looking alone whoever is
//! on this machine as long as no secret is configured.

use std::time::SystemTime;

use axum::http::{HeaderMap, header};

use super::jwt::Jwt;
use crate::failure::Failure;
use crate::options::Token;

/// What somebody may do. Who may change may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Reader,
    Admin,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// For the log: never a secret.
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// The secrets of the admin API. With none of them nothing can be changed, and looking is open to
/// requests from this machine alone.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Access {
    /// Whoever shows it may look.
    pub reader_token: Option<Token>,
    /// Whoever shows it may look and change.
    pub admin_token: Option<Token>,
    /// Tokens that are signed by somebody who is trusted, with a role in each.
    pub jwt: Option<Jwt>,
}

/// Where a request comes from, as far as that is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nearness {
    ThisMachine,
    Anywhere,
}

impl Access {
    fn has_secret(&self) -> bool {
        self.reader_token.is_some() || self.admin_token.is_some() || self.jwt.is_some()
    }

    /// Whether a secret is configured with which something may be changed.
    pub(crate) fn allows_changes(&self) -> bool {
        self.admin_token.is_some() || self.jwt.is_some()
    }

    /// Who asks, or why he is not let in.
    pub(crate) fn caller(
        &self,
        headers: &HeaderMap,
        from: Nearness,
        now: SystemTime,
    ) -> Result<Caller, Failure> {
        let mut lines = headers.get_all(header::AUTHORIZATION).iter();
        let (first, second) = (lines.next(), lines.next());
        if second.is_some() {
            return Err(refused("the header Authorization is there twice"));
        }
        let Some(line) = first else { return self.without_token(from) };
        let presented = crate::http::bearer(line.as_bytes());
        let presented = presented.ok_or_else(|| refused("send Authorization: Bearer TOKEN"))?;
        // Each is compared whole and in constant time, whichever it is.
        let is = |token: &Option<Token>| token.as_ref().is_some_and(|it| it.matches(presented));
        let (is_admin, is_reader) = (is(&self.admin_token), is(&self.reader_token));
        if is_admin {
            return Ok(Caller { name: "admin token".to_owned(), role: Role::Admin });
        }
        if is_reader {
            return Ok(Caller { name: "reader token".to_owned(), role: Role::Reader });
        }
        let Some(jwt) = &self.jwt else { return Err(refused("the token is not the right one")) };
        jwt.verify(presented, now).map_err(refused)
    }

    fn without_token(&self, from: Nearness) -> Result<Caller, Failure> {
        match from {
            Nearness::ThisMachine if !self.has_secret() => {
                Ok(Caller { name: "this machine".to_owned(), role: Role::Reader })
            }
            _ => Err(Failure::new(
                401,
                "TOKEN_MISSING",
                "the admin API requires a token: send it as Authorization: Bearer TOKEN",
            )),
        }
    }
}

impl Caller {
    /// Whether this caller may do what needs `role`.
    pub(crate) fn check(&self, role: Role, access: &Access) -> Result<(), Failure> {
        if self.role >= role {
            return Ok(());
        }
        Err(match access.allows_changes() {
            true => Failure::new(403, "ROLE_DENIED", "this token is for looking, not for changes"),
            false => Failure::new(
                403,
                "CHANGES_OFF",
                "nothing can be changed as long as no admin token or key is configured",
            ),
        })
    }
}

fn refused(why: &str) -> Failure {
    Failure::new(401, "TOKEN_INVALID", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(access: &Access, lines: &[&str], from: Nearness, expect: Result<Role, &str>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::AUTHORIZATION, line.parse().unwrap());
        }
        let found = access.caller(&headers, from, SystemTime::now());
        let found = found.map(|caller| caller.role).map_err(|failure| failure.code);
        assert_eq!(found, expect, "{lines:?} from {from:?}");
    }

    #[test]
    fn only_the_right_token_opens() {
        let none = Access::default();
        check(&none, &[], Nearness::ThisMachine, Ok(Role::Reader));
        check(&none, &[], Nearness::Anywhere, Err("TOKEN_MISSING"));
        check(&none, &["Bearer x"], Nearness::ThisMachine, Err("TOKEN_INVALID"));
        let both = Access {
            reader_token: Some(Token::new("look")),
            admin_token: Some(Token::new("change")),
            ..Access::default()
        };
        for from in [Nearness::ThisMachine, Nearness::Anywhere] {
            check(&both, &[], from, Err("TOKEN_MISSING"));
            check(&both, &["Bearer look"], from, Ok(Role::Reader));
            check(&both, &["bearer change"], from, Ok(Role::Admin));
            for wrong in ["Bearer loo", "Bearer look2", "Bearer ", "Bearer", "Basic look", "look"] {
                check(&both, &[wrong], from, Err("TOKEN_INVALID"));
            }
            check(&both, &["Bearer look", "Bearer change"], from, Err("TOKEN_INVALID"));
        }
    }

    #[test]
    fn who_may_look_may_not_change() {
        let access = Access { reader_token: Some(Token::new("look")), ..Access::default() };
        let reader = Caller { name: "x".into(), role: Role::Reader };
        let admin = Caller { name: "x".into(), role: Role::Admin };
        let code = |caller: &Caller, role| caller.check(role, &access).map_err(|f| f.code);
        assert_eq!(code(&reader, Role::Reader), Ok(()));
        assert_eq!(code(&reader, Role::Admin), Err("CHANGES_OFF"));
        assert_eq!(code(&admin, Role::Reader), Ok(()));
        assert_eq!(code(&admin, Role::Admin), Ok(()));
        let access = Access { admin_token: Some(Token::new("change")), ..Access::default() };
        let denied = reader.check(Role::Admin, &access).map_err(|f| f.code);
        assert_eq!(denied, Err("ROLE_DENIED"));
    }
}
