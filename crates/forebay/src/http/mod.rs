//! Layers for axum and tower, and extractors for handlers: how long requests take and what they
//! ask of databases, how many a client may send, answers that are kept as long as they are true. It
//! routes nothing and serves nothing. How to use it: `docs/guide/http.md`.

mod asked;
mod compress;
mod extract;
mod failure;
mod guide;
mod histogram;
mod kept;
mod limit;
mod requests;
mod route;
mod tally;
#[cfg(test)]
mod tests;
mod timing;

pub use asked::Asked;
pub use compress::{Compressed, Compression};
pub use kept::{KeptResponses, ResponseCache, ResponseCacheBuilder, ResponseCacheStats};
pub use limit::{Limited, RateLimit, RateLimitBuilder, RateLimitStats};
pub use requests::{RequestStats, Requests, RequestsBuilder, RouteStats};
pub use timing::Timed;
