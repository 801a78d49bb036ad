//! Answers of handlers, kept by the rules of HTTP for a cache that all clients share (RFC 9111),
//! and given again only as long as what the handler has read from databases is true. What an answer
//! rests on is collected by `depend`; where it lies, and who loads it for whom, is the keyed
//! cache's. Where there is a doubt, the handler is asked.

mod asking;
mod control;
mod entry;
mod handle;
mod judge;
mod layer;
mod load;
mod place;
mod tag;
mod why;

pub use handle::{ResponseCache, ResponseCacheBuilder, ResponseCacheStats};
pub use layer::KeptResponses;
