//! The parts of `invalidate` that threads share, with every interleaving tried: the horizon, fences
//! and unconfirmed commits under loom, which knows weak memory, and the dependency index and what
//! is made of it under shuttle, which finds orders of many more steps. The library's own files are
//! compiled here with other atomics and locks.
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

/// What a comment of a statement may name.
#[path = "../../crates/forebay/src/trace.rs"]
mod trace;

/// Parameters and literals.
#[path = "../../crates/forebay/src/value.rs"]
mod value;

/// The error of a value that does not fit, which none here does.
mod error;

/// Fences and unconfirmed commits, compiled with the atomics of loom.
mod fence;
/// The horizon, compiled with the atomics of loom.
mod horizon;
/// The index, compiled with the locks of shuttle.
mod index;

fn main() {
    // Those under loom come first: shuttle reports every panic from its first check on, and loom
    // ends threads by some that nobody is to see.
    let checks: [(&str, fn()); 15] = [
        ("a horizon is seen after what was dropped", horizon::what_is_dropped_before_is_seen),
        ("a mixture of horizons never matches", horizon::a_mixture_never_matches),
        ("a horizon that matches is of the present", horizon::a_match_is_of_the_present),
        (
            "a fence stands until its commit is applied",
            fence::a_fence_stands_until_the_commit_is_applied,
        ),
        ("a fence heeds late shapes", fence::a_fence_heeds_late_shapes),
        ("a lifted fence shows what was applied", fence::a_lifted_fence_shows_what_was_applied),
        ("what is unconfirmed is not stored", fence::what_is_unconfirmed_is_not_stored),
        ("keys are dropped before they can be served", index::keys),
        ("windows are dropped before they can be served", index::windows),
        ("rows that a partner names are dropped, too", index::partners),
        ("forgotten shapes leave no ticket behind", index::flushes),
        (
            "answers are never older than what is known",
            index::stream::answers_are_never_older_than_what_is_known,
        ),
        ("nothing survives a lost stream", index::stream::nothing_survives_a_lost_stream),
        (
            "what is told too early is not stored",
            index::stream::what_is_told_too_early_is_not_stored,
        ),
        (
            "what is read when the stream ends is not stored",
            index::stream::what_is_read_when_the_stream_ends_is_not_stored,
        ),
    ];
    for (name, check) in checks {
        let began = std::time::Instant::now();
        check();
        println!("{name}: ok, {:.1} s", began.elapsed().as_secs_f64());
    }
}
