//! The level of the log, told and changed while the process runs. The log itself belongs to
//! whoever has installed it: this calls what it was given.

use std::fmt;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::act::{body, told};
use super::builder::Inner;
use super::read::answer;
use crate::failure::Failure;

/// Bytes of a level, which may name modules.
const LEVEL_BYTES_MAX: usize = 1_000;

type Get = Box<dyn Fn() -> String + Send + Sync>;
type Set = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// How the level of the log is told and changed. Without one the admin API has no path for it.
#[derive(Clone)]
pub struct LogLevel(Arc<(Get, Set)>);

impl LogLevel {
    /// `get` gives the level in force, such as `info` or `warn,forebay=debug`. `set` puts another
    /// one in force, or says what is wrong with it; then the one before stays.
    pub fn new(
        get: impl Fn() -> String + Send + Sync + 'static,
        set: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static,
    ) -> LogLevel {
        LogLevel(Arc::new((Box::new(get), Box::new(set))))
    }
}

impl fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogLevel").field(&(self.0.0)()).finish()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetLevel {
    level: String,
}

pub(super) async fn level(State(admin): State<Arc<Inner>>) -> Response {
    answer(handle(&admin).map(|LogLevel(it)| json!({ "level": (it.0)() })))
}

pub(super) async fn set_level(
    State(admin): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    told(&caller, "set_log_level", level_set(&admin, request).await)
}

async fn level_set(admin: &Inner, request: Request) -> Result<Value, Failure> {
    let wish: SetLevel = body(request).await?;
    let LogLevel(it) = handle(admin)?;
    if wish.level.trim().is_empty() || wish.level.len() > LEVEL_BYTES_MAX {
        let text = format!("a level has from 1 to {LEVEL_BYTES_MAX} bytes, as in info");
        return Err(Failure::bad("LEVEL_INVALID", text));
    }
    (it.1)(&wish.level).map_err(|why| Failure::bad("LEVEL_INVALID", why))?;
    Ok(json!({ "level": (it.0)() }))
}

/// Without it there is nothing at this path, for whoever may ask at all.
fn handle(admin: &Inner) -> Result<&LogLevel, Failure> {
    admin.log.as_ref().ok_or_else(|| {
        Failure::new(404, "ROUTE_UNKNOWN", "the level of the log cannot be changed here")
    })
}
