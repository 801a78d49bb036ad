//! A statement that outlives the call of its caller, so that it can be asked again behind it.

use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::words::Policy;
use crate::backend::Limits;
use crate::cache::{Key, Resident as _, Shape, Text};
use crate::engine::call::Call;
use crate::params::Params;

/// A statement with its parameters and options, owned.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    text: Text,
    params: Params,
    policy: Arc<Policy>,
    timeout: Option<Duration>,
    limits: Limits,
    caller: &'static Location<'static>,
}

impl Asked {
    pub(super) fn of(call: &Call<'_>, text: Text, policy: &Arc<Policy>) -> Asked {
        Asked {
            text,
            params: call.params.clone(),
            policy: policy.clone(),
            timeout: call.timeout,
            limits: call.limits,
            caller: call.caller,
        }
    }

    pub(super) fn call(&self) -> Call<'_> {
        Call {
            text: self.text.as_ref(),
            around: "",
            params: self.params.clone(),
            name: None,
            no_cache: false,
            is_exact: false,
            // Its words are there already.
            is_ruled: true,
            coalesces: false,
            is_strict: false,
            timeout: self.timeout,
            until: OnceLock::new(),
            limits: self.limits,
            policy: Some(self.policy.clone()),
            guards: None,
            caller: self.caller,
        }
    }

    pub(super) fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    pub(super) fn key(&self) -> Key {
        Key { text: self.text.clone(), params: self.params.clone(), shape: Shape::rows() }
    }

    /// Bytes that it takes beside itself, about; its text is shared.
    pub(super) fn size(&self) -> usize {
        self.key().size()
    }
}
