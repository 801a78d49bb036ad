//! The one error of this crate: why the service could not start or go on. What a client of the
//! service gets to see is `failure`.

use std::error::Error as StdError;
use std::fmt;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the service could not start or go on.
pub struct Error {
    kind: Kind,
    message: String,
    cause: Option<std::io::Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Options,
    Listener,
    Tls,
}

impl Error {
    pub(crate) fn options(message: impl Into<String>) -> Error {
        Error { kind: Kind::Options, message: message.into(), cause: None }
    }

    pub(crate) fn listener(message: impl Into<String>, cause: std::io::Error) -> Error {
        Error { kind: Kind::Listener, message: message.into(), cause: Some(cause) }
    }

    pub(crate) fn tls(message: impl Into<String>) -> Error {
        Error { kind: Kind::Tls, message: message.into(), cause: None }
    }

    /// A field of [`crate::Options`] is out of its range; the text names it.
    pub fn is_options(&self) -> bool {
        self.kind == Kind::Options
    }

    /// The listener does not work.
    pub fn is_listener(&self) -> bool {
        self.kind == Kind::Listener
    }

    /// A certificate or its key cannot be used; the text names the file.
    pub fn is_tls(&self) -> bool {
        self.kind == Kind::Tls
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("cause", &self.cause)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| cause as &(dyn StdError + 'static))
    }
}
