//! Injected bugs, and whether the proof finds every one of them. The shipped source has nothing
//! of this in it: the bugs are put into a copy.

mod copy;
mod edit;
mod injected;
mod learn;
mod order;
mod partner;
mod rule;
mod trial;

pub(crate) use trial::try_all;
