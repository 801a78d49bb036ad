//! What those who watch an application are shown: the numbers and the health of its databases,
//! caches, tiers and guards, under names. It counts nothing and keeps no figures: all of it is read
//! from the parts when it is asked for.

mod database;
mod guards;
mod guide;
mod handle;
mod health;
mod keyed;
mod metric;
mod page;
mod pools;
#[cfg(feature = "metrics")]
mod record;
mod repeats;
#[cfg(feature = "http")]
mod requests;
mod statements;
mod text;
#[cfg(any(feature = "disk", feature = "redis"))]
mod tiers;

pub use handle::Monitor;
pub use health::PartHealth;
pub use metric::{Metric, MetricHistogram, MetricKind, MetricSeries, MetricValue};
