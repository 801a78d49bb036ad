//! Words, and what they are given.

#![allow(unused_variables)]

use forebay_macros::{cached, invalidates};

struct Cache;

#[cached("a", tll = "1h")]
fn unknown(cache: &Cache) -> u32 {
    1
}

#[cached("a", ttl = 60)]
fn without_unit(cache: &Cache) -> u32 {
    1
}

#[cached("a", ttl = "an hour")]
fn no_duration(cache: &Cache) -> u32 {
    1
}

#[cached("a", ttl = "1h", ttl = "2h")]
fn twice(cache: &Cache) -> u32 {
    1
}

#[cached("a", guarded_by = breaker)]
fn guarded(cache: &Cache, breaker: u32) -> u32 {
    breaker
}

#[cached("a", keep_warm)]
fn kept_warm(cache: &Cache) -> u32 {
    1
}

#[invalidates("a", ttl = "1h")]
fn forgets(cache: &Cache) {}

#[invalidates]
fn forgets_nothing(cache: &Cache) {}

#[invalidates("a:{id}")]
fn forgets_unknown(cache: &Cache, user: u32) {}

fn main() {
    unknown(&Cache);
    without_unit(&Cache);
    no_duration(&Cache);
    twice(&Cache);
    guarded(&Cache, 1);
    kept_warm(&Cache);
    forgets(&Cache);
    forgets_nothing(&Cache);
    forgets_unknown(&Cache, 1);
}
