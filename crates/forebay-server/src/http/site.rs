//! What a browser says of a request that a page of another site has caused, in headers that no page
//! can write. Reading an answer is refused by the browser itself; this refuses the asking, so that
//! no page can make the service work, nor tell by the time it takes what is there.

use axum::http::{HeaderMap, HeaderName, Method};

use crate::failure::Failure;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Where such a link may lead: into a window of its own, not into a frame of the other page.
const WINDOWS: [&str; 2] = ["document", ""];

/// Refuses what comes from a page of another site, unless somebody has followed a link. To be asked
/// of requests without an `Origin` that is allowed. Clients that are no browsers send none of it.
pub(crate) fn check_fetch(method: &Method, headers: &HeaderMap) -> Result<(), Failure> {
    let word = |name| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let is_own = word(FETCH_SITE).is_none_or(|site| ["same-origin", "none"].contains(&site));
    let is_link = *method == Method::GET
        && word(FETCH_MODE) == Some("navigate")
        && word(FETCH_DEST).is_none_or(|target| WINDOWS.contains(&target));
    if is_own || is_link {
        return Ok(());
    }
    Err(Failure::new(403, "ORIGIN_DENIED", "this is not open to pages of other sites"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_lead_here_from_elsewhere() {
        let check = |method: Method, words: [&str; 3], expect: bool| {
            let names = [FETCH_SITE, FETCH_MODE, FETCH_DEST];
            let pairs = names.into_iter().zip(words).filter(|(_, word)| *word != "-");
            let headers = pairs.map(|(name, word)| (name, word.parse().unwrap())).collect();
            assert_eq!(check_fetch(&method, &headers).is_ok(), expect, "{method} {words:?}");
        };
        check(Method::GET, ["-", "-", "-"], true);
        check(Method::POST, ["same-origin", "cors", "empty"], true);
        check(Method::GET, ["none", "navigate", "document"], true);
        check(Method::GET, ["cross-site", "navigate", "document"], true);
        check(Method::GET, ["cross-site", "navigate", "-"], true);
        check(Method::POST, ["cross-site", "navigate", "document"], false);
        for target in ["iframe", "frame", "object", "embed", "image"] {
            check(Method::GET, ["cross-site", "navigate", target], false);
        }
        for site in ["cross-site", "same-site", "", "ä"] {
            check(Method::GET, [site, "no-cors", "image"], false);
            check(Method::GET, [site, "-", "-"], false);
        }
    }
}
