//! Whether an answer may be kept, for how long, and in what it differs from others of its address.
//! It looks at heads alone.

use std::time::Duration;

use http::response::Parts;
use http::{HeaderMap, HeaderName, StatusCode, header};

use super::asking::Whose;
use super::control::Control;
use super::why::Why;

/// Statuses of answers that are kept.
const STATUSES: [StatusCode; 7] = [
    StatusCode::OK,
    StatusCode::NON_AUTHORITATIVE_INFORMATION,
    StatusCode::NO_CONTENT,
    StatusCode::MOVED_PERMANENTLY,
    StatusCode::PERMANENT_REDIRECT,
    StatusCode::NOT_FOUND,
    StatusCode::GONE,
];

/// Bytes of a head that is kept.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Names in `Vary`.
const VARY_MAX: usize = 16;

/// How an answer may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keep {
    pub(super) fresh: Duration,
    /// How old it is already, as whoever has made it says.
    pub(super) age: Duration,
    /// The headers of requests in which answers of this address differ, in order.
    pub(super) vary: Vec<String>,
}

/// What the application says of answers that say nothing themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    pub(super) ttl: Option<Duration>,
    pub(super) ttl_max: Duration,
}

/// Judges the head of an answer.
pub(super) fn judge(head: &Parts, whose: Whose, words: Words) -> Result<Keep, Why> {
    let headers = &head.headers;
    if !STATUSES.contains(&head.status) {
        return Err(Why::Status);
    }
    if headers.contains_key(header::SET_COOKIE) {
        return Err(Why::SetCookie);
    }
    if [header::CONTENT_RANGE, header::TRAILER].iter().any(|name| headers.contains_key(name)) {
        return Err(Why::Head);
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > HEAD_BYTES_MAX {
        return Err(Why::TooLarge);
    }
    let control = Control::of_answer(headers);
    let said = control.unwrap_or_default();
    if said.no_store || said.no_cache {
        return Err(Why::NoStore);
    }
    if said.private && whose != Whose::User {
        return Err(Why::Private);
    }
    if whose == Whose::Unknown && !(said.public || said.s_maxage.is_some()) {
        return Err(Why::Credentials);
    }
    let vary = vary(headers)?;
    let age = age(headers);
    let fresh = fresh(control, headers, words).saturating_sub(age);
    if fresh.is_zero() {
        return Err(Why::NotFresh);
    }
    Ok(Keep { fresh, age, vary })
}

/// How long an answer is fresh from when it was made.
fn fresh(control: Option<Control>, headers: &HeaderMap, words: Words) -> Duration {
    let said = match control {
        Some(control) => control.s_maxage.or(control.max_age).map(Duration::from_secs),
        // An expiry in words of HTTP/1.0 would have to be compared with the client's clock.
        None if headers.contains_key(header::EXPIRES) => None,
        None if headers.contains_key(header::PRAGMA) => None,
        None => words.ttl,
    };
    said.unwrap_or_default().min(words.ttl_max)
}

/// What an answer says of its age; an age that cannot be read is a very high one.
fn age(headers: &HeaderMap) -> Duration {
    let of = |value: &http::HeaderValue| {
        let seconds = value.to_str().ok().and_then(|text| text.trim().parse().ok());
        seconds.map_or(Duration::MAX, Duration::from_secs)
    };
    headers.get_all(header::AGE).iter().map(of).max().unwrap_or_default()
}

fn vary(headers: &HeaderMap) -> Result<Vec<String>, Why> {
    let mut names = Vec::new();
    for line in headers.get_all(header::VARY) {
        let line = line.to_str().map_err(|_| Why::Vary)?;
        for name in line.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            // A star is a name too, as far as letters go.
            if name == "*" {
                return Err(Why::Vary);
            }
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Why::Vary)?;
            names.push(name.as_str().to_owned());
        }
    }
    names.sort();
    names.dedup();
    if names.len() > VARY_MAX { Err(Why::Vary) } else { Ok(names) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Words = Words { ttl: None, ttl_max: Duration::from_secs(86_400) };

    fn judged(
        status: u16,
        pairs: &[(&str, &str)],
        whose: Whose,
        words: Words,
    ) -> Result<Keep, Why> {
        let mut response = http::Response::builder().status(status);
        for (name, value) in pairs {
            response = response.header(*name, *value);
        }
        judge(&response.body(()).unwrap().into_parts().0, whose, words)
    }

    fn check(pairs: &[(&str, &str)], whose: Whose, expect: Result<u64, Why>) {
        let found = judged(200, pairs, whose, WORDS).map(|keep| keep.fresh.as_secs());
        assert_eq!(found, expect, "{pairs:?} for {whose:?}");
    }

    #[test]
    fn answers_are_kept_as_they_say() {
        use Whose::{Anyone, Unknown, User};
        let cc = |text| ("cache-control", text);
        for whose in [Anyone, User] {
            check(&[cc("max-age=60")], whose, Ok(60));
            check(&[cc("max-age=60, s-maxage=90")], whose, Ok(90));
            check(&[cc("max-age=60, s-maxage=0")], whose, Err(Why::NotFresh));
            check(&[cc("max-age=999999999999999999999")], whose, Ok(86_400));
            check(&[cc("public")], whose, Err(Why::NotFresh));
            check(&[], whose, Err(Why::NotFresh));
            check(&[cc("max-age=60, no-store")], whose, Err(Why::NoStore));
            check(&[cc("max-age=60, no-cache")], whose, Err(Why::NoStore));
            check(&[cc("max-age=60"), ("set-cookie", "a=b")], whose, Err(Why::SetCookie));
            check(&[cc("max-age=60"), ("vary", "*")], whose, Err(Why::Vary));
            check(&[cc("max-age=60"), ("vary", "a, *")], whose, Err(Why::Vary));
            check(&[cc("max-age=60"), ("vary", "a b")], whose, Err(Why::Vary));
            check(&[cc("max-age=60"), ("age", "10")], whose, Ok(50));
            check(&[cc("max-age=60"), ("age", "x")], whose, Err(Why::NotFresh));
            check(&[cc("max-age=60"), ("content-range", "x")], whose, Err(Why::Head));
            let large = "x".repeat(17_000);
            check(&[cc("max-age=60"), ("x", &large)], whose, Err(Why::TooLarge));
            check(&[cc("no-store"), ("forebay-cache-control", "max-age=5")], whose, Ok(5));
        }
        check(&[cc("private, max-age=60")], Anyone, Err(Why::Private));
        check(&[cc("private, max-age=60")], Unknown, Err(Why::Private));
        check(&[cc("private, max-age=60")], User, Ok(60));
        check(&[cc("max-age=60")], Unknown, Err(Why::Credentials));
        check(&[cc("public, max-age=60")], Unknown, Ok(60));
        check(&[cc("s-maxage=60")], Unknown, Ok(60));
    }

    #[test]
    fn what_says_nothing_is_kept_as_the_application_says() {
        let words = Words { ttl: Some(Duration::from_secs(7)), ..WORDS };
        for (pairs, expect) in [
            (&[][..], Ok(7)),
            (&[("cache-control", "max-age=3")], Ok(3)),
            (&[("cache-control", "public")], Err(Why::NotFresh)),
            (&[("expires", "0")], Err(Why::NotFresh)),
            (&[("pragma", "no-cache")], Err(Why::NotFresh)),
        ] {
            let found = judged(200, pairs, Whose::Anyone, words);
            assert_eq!(found.map(|keep| keep.fresh.as_secs()), expect, "{pairs:?}");
        }
    }

    #[test]
    fn only_final_answers_are_kept() {
        for status in 200..600 {
            let found = judged(status, &[("cache-control", "max-age=9")], Whose::Anyone, WORDS);
            let expect = [200, 203, 204, 301, 308, 404, 410].contains(&status);
            assert_eq!(found.is_ok(), expect, "{status}");
        }
    }

    #[test]
    fn names_in_which_answers_differ_are_in_order() {
        let pairs =
            [("cache-control", "max-age=9"), ("vary", "Accept, , X-b"), ("vary", "x-B, accept")];
        let keep = judged(200, &pairs, Whose::Anyone, WORDS).unwrap();
        assert_eq!(keep.vary, ["accept", "x-b"]);
    }
}
