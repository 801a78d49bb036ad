//! What this binary is: its version, and with `--version` what it was built of.

use std::env::consts::{ARCH, OS};
use std::sync::LazyLock;

/// Set by whoever builds a release.
const COMMIT: Option<&str> = option_env!("FOREBAY_COMMIT");

/// The lines of `--version`.
pub(crate) fn long() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let libc = match () {
            () if cfg!(target_env = "musl") => "-musl",
            () if cfg!(target_env = "gnu") => "-gnu",
            () => "",
        };
        let linked = if cfg!(target_feature = "crt-static") { ", static" } else { "" };
        let otel = if cfg!(feature = "otel") { "built in" } else { "left out" };
        let kind = if cfg!(debug_assertions) { "debug" } else { "release" };
        format!(
            "{}\ncommit: {}\nbuilt for: {ARCH}-{OS}{libc}{linked}, {kind}\nSQLite: {}\n\
             OpenTelemetry: {otel}",
            env!("CARGO_PKG_VERSION"),
            COMMIT.unwrap_or("unknown"),
            rusqlite::version(),
        )
    });
    &TEXT
}
