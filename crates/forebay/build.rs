//! Finds out whether the bundled SQLite is compiled with its preupdate hook, which it is when
//! `LIBSQLITE3_FLAGS` says so, and then sets the cfg `forebay_preupdate`. Without it nothing
//! refers to the hook, so that a plain build never fails to link.

use std::env;

const FLAG: &str = "SQLITE_ENABLE_PREUPDATE_HOOK";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(forebay_preupdate)");
    println!("cargo::rerun-if-changed=build.rs");
    for name in ["LIBSQLITE3_FLAGS", "LIBSQLITE3_SYS_USE_PKG_CONFIG"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    // A library of the system was compiled by others, with flags of their own.
    let is_bundled = env::var_os("LIBSQLITE3_SYS_USE_PKG_CONFIG").is_none_or(|value| value == "0");
    let flags = env::var("LIBSQLITE3_FLAGS").unwrap_or_default();
    if is_bundled && is_compiled_in(&flags) {
        println!("cargo::rustc-cfg=forebay_preupdate");
    }
}

/// Whether `flags` define the option; the last that names it counts.
fn is_compiled_in(flags: &str) -> bool {
    let mut is_defined = false;
    for flag in flags.split_whitespace() {
        let (defines, name) = match flag.strip_prefix("-U") {
            Some(name) => (false, name),
            None => (true, flag.strip_prefix("-D").unwrap_or(flag)),
        };
        if name == FLAG || name.strip_prefix(FLAG).is_some_and(|rest| rest.starts_with('=')) {
            is_defined = defines;
        }
    }
    is_defined
}
