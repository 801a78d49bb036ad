//! One statement as its caller put it.

use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::backend::Limits;
use crate::cache::{KeyRef, Shape, TextRef};
use crate::params::Params;
use crate::pool::HolderLabel;

/// A statement with its parameters and options.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    /// The text, without white space and comments around it.
    pub(crate) text: TextRef<'a>,
    pub(crate) params: Params,
    pub(crate) name: Option<&'a str>,
    pub(crate) no_cache: bool,
    /// The cache has to catch up with the database first.
    pub(crate) is_strict: bool,
    /// The caller's own limit; the database's default otherwise.
    pub(crate) timeout: Option<Duration>,
    /// When it must have ended, from when that was asked first.
    pub(crate) until: OnceLock<Option<Instant>>,
    pub(crate) limits: Limits,
    pub(crate) caller: &'static Location<'static>,
}

impl Call<'_> {
    /// Whether it may be answered by what is in the cache right now.
    #[inline]
    pub(crate) fn looks_up(&self) -> bool {
        !self.no_cache && !self.is_strict
    }

    /// The key of its answer in this form.
    #[inline]
    pub(super) fn key(&self, shape: Shape) -> KeyRef<'_> {
        KeyRef { text: self.text, params: &self.params, shape }
    }

    /// Who holds a connection for this call.
    pub(crate) fn holder(&self, statement: Option<Arc<str>>) -> HolderLabel {
        HolderLabel { caller: self.caller, statement }
    }

    /// When the statement must have ended: its limit counts from the first time that this is
    /// called, and for everything that is done on its behalf from then on.
    pub(crate) fn deadline(&self, default: Option<Duration>) -> Option<Instant> {
        let limit = || self.timeout.or(default).and_then(|it| Instant::now().checked_add(it));
        *self.until.get_or_init(limit)
    }
}
