//! Following a server: the stream of its commits, the questions that go with it, and the fences
//! around writes of our own. It does the I/O for what `stream` and `invalidate` decide.

mod beginning;
mod clerk;
mod fenced;
mod followed;
mod keep;
mod lag;
mod session;
mod sole;

pub(crate) use fenced::Fenced;
pub(crate) use followed::Followed;
pub(crate) use keep::{Keeper, keep};
