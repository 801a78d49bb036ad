//! The admin API: what an operator looks at, and the few things that he may change, as a router
//! that an application nests. The service has it under `/api/v1/admin`. It keeps no figures: all
//! is asked of the library when it is wanted.

mod access;
mod act;
mod advice;
mod apply;
mod beat;
mod builder;
mod configuration;
mod gate;
mod jwt;
mod key;
mod live;
mod logging;
mod maintenance;
mod opened;
mod page;
mod read;
mod routes;
mod setting;
mod shown;
mod wish;

pub use access::Access;
pub use builder::{Admin, AdminBuilder};
pub use configuration::{Configuration, Configured};
pub use jwt::Jwt;
pub use logging::LogLevel;
pub(crate) use routes::{DASHBOARD, LIVE};
pub(crate) use shown::{cache_numbers, performance};
