//! What is compressed, and that a client which has it compressed is told that it has it.

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get as on_get;

use super::{ask, header, request, text};
use crate::http::{Compression, ResponseCache};

fn router() -> Router {
    let answer = |asked: HeaderMap| async move {
        let length = asked["x-length"].to_str().unwrap().parse().unwrap();
        let kind = asked.get("x-kind").map_or("text/plain", |kind| kind.to_str().unwrap());
        let headers = [("content-type", kind.to_owned()), ("cache-control", "max-age=60".into())];
        (headers, "x".repeat(length))
    };
    let kept = ResponseCache::builder().keep_without_queries().build().unwrap();
    Router::new().route("/", on_get(answer)).route_layer(kept).layer(Compression::new())
}

#[tokio::test]
async fn long_texts_are_compressed_where_the_client_takes_it() {
    let check = async |headers: &[(&str, &str)], expect: Option<&str>| {
        let response = ask(&router(), request("GET", "/", headers)).await;
        assert_eq!(header(&response, "content-encoding"), expect, "{headers:?}");
        let is_weak = header(&response, "etag").unwrap().starts_with("W/\"");
        assert_eq!(is_weak, expect.is_some(), "{headers:?}");
    };
    let gzip = ("accept-encoding", "gzip, br");
    check(&[gzip, ("x-length", "1000")], Some("gzip")).await;
    check(&[gzip, ("x-length", "999")], None).await;
    check(&[("x-length", "5000")], None).await;
    check(&[("accept-encoding", "gzip;q=0"), ("x-length", "5000")], None).await;
    check(&[gzip, ("x-length", "5000"), ("x-kind", "image/png")], None).await;
    check(&[gzip, ("x-length", "5000"), ("x-kind", "image/svg+xml")], Some("gzip")).await;
    check(&[gzip, ("x-length", "5000"), ("x-kind", "text/event-stream")], None).await;
}

#[tokio::test]
async fn who_has_it_compressed_has_it() {
    let router = router();
    let headers = [("accept-encoding", "gzip"), ("x-length", "5000")];
    let first = ask(&router, request("GET", "/", &headers)).await;
    let tag = header(&first, "etag").unwrap().to_owned();
    let again = [&headers[..], &[("if-none-match", tag.as_str())]].concat();
    let response = ask(&router, request("GET", "/", &again)).await;
    assert_eq!((response.status().as_u16(), header(&response, "etag")), (304, Some(&*tag)));
    // The answer that is kept is the one that is not compressed.
    let plain = ask(&router, request("GET", "/", &[("x-length", "5000")])).await;
    assert!(header(&plain, "cache-status").unwrap().starts_with("forebay; hit"));
    assert_eq!(text(plain).await.len(), 5_000);
}
