//! How precise the cache is on two workloads as applications have them: its hits beside those of
//! a cache that drops whole tables, and of one that drops an answer only when it has changed.

mod measure;
mod news;
mod shop;
mod site;
mod zipf;

pub(crate) use measure::measure;
