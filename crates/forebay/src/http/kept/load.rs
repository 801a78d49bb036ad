//! The handler is asked for an answer that may be for all who want the same, with what it rests on.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};

use axum_core::BoxError;
use axum_core::body::Body;
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderName, Request, Response, StatusCode, header};
use http_body::Body as HttpBody;
use http_body_util::BodyExt as _;
use tower_service::Service;

use super::asking::Looking;
use super::control::TARGETED;
use super::entry::{Answer, Entry};
use super::handle::Inner;
use super::judge::{Keep, judge};
use super::place::learned;
use super::why::Why;
use crate::clock::millis;
use crate::depend::{self, Evidence};

/// Conditions of a request, which are looked at when there is an answer: the handler is asked for
/// the whole of it.
const CONDITIONS: [HeaderName; 2] = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE];

/// A request that one of two takes: the load, or who has waited for another's load in vain.
pub(super) struct Slot<B>(Arc<Mutex<Option<Request<B>>>>);

/// What has become of a load.
pub(super) struct Loaded<E> {
    pub(super) entry: Entry,
    /// What is for the one who began it alone, and why.
    pub(super) alone: Option<(Result<Response<Body>, E>, Why)>,
}

/// What a handler has made.
enum Made<E> {
    Whole { head: Parts, body: Bytes, keep: Keep },
    Other(Result<Response<Body>, E>, Why),
}

impl<B> Slot<B> {
    pub(super) fn new(request: Request<B>) -> Slot<B> {
        Slot(Arc::new(Mutex::new(Some(request))))
    }

    pub(super) fn take(&self) -> Option<Request<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<B> Clone for Slot<B> {
    fn clone(&self) -> Slot<B> {
        Slot(self.0.clone())
    }
}

/// Asks the handler. `names` are those of the headers that are in `key`.
pub(super) async fn load<S, B, R>(
    cache: &Inner,
    mut service: S,
    mut request: Request<B>,
    looking: &Looking,
    names: &[String],
    key: &[u8],
) -> Loaded<S::Error>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    for name in CONDITIONS {
        request.headers_mut().remove(name);
    }
    let work = async {
        match service.call(request).await {
            Ok(response) => take_in(cache, response, looking).await,
            Err(error) => Made::Other(Err(error), Why::Failed),
        }
    };
    let (made, evidence) = depend::collect(work).await;
    let (head, body, keep) = match made {
        Made::Whole { head, body, keep } => (head, body, keep),
        Made::Other(response, why) => return cache.not_kept(response, why),
    };
    if let Some(all) = learned(names, &keep.vary) {
        // From now on requests are looked for by these names, too.
        cache.learn(&looking.base, all).await;
        let entry = Entry::Past { until_ms: 0 };
        return Loaded { entry, alone: Some((Ok(whole(head, body)), Why::Vary)) };
    }
    if !evidence.is_true() && !evidence.is_void() {
        // Nobody could be given it; without this each would wait for the one before, in vain.
        cache.leave(key).await;
    }
    match cache.doubt(&evidence) {
        Some(why) => cache.not_kept(Ok(whole(head, body)), why),
        None => {
            let answer = Answer::new(&head, body, &keep, cache.now_ms());
            Loaded { entry: Entry::Answer(answer), alone: None }
        }
    }
}

impl Inner {
    /// Why what rests on this is not kept.
    fn doubt(&self, evidence: &Evidence) -> Option<Why> {
        if evidence.unproven().is_some() {
            return Some(Why::Doubt);
        }
        (evidence.is_empty() && !self.settings.keeps_without_queries).then_some(Why::NoQueries)
    }

    fn not_kept<E>(&self, response: Result<Response<Body>, E>, why: Why) -> Loaded<E> {
        let until_ms = self.now_ms().saturating_add(millis(super::handle::PAST_FOR));
        Loaded { entry: Entry::Past { until_ms }, alone: Some((response, why)) }
    }
}

/// Reads the body of an answer that may be kept.
async fn take_in<R, E>(cache: &Inner, response: Response<R>, looking: &Looking) -> Made<E>
where
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let (head, body) = response.into_parts();
    let judged = judge(&head, looking.whose, cache.settings.words);
    let judged = judged.and_then(|keep| match body.size_hint().exact() {
        Some(bytes) if bytes > cache.settings.body_bytes_max => Err(Why::TooLarge),
        Some(_) => Ok(keep),
        None => Err(Why::Streamed),
    });
    let keep = match judged {
        Ok(keep) => keep,
        Err(why) => return Made::Other(Ok(whole(head, Body::new(body))), why),
    };
    match body.collect().await {
        Ok(read) if read.trailers().is_some() => {
            Made::Other(Ok(whole(head, Body::new(read))), Why::Streamed)
        }
        Ok(read) => Made::Whole { head, body: read.to_bytes(), keep },
        Err(_) => Made::Other(Ok(broken()), Why::Failed),
    }
}

/// The answer as the handler has made it.
fn whole(mut head: Parts, body: impl Into<Body>) -> Response<Body> {
    head.headers.remove(TARGETED);
    Response::from_parts(head, body.into())
}

/// What a client gets where the handler has broken off.
pub(super) fn broken() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// Waits until a service takes a request, and passes it on.
pub(super) async fn pass_on<S, B, R>(
    service: &mut S,
    request: Request<B>,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    poll_fn(|context| service.poll_ready(context)).await?;
    let (head, body) = service.call(request).await?.into_parts();
    Ok(whole(head, Body::new(body)))
}
