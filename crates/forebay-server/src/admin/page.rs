//! The dashboard: one page, with the files that it is made of in the binary. There are no figures
//! in it; it asks for them as any other client of the admin API.

use axum::extract::{Path, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::failure::Failure;
use crate::http::{Dialect, failure, respond};

const PAGE: &str = include_str!("../../dashboard/index.html");

/// What stands in the page for the path of its files.
const BASE: &str = "{base}";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// A file with its type.
type File = (&'static str, &'static str, &'static str);

macro_rules! files {
    ($($name:literal $type:ident,)*) => {
        [$(($name, $type, include_str!(concat!("../../dashboard/", $name)))),*]
    };
}

/// Every file of the page.
const FILES: [File; FILE_COUNT] = files! {
    "advice.js" SCRIPT,
    "api.js" SCRIPT,
    "app.js" SCRIPT,
    "caches.js" SCRIPT,
    "confirm.js" SCRIPT,
    "element.js" SCRIPT,
    "format.js" SCRIPT,
    "health.js" SCRIPT,
    "icon.svg" IMAGE,
    "live.js" SCRIPT,
    "maintenance.js" SCRIPT,
    "opened.js" SCRIPT,
    "overview.js" SCRIPT,
    "parts.css" STYLE,
    "plots.js" SCRIPT,
    "repeats.js" SCRIPT,
    "session.js" SCRIPT,
    "settings.js" SCRIPT,
    "slow.js" SCRIPT,
    "statements.js" SCRIPT,
    "style.css" STYLE,
    "table.js" SCRIPT,
    "theme.js" SCRIPT,
    "uPlot.LICENSE.txt" TEXT,
    "uPlot.css" STYLE,
    "uPlot.js" SCRIPT,
};

const FILE_COUNT: usize = 26;

/// What a browser may do with the page: use its own files and ask its own server. No text becomes
/// markup or a script, wherever it comes from, and no other page may show this one in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// Headers of all of it.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The page, whose files lie under `base`.
pub(super) fn page(base: &str) -> Response {
    let page = PAGE.replace(BASE, base);
    let mut response = guarded("text/html; charset=utf-8", page.into());
    // The same path has something else to say to a program.
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// The page among the routes of the admin API. Where these are nested, only the last part of its
/// path is known, so that its files are found from there.
pub(super) async fn index(_: Request) -> Response {
    page("dashboard")
}

pub(super) async fn file(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(own, ..)| *own == name) {
        Some((_, content_type, text)) => guarded(content_type, (*text).into()),
        None => {
            let unknown = Failure::new(404, "ROUTE_UNKNOWN", "the dashboard has no such file");
            failure(&unknown, Dialect::Plain)
        }
    }
}

fn guarded(content_type: &'static str, body: axum::body::Body) -> Response {
    let mut response = respond(StatusCode::OK, content_type, body);
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of the whole page as it is sent. The bound is for packed bytes, and these are not.
    const BYTES_MAX: usize = 150 << 10;

    #[test]
    fn the_page_is_small_and_asks_nobody_else() {
        let bytes: usize = FILES.iter().map(|(.., text)| text.len()).sum();
        assert!(PAGE.len() + bytes < BYTES_MAX, "{bytes}");
        for (name, _, text) in FILES.iter().filter(|(name, ..)| !name.contains("uPlot")) {
            for word in ["innerHTML", "insertAdjacentHTML", "document.write", "eval(", "http:"] {
                let is_svg = name.ends_with(".svg") && word == "http:";
                assert!(is_svg || !text.contains(word), "{name}: {word}");
            }
        }
        for word in ["http:", "https:", "onclick", "style="] {
            assert!(!PAGE.contains(word), "{word}");
        }
        // Every file is named by another one, and every one that the page names is there.
        let named = |name: &str| {
            let is_other =
                |other: &&File| other.0 != name && other.2.contains(&format!("/{name}\""));
            PAGE.contains(&format!("{BASE}/{name}\"")) || FILES.iter().any(|it| is_other(&it))
        };
        for (name, ..) in FILES {
            assert!(named(name), "nobody asks for {name}");
        }
        for part in PAGE.split(&format!("{BASE}/")).skip(1) {
            let name = part.split('"').next().unwrap_or_default();
            assert!(FILES.iter().any(|(own, ..)| *own == name), "{name}");
        }
    }
}
