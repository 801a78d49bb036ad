//! The page that a client asks for in the query of an address, within limits of the application's.
//! With the feature `http` it is an extractor of axum.

use super::address::parameters;
use super::request::{PER_PAGE, PER_PAGE_MAX, PageRequest};
use crate::error::{Error, Result};

/// Bytes of a query that are read at most.
const QUERY_BYTES_MAX: usize = 16 * 1024;

/// What a client asks for, with the limits of the library: 50 items, 500 at most. For others write
/// `PageParamsBy<20, 100>`.
pub type PageParams = PageParamsBy<PER_PAGE, PER_PAGE_MAX>;

/// What a client asks for: `page`, `per_page`, `after`, `before` in the query of an address. A page
/// has `DEFAULT` items, and at most `MAX`.
///
/// With the feature `http` it is an extractor of axum; what cannot be read is answered with the
/// status 400 and a text that says why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageParamsBy<const DEFAULT: u32, const MAX: u32> {
    /// The number of the page, from 1 on.
    pub page: Option<u64>,
    /// Items of a page. More than `MAX` is taken for `MAX`.
    pub per_page: Option<u32>,
    /// The page behind this cursor.
    pub after: Option<String>,
    /// The page before it.
    pub before: Option<String>,
}

impl<const DEFAULT: u32, const MAX: u32> PageParamsBy<DEFAULT, MAX> {
    /// Reads the query of an address, without its question mark; other parameters do not matter.
    /// An error ([`crate::Error::is_usage`]) where a number is none, a page or a size is 0, one of
    /// the four is given twice, or more than one says which page.
    pub fn parse(query: &str) -> Result<Self> {
        if query.len() > QUERY_BYTES_MAX {
            return Err(Error::usage(format!(
                "the query of the address is longer than {QUERY_BYTES_MAX} bytes"
            )));
        }
        let (mut page, mut per_page, mut after, mut before) = (None, None, None, None);
        for (name, value) in parameters(query) {
            let seen = match name.as_str() {
                "page" => &mut page,
                "per_page" => &mut per_page,
                "after" => &mut after,
                "before" => &mut before,
                _ => continue,
            };
            if seen.replace(value).is_some() {
                return Err(Error::usage(format!("the parameter {name} is given twice")));
            }
        }
        if [&page, &after, &before].iter().filter(|it| it.is_some()).count() > 1 {
            return Err(Error::usage(
                "more than one of the parameters page, after and before is given: use one",
            ));
        }
        let page = page.map(|text| positive("page", &text)).transpose()?;
        let per_page = per_page.map(|text| positive("per_page", &text)).transpose()?;
        let per_page = per_page.map(|items| u32::try_from(items).unwrap_or(MAX).min(MAX));
        Ok(PageParamsBy { page, per_page, after, before })
    }

    /// The request for it: without `page`, `after` and `before` the first page.
    pub fn request(&self) -> PageRequest {
        let request = match (self.page, &self.after, &self.before) {
            (Some(number), ..) => PageRequest::number(number),
            (None, Some(cursor), _) => PageRequest::after(cursor),
            (None, None, Some(cursor)) => PageRequest::before(cursor),
            (None, None, None) => PageRequest::default(),
        };
        let per_page = self.per_page.unwrap_or(DEFAULT).min(MAX);
        request.per_page(per_page).max_per_page(MAX)
    }
}

fn positive(name: &str, text: &str) -> Result<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if is_number && number > 0 => Ok(number),
        _ => Err(Error::usage(format!("the parameter {name} has to be a number from 1 on"))),
    }
}

#[cfg(feature = "http")]
mod extract {
    use axum_core::extract::FromRequestParts;
    use axum_core::response::{IntoResponse, Response};
    use http::StatusCode;
    use http::request::Parts;

    use super::PageParamsBy;
    use crate::error::Error;

    /// Why the parameters of a request were refused. It answers the status 400 with a text.
    #[derive(Debug)]
    pub struct PageParamsRejection(Error);

    impl PageParamsRejection {
        /// What is wrong.
        pub fn error(&self) -> &Error {
            &self.0
        }
    }

    impl std::fmt::Display for PageParamsRejection {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0.message())
        }
    }

    impl std::error::Error for PageParamsRejection {}

    impl IntoResponse for PageParamsRejection {
        fn into_response(self) -> Response {
            (StatusCode::BAD_REQUEST, self.0.message().to_owned()).into_response()
        }
    }

    impl<S, const DEFAULT: u32, const MAX: u32> FromRequestParts<S> for PageParamsBy<DEFAULT, MAX>
    where
        S: Send + Sync,
    {
        type Rejection = PageParamsRejection;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
            Self::parse(parts.uri.query().unwrap_or_default()).map_err(PageParamsRejection)
        }
    }
}

#[cfg(feature = "http")]
pub use extract::PageParamsRejection;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_ask_for() {
        let check = |query: &str, expect: PageRequest| {
            let found = PageParamsBy::<20, 100>::parse(query).unwrap().request();
            assert_eq!(found, expect.max_per_page(100), "{query}");
        };
        check("", PageRequest::default().per_page(20));
        check("page=3&x=1", PageRequest::number(3).per_page(20));
        check("per_page=7&after=a%2Db", PageRequest::after("a-b").per_page(7));
        check("before=&per_page=101", PageRequest::before("").per_page(100));
        check("per_page=99999999999", PageRequest::default().per_page(100));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let check = |query: &str, expect: &str| {
            let error = PageParams::parse(query).unwrap_err();
            assert!(error.is_usage() && error.message().contains(expect), "{query}: {error}");
        };
        for bad in ["0", "-1", "+1", "1.5", "x", "", "%00", "99999999999999999999999"] {
            check(&format!("page={}", bad.replace('+', "%2B")), "page has to be a number");
            check(&format!("per_page={}", bad.replace('+', "%2B")), "per_page has to be a number");
        }
        check("page=1&page=2", "page is given twice");
        check("page=1&after=x", "more than one");
        check("before=x&after=x", "more than one");
        check(&"x".repeat(16_385), "longer than");
    }

    #[cfg(feature = "http")]
    #[tokio::test]
    async fn requests_are_read_or_answered_with_400() {
        use axum_core::extract::FromRequestParts as _;
        use axum_core::response::IntoResponse as _;

        let extract = async |uri: &str| {
            let request = http::Request::builder().uri(uri).body(()).unwrap();
            PageParams::from_request_parts(&mut request.into_parts().0, &()).await
        };
        let found = extract("/posts?tag=x&page=2").await.unwrap();
        assert_eq!(found.request(), PageRequest::number(2));
        assert_eq!(extract("/posts").await.unwrap().request(), PageRequest::default());
        let refused = extract("/posts?page=two").await.unwrap_err();
        assert!(refused.error().is_usage());
        assert_eq!(refused.to_string(), "the parameter page has to be a number from 1 on");
        assert_eq!(refused.into_response().status(), http::StatusCode::BAD_REQUEST);
    }
}
