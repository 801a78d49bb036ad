//! One statement as its caller put it.

use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::admission::CallGuards;
use super::database::Engine;
use super::policy::{Policy, Sight};
use crate::backend::Limits;
use crate::cache::{KeyRef, Shape, TextRef};
use crate::params::Params;
use crate::pool::HolderLabel;

/// A statement with its parameters and options.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    /// The text, without white space and comments around it.
    pub(crate) text: TextRef<'a>,
    /// The text with what stands around it; empty if that is nothing.
    pub(crate) around: &'a str,
    pub(crate) params: Params,
    pub(crate) name: Option<&'a str>,
    pub(crate) no_cache: bool,
    /// Its caller wants nothing that may be stale.
    pub(crate) is_exact: bool,
    /// Its rule has been looked for.
    pub(crate) is_ruled: bool,
    /// At the database it may be run together with others of its text.
    pub(crate) coalesces: bool,
    /// The cache has to catch up with the database first.
    pub(crate) is_strict: bool,
    /// The caller's own limit; the database's default otherwise.
    pub(crate) timeout: Option<Duration>,
    /// When it must have ended, from when that was asked first.
    pub(crate) until: OnceLock<Option<Instant>>,
    pub(crate) limits: Limits,
    /// How its answer may be kept, if its caller or the builder has said so.
    pub(crate) policy: Option<Arc<Policy>>,
    /// Guards of its own. Boxed, since most calls have none and are moved about.
    pub(crate) guards: Option<Box<CallGuards<'a>>>,
    pub(crate) caller: &'static Location<'static>,
}

impl Call<'_> {
    /// The same past the guards of the database.
    pub(super) fn unguarded(mut self) -> Self {
        self.guards.get_or_insert_default().skips_database = true;
        self
    }

    /// Whether it may be answered by what is in the cache right now.
    #[inline]
    pub(crate) fn looks_up(&self) -> bool {
        !self.no_cache && !self.has_to_catch_up()
    }

    /// Whether the cache has to catch up first. Not for who may be served what is stale.
    #[inline]
    pub(crate) fn has_to_catch_up(&self) -> bool {
        let is_lenient = |policy: &Arc<Policy>| policy.allows_stale(Sight::Followed);
        self.is_strict && !self.policy.as_ref().is_some_and(is_lenient)
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

impl Engine {
    /// A statement without parameters, under the settings of the database.
    pub(crate) fn call<'a>(&self, sql: &'a str, caller: &'static Location<'static>) -> Call<'a> {
        self.call_of(self.text_ref(sql), caller)
    }

    /// The same for a text that is ready to be looked up.
    // Always: out of line, the call would be copied out of it.
    #[inline(always)]
    pub(crate) fn call_of<'a>(
        &self,
        text: TextRef<'a>,
        caller: &'static Location<'static>,
    ) -> Call<'a> {
        Call {
            text,
            around: "",
            params: Params::default(),
            name: None,
            no_cache: false,
            is_exact: false,
            is_ruled: false,
            coalesces: false,
            is_strict: self.is_strict(),
            timeout: None,
            until: OnceLock::new(),
            limits: self.limits(),
            policy: self.policy(),
            guards: None,
            caller,
        }
    }
}
