//! `forebay advise`: which indexes a workload would gain by, proven on a copy. What is advised, the
//! library decides; here it is shown, and run if that is asked for.

mod apply;
mod json;
mod page;
mod run;
mod source;

pub(crate) use run::advise;
