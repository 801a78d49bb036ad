//! Logging: to standard error, in a form that is chosen, at a level that can be changed while the
//! process runs.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, anyhow};
use tracing_subscriber::layer::{Layered, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::config::LogFormat;

/// Somebody beside the log who takes what is traced, whatever the level of the log.
pub(crate) type Beside = Option<Box<dyn Layer<Registry> + Send + Sync>>;

/// The level of the log, to be looked at and changed.
#[derive(Clone)]
pub(crate) struct LogLevel {
    handle: reload::Handle<EnvFilter, Layered<Beside, Registry>>,
    text: Arc<Mutex<String>>,
}

impl LogLevel {
    /// What is logged now, as in `warn,forebay_server=debug`.
    pub(crate) fn get(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Logs this from now on. An error, and no change, if it is no level.
    pub(crate) fn set(&self, level: &str) -> Result<()> {
        let filter = EnvFilter::builder()
            .parse(level)
            .map_err(|error| anyhow!("{level:?} is no level of the log: {error}"))?;
        // Held over both, so that of two who change it the text is that of the filter.
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        self.handle.reload(filter).map_err(|error| anyhow!("the level cannot be set: {error}"))?;
        level.clone_into(&mut text);
        Ok(())
    }
}

impl From<LogLevel> for forebay_server::LogLevel {
    fn from(level: LogLevel) -> forebay_server::LogLevel {
        let own = level.clone();
        let set = move |text: &str| level.set(text).map_err(|error| error.to_string());
        forebay_server::LogLevel::new(move || own.get(), set)
    }
}

/// Begins to log: in colour only where standard error is a terminal.
pub(crate) fn begin(level: &str, format: LogFormat, beside: Beside) -> LogLevel {
    let (filter, handle) = reload::Layer::new(EnvFilter::builder().parse_lossy(level));
    let registry = tracing_subscriber::registry().with(beside);
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let layer = fmt::layer().with_writer(std::io::stderr);
    let layer = match format {
        LogFormat::Text => layer.with_ansi(colour).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    registry.with(layer.with_filter(filter)).init();
    LogLevel { handle, text: Arc::new(Mutex::new(level.to_owned())) }
}

/// The level that the environment asks for, for commands without a configuration.
pub(crate) fn wanted() -> Option<String> {
    std::env::var("FOREBAY_LOG").or_else(|_| std::env::var("RUST_LOG")).ok()
}
