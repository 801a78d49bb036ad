//! The service that looks for an answer before it asks for one.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_core::BoxError;
use axum_core::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as HttpBody;
use tokio::sync::oneshot;
use tower_layer::Layer;
use tower_service::Service;
use tracing::{Instrument as _, Span};

use super::asking::{Looking, look, tag};
use super::entry::{Answer, Entry, unless_known};
use super::handle::{Found, Inner, ResponseCache};
use super::load::{Loaded, Slot, broken, load, pass_on};
use super::place;
use super::why::Why;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

type Boxed<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// A service whose answers are kept; made by [`ResponseCache`].
#[derive(Clone, Debug)]
pub struct KeptResponses<S> {
    inner: S,
    cache: ResponseCache,
}

impl<S> Layer<S> for ResponseCache {
    type Service = KeptResponses<S>;

    fn layer(&self, inner: S) -> KeptResponses<S> {
        KeptResponses { inner, cache: self.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for KeptResponses<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: HttpBody + Send + 'static,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Boxed<Response<Body>, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was ready is the one to call.
        let next = self.inner.clone();
        let service = std::mem::replace(&mut self.inner, next);
        let cache = self.cache.inner.clone();
        match look(&request, cache.settings.by.as_deref()) {
            Ok(looking) => Box::pin(answer(cache, service, request, looking)),
            Err(why) => Box::pin(past(cache, service, request, why)),
        }
    }
}

/// A request that goes to the handler, whose answer is for it alone.
async fn past<S, B, R>(
    cache: Arc<Inner>,
    mut service: S,
    request: Request<B>,
    why: Why,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    cache.count_past(why);
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    let spoils = (!request.method().is_safe()).then(|| tag(&request));
    let mut response = pass_on(&mut service, request).await?;
    if let Some(tag) = spoils
        && (response.status().is_success() || response.status().is_redirection())
    {
        cache.spoil(&tag).await;
    }
    if is_read {
        say(&mut response, &format!("forebay; fwd=bypass; detail={}", why.word()));
    }
    Ok(response)
}

/// A request that may be answered from what is kept.
async fn answer<S, B, R>(
    cache: Arc<Inner>,
    service: S,
    request: Request<B>,
    looking: Looking,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Send + 'static,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let names = cache.names(&looking.base).await;
    let key = place::key(&looking.base, &names, request.headers());
    match cache.find(&key).await {
        Found::Answer(entry) => {
            let now_ms = cache.now_ms();
            let kept = entry.answer().filter(|it| it.suits(&looking.control, now_ms));
            let Some(kept) = kept else {
                return past(cache, service, request, Why::AskedAnew).await;
            };
            cache.count_hit();
            let status = format!("forebay; hit; ttl={}", kept.left(now_ms));
            return Ok(give(&cache, kept, &tags(&request), looking.is_head, &status));
        }
        Found::Past => return past(cache, service, request, Why::Known).await,
        Found::Nothing if looking.control.only_if_cached => return Ok(nothing_kept()),
        Found::Nothing if looking.is_head => {
            return past(cache, service, request, Why::Method).await;
        }
        Found::Nothing => {}
    }
    made(cache, service, request, Arc::new(looking), names, &key).await
}

/// An answer that the handler makes, for this request and all others of the kind.
async fn made<S, B, R>(
    cache: Arc<Inner>,
    service: S,
    request: Request<B>,
    looking: Arc<Looking>,
    names: Arc<Vec<String>>,
    key: &[u8],
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Send + 'static,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let tags = tags(&request);
    let (slot, (tell, mut told)) = (Slot::new(request), oneshot::channel());
    let (own_cache, own_service, own_slot) = (cache.clone(), service.clone(), slot.clone());
    let (own_looking, own_key) = (looking.clone(), key.to_vec());
    // What the application traces of a request goes on in the task of the load.
    let span = Span::current();
    let work = move || {
        let work = async move {
            // Nobody else takes it before the load has begun.
            let Some(request) = own_slot.take() else {
                return Ok(Entry::Past { until_ms: 0 });
            };
            let Loaded { entry, alone } =
                load(&own_cache, service, request, &own_looking, &names, &own_key).await;
            if let Some(alone) = alone {
                // Whoever has gone does not need it.
                let _ = tell.send(alone);
            }
            Ok::<_, Infallible>(entry)
        };
        work.instrument(span)
    };
    let entry = cache.entry(key, &looking.tag).get_or_load(work).await;
    if let Ok((alone, why)) = told.try_recv() {
        cache.count_past(why);
        let mut response = unless_known(alone?, &tags);
        say(&mut response, &format!("forebay; fwd=miss; detail={}", why.word()));
        return Ok(response);
    }
    let waiting = slot.take();
    match (entry.as_deref().ok().and_then(Entry::answer), waiting) {
        (Some(answer), waiting) => {
            let status = match waiting {
                None => {
                    cache.count_made();
                    "forebay; fwd=miss; stored"
                }
                Some(_) => {
                    cache.count_joined();
                    "forebay; fwd=miss; collapsed"
                }
            };
            Ok(give(&cache, answer, &tags, false, status))
        }
        (None, Some(request)) => past(cache, own_service, request, Why::Known).await,
        // The handler has panicked.
        (None, None) => {
            cache.count_past(Why::Failed);
            Ok(broken())
        }
    }
}

fn give(
    cache: &Inner,
    answer: &Answer,
    tags: &[HeaderValue],
    is_head: bool,
    status: &str,
) -> Response<Body> {
    let mut response = answer.give(tags, is_head, cache.now_ms());
    if response.status() == StatusCode::NOT_MODIFIED {
        cache.count_unchanged();
    }
    say(&mut response, status);
    response
}

/// The tags that a client has.
fn tags<B>(request: &Request<B>) -> Vec<HeaderValue> {
    request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect()
}

/// Says what the cache has done.
fn say(response: &mut Response<Body>, status: &str) {
    if let Ok(status) = HeaderValue::from_str(status) {
        response.headers_mut().append(CACHE_STATUS, status);
    }
}

/// For who wants what is kept and nothing else.
fn nothing_kept() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
    say(&mut response, "forebay; fwd=miss");
    response
}
