//! What is known of a request before it is handled, for functions of the application that decide
//! by it. It reads no body.

use std::net::IpAddr;

use http::{Extensions, HeaderMap, Method, Request, Uri};

use super::route;

/// A request as a function of the application sees it that gives a key for it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) extensions: &'a Extensions,
    pub(super) address: Option<IpAddr>,
}

impl<'a> Asked<'a> {
    pub(super) fn of<B>(request: &'a Request<B>) -> Asked<'a> {
        Asked {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
            address: None,
        }
    }

    /// The method, in capitals.
    pub fn method(&self) -> &'a str {
        self.method.as_str()
    }

    /// The path, as it came.
    pub fn path(&self) -> &'a str {
        self.uri.path()
    }

    /// The pattern of the route that axum has matched, such as `/posts/{id}`.
    pub fn route(&self) -> Option<&'a str> {
        route::matched(self.extensions)
    }

    /// The value of a header, whatever the case of its name. `None` as well for one that is there
    /// twice or has bytes beyond visible ASCII, since it would not be clear what it says.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().filter(|_| values.next().is_none());
        value.and_then(|value| value.to_str().ok())
    }

    /// What a layer further out has put into the request, such as the user it has authenticated.
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<&'a T> {
        self.extensions.get()
    }

    /// The address of the client, behind trusted proxies. Known to [`super::RateLimit`] alone.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_are_not_clear_are_none() {
        let request = http::Request::builder()
            .uri("/a?b=c")
            .header("X-One", "1")
            .header("x-two", "1")
            .header("x-two", "2")
            .header("x-odd", "ü")
            .extension(7_u8)
            .body(())
            .unwrap();
        let asked = Asked::of(&request);
        for (name, expect) in
            [("x-one", Some("1")), ("X-ONE", Some("1")), ("x-two", None), ("x-odd", None)]
        {
            assert_eq!(asked.header(name), expect, "{name}");
        }
        assert_eq!((asked.method(), asked.path(), asked.route()), ("GET", "/a", None));
        assert_eq!(asked.extension::<u8>(), Some(&7));
        assert_eq!(asked.extension::<u16>(), None);
    }
}
