//! What a statement costs through Forebay, beside what it costs without: a hit against a bare
//! lookup in the cache crate, and hits, misses and writes against rusqlite, all in one process on
//! one file. Peers that link another SQLite are compared in `bench/compare`.

mod audit;
mod bare;
mod capture;
mod dataset;
mod driver;
mod hit;
mod miss;
mod threads;
mod write;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

fn short() -> Criterion {
    Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(2_000))
}

criterion_group! {
    name = all;
    config = short();
    targets = hit::hit, hit::hit_cold, audit::audit, miss::miss, write::write, capture::capture,
        threads::threads
}
criterion_main!(all);
