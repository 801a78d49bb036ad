//! The time as a value that is passed in, so that what depends on it can be tested without
//! waiting. It does not sleep and knows no calendar.

use std::time::Instant;

/// Tells the time: the real one, or in tests one that is moved by hand. Clones agree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    #[cfg(test)]
    manual: Option<std::sync::Arc<std::sync::Mutex<Instant>>>,
    #[cfg(test)]
    is_tokios: bool,
}

impl Clock {
    pub(crate) fn real() -> Clock {
        Clock::default()
    }

    #[inline]
    pub(crate) fn now(&self) -> Instant {
        #[cfg(test)]
        if let Some(manual) = &self.manual {
            return *manual.lock().expect("moving the clock does not panic");
        }
        #[cfg(test)]
        if self.is_tokios {
            return tokio::time::Instant::now().into_std();
        }
        Instant::now()
    }

    /// The clock that tokio's timers go by, which a test may have paused.
    #[cfg(test)]
    pub(crate) fn tokios() -> Clock {
        Clock { manual: None, is_tokios: true }
    }

    /// A clock that stands still until it is advanced.
    #[cfg(test)]
    pub(crate) fn manual() -> Clock {
        let manual = std::sync::Arc::new(std::sync::Mutex::new(Instant::now()));
        Clock { manual: Some(manual), is_tokios: false }
    }

    #[cfg(test)]
    pub(crate) fn advance(&self, by: std::time::Duration) {
        let manual = self.manual.as_ref().expect("only a manual clock can be advanced");
        *manual.lock().expect("moving the clock does not panic") += by;
    }
}
