//! The header fields and the body by which a client is told of its limits: `RateLimit-Policy` and
//! `RateLimit` of the IETF's draft (draft-ietf-httpapi-ratelimit-headers-10), `Retry-After`, and a
//! problem of RFC 9457.

use std::fmt::Write as _;
use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};

use crate::guard::Left;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

const PROBLEM: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// What a rule is called in fields: letters that need no escape there.
pub(super) fn policy_name(route: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_./{}*".contains(*c);
    route.chars().map(|c| if is_plain(&c) { c } else { '-' }).collect()
}

/// Says what is allowed and what is left.
pub(super) fn tell(headers: &mut HeaderMap, name: &str, left: &[Left]) {
    let (mut policy, mut limit) = (String::new(), String::new());
    for window in left {
        let between = if policy.is_empty() { "" } else { ", " };
        let policy_name = of_window(name, window);
        // Writing to a text does not fail.
        let _ = write!(
            policy,
            "{between}\"{policy_name}\";q={};w={}",
            window.burst,
            period_seconds(window)
        );
        let whole = seconds(window.whole_in);
        let _ = write!(limit, "{between}\"{policy_name}\";r={};t={whole}", window.free);
    }
    for (name, value) in [(POLICY, policy), (LIMIT, limit)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(name, value);
        }
    }
}

/// The answer to a request that is refused; `None`: it never passes.
pub(super) fn refusal<B: From<String>>(
    name: &str,
    left: &[Left],
    wait: Option<Duration>,
) -> Response<B> {
    let violated: Vec<String> = left
        .iter()
        .filter(|window| window.free == 0)
        .map(|window| format!("\"{}\"", of_window(name, window)))
        .collect();
    let detail = match wait {
        Some(wait) => format!("Try again in {} seconds.", seconds(wait).max(1)),
        None => "Nothing is admitted here.".to_owned(),
    };
    let body = format!(
        "{{\"type\":\"{PROBLEM}\",\"title\":\"Too many requests\",\"status\":429,\
         \"detail\":\"{detail}\",\"violated-policies\":[{}]}}",
        violated.join(",")
    );
    let mut response = Response::new(B::from(body));
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/problem+json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(wait) = wait {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait).max(1)));
    }
    response
}

fn of_window(name: &str, window: &Left) -> String {
    format!("{name}-{}s", period_seconds(window))
}

/// The time in which the whole of a window comes back.
fn period_seconds(window: &Left) -> u64 {
    seconds(window.interval.saturating_mul(window.burst)).max(1)
}

/// Whole seconds, and one more for what is left.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_told_as_the_draft_says() {
        let window = |burst, interval_ms, free, whole_ms| Left {
            burst,
            interval: Duration::from_millis(interval_ms),
            free,
            whole_in: Duration::from_millis(whole_ms),
        };
        let left = [window(100, 600, 99, 600), window(5, 720_000, 0, 3_600_000)];
        let mut headers = HeaderMap::new();
        tell(&mut headers, "default", &left);
        let policy = "\"default-60s\";q=100;w=60, \"default-3600s\";q=5;w=3600";
        assert_eq!(headers[POLICY], policy);
        assert_eq!(headers[LIMIT], "\"default-60s\";r=99;t=1, \"default-3600s\";r=0;t=3600");
        let wait = Some(Duration::from_millis(1_001));
        let response: Response<String> = refusal("default", &left, wait);
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert!(response.body().ends_with("\"violated-policies\":[\"default-3600s\"]}"));
        let never: Response<String> = refusal("x", &[window(0, 0, 0, 0)], None);
        assert_eq!(never.headers().get("retry-after"), None);
    }

    #[test]
    fn names_need_no_escape() {
        for (route, expect) in [("/a/{id}", "/a/{id}"), ("/\"x\\\r\n", "/-x---"), ("/ü", "/-")] {
            assert_eq!(policy_name(route), expect);
        }
    }
}
