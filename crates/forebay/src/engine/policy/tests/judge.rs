use std::time::Duration;

use super::super::words::{Age, Leave, Policy, Sight};
use Leave::{Aged, Exact, No, OnError, Revalidate};

/// A policy written as `ttl=1 only=2 swr=3 sie=4`, in seconds.
fn policy(words: &str) -> Policy {
    let mut policy = Policy::default();
    for word in words.split_whitespace() {
        let (name, seconds) = word.split_once('=').unwrap();
        let limit = Duration::from_secs(seconds.parse().unwrap());
        match name {
            "ttl" => policy.ttl = Some(limit),
            "only" => policy.ttl_only = Some(limit),
            "swr" => policy.stale_while_revalidate = limit,
            "sie" => policy.stale_if_error = limit,
            _ => panic!("{name}"),
        }
    }
    policy
}

#[test]
fn what_the_words_allow() {
    let check = |words: &str, read: u64, untrue: Option<u64>, expect| {
        let untrue = untrue.map(Duration::from_secs);
        let age = Age { read: Duration::from_secs(read), untrue, is_overwritten: false };
        let leave = policy(words).judge(age, Sight::Followed);
        assert_eq!(leave, expect, "{words:?}, read {read} s ago, untrue {untrue:?}");
    };
    check("", 1_000, None, Exact);
    check("", 0, Some(0), No);
    check("ttl=10", 9, None, Exact);
    check("ttl=10", 10, None, No);
    check("ttl=10", 5, Some(0), No);
    check("ttl=0", 0, None, No);
    check("only=10", 9, None, Exact);
    check("only=10", 9, Some(9), Aged);
    check("only=10", 10, Some(1), No);
    check("only=10", 10, None, No);
    check("only=10 ttl=2", 5, Some(5), Aged);
    check("only=10 swr=5", 14, Some(14), Revalidate);
    check("only=10 swr=5", 15, Some(1), No);
    check("swr=5", 1_000, Some(4), Revalidate);
    check("swr=5", 1_000, Some(5), No);
    check("swr=5", 1_000, None, Exact);
    check("ttl=10 swr=5", 14, None, Revalidate);
    check("ttl=10 swr=5", 15, None, No);
    check("ttl=10 swr=5", 14, Some(5), No);
    check("ttl=10 swr=5", 15, Some(1), No);
    check("sie=5", 1_000, Some(4), OnError);
    check("sie=5", 1_000, Some(5), No);
    check("swr=2 sie=5", 9, Some(1), Revalidate);
    check("swr=2 sie=5", 9, Some(3), OnError);
}

#[test]
fn where_changes_are_not_seen() {
    let check = |words: &str, read: u64, is_overwritten, expect| {
        let read = Duration::from_secs(read);
        let age = Age { read, untrue: Some(read), is_overwritten };
        let leave = policy(words).judge(age, Sight::Never);
        assert_eq!(leave, expect, "{words:?}, read {read:?} ago");
    };
    check("", 0, false, No);
    check("ttl=10", 9, false, Aged);
    check("ttl=10", 10, false, No);
    check("ttl=10", 9, true, No);
    check("only=10", 9, true, Aged);
    check("ttl=2 only=10", 9, true, Aged);
    check("ttl=10 swr=5", 14, false, Revalidate);
    check("ttl=10 swr=5", 4, true, Revalidate);
    check("ttl=10 swr=5", 5, true, No);
    check("swr=5", 4, true, Revalidate);
}
