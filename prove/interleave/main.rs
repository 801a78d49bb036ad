//! The parts of `invalidate` that threads share, with every interleaving tried: the horizon under
//! loom, which knows weak memory, and the dependency index under shuttle, which finds orders of
//! many more steps. The library's own files are compiled here with other atomics and locks.
#![cfg(not(test))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::duplicate_mod,
    clippy::module_inception,
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_imports,
    reason = "most of what the files offer is used by the library only"
)]

/// What the files of `invalidate` expect around them.
#[path = "../../crates/forebay/src/sql/mod.rs"]
mod sql;

/// Parameters and literals.
#[path = "../../crates/forebay/src/value.rs"]
mod value;

/// The error of a value that does not fit, which none here does.
mod error;

/// The horizon, compiled with the atomics of loom.
mod horizon;
/// The index, compiled with the locks of shuttle.
mod index;

fn main() {
    let checks: [(&str, fn()); 7] = [
        ("a horizon is seen after what was dropped", horizon::what_is_dropped_before_is_seen),
        ("a mixture of horizons never matches", horizon::a_mixture_never_matches),
        ("a horizon that matches is of the present", horizon::a_match_is_of_the_present),
        ("keys are dropped before they can be served", index::keys),
        ("windows are dropped before they can be served", index::windows),
        ("rows that a partner names are dropped, too", index::partners),
        ("forgotten shapes leave no ticket behind", index::flushes),
    ];
    for (name, check) in checks {
        let began = std::time::Instant::now();
        check();
        println!("{name}: ok, {:.1} s", began.elapsed().as_secs_f64());
    }
}
