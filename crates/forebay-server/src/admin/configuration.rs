//! The configuration in force, as whoever has read it tells it: keys, values, and where each value
//! comes from. It is replaced as a whole when the configuration is read again.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Value, json};

use super::setting;

/// Settings at most; further ones are left out.
const SETTINGS_MAX: usize = 10_000;

/// One setting. Secrets are for whoever makes it to leave out; a password in a URL is masked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configured {
    /// As in `pool.max_size` or `rule[0].deny`.
    pub key: String,
    /// As it stands in a file; none if it is not set.
    pub value: Option<String>,
    /// A file with a line, a variable, a flag, or `default`.
    pub origin: String,
    /// Whether it takes effect when the configuration is read again.
    pub is_live: bool,
}

/// The configuration that the admin API shows. A clone is the same one.
#[derive(Clone, Default)]
pub struct Configuration(Arc<RwLock<Vec<Configured>>>);

impl Configuration {
    /// One with these settings, in their order.
    pub fn new(all: impl IntoIterator<Item = Configured>) -> Configuration {
        let own = Configuration::default();
        own.replace(all);
        own
    }

    /// Shows others from now on.
    pub fn replace(&self, all: impl IntoIterator<Item = Configured>) {
        let all = all.into_iter().take(SETTINGS_MAX).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = all;
    }

    pub(super) fn shown(&self) -> Value {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let shown = all.iter().map(|it| {
            json!({
                "key": it.key,
                "value": it.value.as_deref().map(setting::without_password),
                "origin": it.origin,
                "is_live": it.is_live,
            })
        });
        shown.collect()
    }
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Configuration({} settings)", all.len())
    }
}
