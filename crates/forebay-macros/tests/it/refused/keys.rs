//! Keys, and where the cache is.

#![allow(unused_variables)]

use forebay_macros::cached;

struct Cache;

struct User {
    id: u32,
}

#[cached("search:{sesion_id}")]
fn unknown(cache: &Cache, session_id: u32, user: User) -> u32 {
    session_id + user.id
}

#[cached("a:{self.id}")]
fn without_self(cache: &Cache) -> u32 {
    1
}

#[cached("a:{x}{y}")]
fn run_together(cache: &Cache, x: u32, y: u32) -> u32 {
    x + y
}

#[cached("a:{x + 1}")]
fn computed(cache: &Cache, x: u32) -> u32 {
    x
}

#[cached("a:{x")]
fn open(cache: &Cache, x: u32) -> u32 {
    x
}

#[cached(ttl = "1h")]
fn no_key(cache: &Cache, x: u32) -> u32 {
    x
}

#[cached("a:{x}")]
fn no_cache(x: u32) -> u32 {
    x
}

#[cached("a:{x}", "b:{x}")]
fn two_keys(cache: &Cache, x: u32) -> u32 {
    x
}

fn main() {
    unknown(&Cache, 1, User { id: 1 });
    without_self(&Cache);
    run_together(&Cache, 1, 2);
    computed(&Cache, 1);
    open(&Cache, 1);
    no_key(&Cache, 1);
    no_cache(1);
    two_keys(&Cache, 1);
}
