//! The layers around routers of axum, over real databases.

mod compress;
mod failure;
mod kept;
mod limit;
mod timing;

use axum_core::body::Body;
use axum_core::extract::Request;
use axum_core::response::Response;
use http_body_util::BodyExt as _;
use tower_service::Service;

/// One request without a body.
fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

/// What a router answers.
async fn ask(router: &axum::Router, request: Request) -> Response {
    let mut router = router.clone();
    match Service::<Request>::call(&mut router, request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn get(router: &axum::Router, uri: &str) -> Response {
    ask(router, request("GET", uri, &[])).await
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The value of a header that is there once.
fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let mut values = response.headers().get_all(name).iter();
    let value = values.next().map(|value| value.to_str().unwrap());
    assert!(values.next().is_none(), "{name} is there twice");
    value
}
