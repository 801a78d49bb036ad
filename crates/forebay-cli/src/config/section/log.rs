//! What is logged, and how.

use crate::config::choice::{Directives, LogFormat};
use crate::config::setting::section;

section! {
    /// What is logged to standard error.
    struct Log {
        /// error, warn, info, debug, trace or off, or per module, as in
        /// `warn,forebay_server=debug`.
        level: Directives = Directives("info".to_owned()),
            flag "log-level", env "FOREBAY_LOG", env "RUST_LOG", is [live];
        /// text: lines for people; json: one object a line.
        format: LogFormat = LogFormat::Text, flag "log-format";
    }
}
