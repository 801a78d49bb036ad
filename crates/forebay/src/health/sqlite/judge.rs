//! All checks of an SQLite database.

use super::facts::Facts;
use super::{
    build, check_constraints, contents, disk_space, durability, foreign_keys, free_pages,
    integrity, journal, orphans, planner, unused_space, wal,
};
use crate::health::options::HealthOptions;
use crate::health::report::HealthCheck;
use crate::health::{cache, capacity, child_index, expected, latency, pool, redundant_index};

/// What all checks think of the facts.
pub(in crate::health) fn judge(facts: &Facts, options: &HealthOptions) -> Vec<HealthCheck> {
    let mut checks = vec![
        integrity::check(facts),
        orphans::check(facts),
        check_constraints::check(facts),
        child_index::check(&facts.schema),
        redundant_index::check(&facts.schema),
        journal::check(facts),
        wal::check(facts),
        disk_space::check(facts),
        free_pages::check(facts),
        unused_space::check(facts),
        planner::analysed(facts),
        planner::up_to_date(facts),
        latency::check(facts.read),
        contents::check(facts),
        build::check(facts),
    ];
    checks.extend(expected::indexes(&facts.schema, &options.indexes));
    checks.extend(expected::relations(&facts.schema, &options.relations));
    if !options.is_of_file {
        checks.extend([
            foreign_keys::check(facts),
            durability::check(facts),
            pool::check(&facts.stats),
            cache::check(&facts.stats),
        ]);
        checks.extend(capacity::checks(&facts.stats));
    }
    checks
}
