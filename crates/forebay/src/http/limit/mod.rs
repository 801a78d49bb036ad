//! How many requests a client may send: by user, key or address, in this process or in all that
//! share a Redis. What is admitted is decided by the limiters of `guard`; here is who asks, and how
//! it is answered.

mod address;
mod fields;
mod handle;
mod key;
mod layer;
mod rule;

pub use handle::{RateLimit, RateLimitBuilder, RateLimitStats};
pub use layer::Limited;
