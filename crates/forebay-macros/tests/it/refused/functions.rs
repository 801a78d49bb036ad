//! What an attribute stands at.

#![allow(unused_variables)]

use std::future::Future;
use std::pin::Pin;

use forebay_macros::{cached, invalidates};

struct Cache;

#[cached("a")]
struct Thing;

#[cached("a")]
fn nothing(cache: &Cache) {}

#[cached("a")]
fn lent(cache: &Cache) -> &str {
    "a"
}

#[cached("a")]
fn boxed(cache: &Cache) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    Box::pin(async { 1 })
}

#[cached("a")]
async fn changes(cache: &Cache, list: &mut Vec<u32>) -> Result<u32, ()> {
    list.push(1);
    Ok(1)
}

#[cached("a")]
async fn borrows(cache: &Cache, list: Vec<&str>) -> Result<usize, ()> {
    Ok(list.len())
}

#[cached("a")]
const fn constant(cache: &Cache) -> u32 {
    1
}

trait Rates {
    #[invalidates("a")]
    fn rate(&self, cache: &Cache) -> u32;
}

#[invalidates("a")]
fn later(cache: &Cache) -> impl Future<Output = u32> {
    async { 1 }
}

fn main() {
    let _ = Thing;
    nothing(&Cache);
    lent(&Cache);
    drop(boxed(&Cache));
    drop(changes(&Cache, &mut Vec::new()));
    drop(borrows(&Cache, Vec::new()));
    constant(&Cache);
    drop(later(&Cache));
}
