//! The service that asks before a request is passed on.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::fields::{refusal, tell};
use super::handle::RateLimit;
use super::key::{client, key};
use crate::http::Asked;

/// A service whose requests are limited; made by [`RateLimit`].
#[derive(Clone, Debug)]
pub struct Limited<S> {
    inner: S,
    limit: RateLimit,
}

impl<S> Layer<S> for RateLimit {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited { inner, limit: self.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for Limited<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was ready is the one to call.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let limit = self.limit.inner.clone();
        let mut asked = Asked::of(&request);
        let Some(rule) = limit.rule(asked.route()).cloned() else {
            return Box::pin(inner.call(request));
        };
        asked.address = client(&asked, &limit.proxies);
        let key = key(&asked, limit.by.as_deref());
        Box::pin(async move {
            let decision = rule.decide(&key).await;
            let mut response = match decision.is_admitted {
                true => inner.call(request).await?,
                false => refusal(&rule.name, &decision.left, decision.wait),
            };
            tell(response.headers_mut(), &rule.name, &decision.left);
            Ok(response)
        })
    }
}
