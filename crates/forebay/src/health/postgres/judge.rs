//! All checks of a PostgreSQL database.

use super::facts::Facts;
use super::{
    archive, autovacuum, buffers, checksums, collations, connections, constraints, dead_rows,
    durability, extensions, invalid_index, locks, materialized_views, planner, replica_identity,
    sequence_positions, sequences, settings, slots, standby, subscriptions, synchronous,
    transactions, triggers, unused_index, wraparound,
};
use crate::health::options::HealthOptions;
use crate::health::report::HealthCheck;
use crate::health::{cache, capacity, child_index, expected, pool, redundant_index};

/// What all checks think of the facts.
pub(in crate::health) fn judge(facts: &Facts, options: &HealthOptions) -> Vec<HealthCheck> {
    let mut checks = vec![
        wraparound::check(facts),
        durability::check(facts),
        connections::check(facts),
        transactions::long(facts),
        transactions::idle(facts),
        slots::check(facts),
        standby::check(facts),
        sequences::check(facts),
        invalid_index::check(facts),
        child_index::check(&facts.schema),
        redundant_index::check(&facts.schema),
        unused_index::check(facts),
        dead_rows::check(facts),
        planner::check(facts),
        buffers::check(facts),
        checksums::check(facts),
        archive::check(facts),
        synchronous::check(facts),
        subscriptions::check(facts),
        replica_identity::check(facts),
        transactions::prepared(facts),
        locks::check(facts),
        autovacuum::check(facts),
        collations::check(facts),
        sequence_positions::check(facts),
        triggers::enforced(facts),
        triggers::silent(facts),
        constraints::check(facts),
        materialized_views::check(facts),
        extensions::check(facts),
        settings::misread(facts),
        settings::pending(facts),
    ];
    checks.extend(expected::indexes(&facts.schema, &options.indexes));
    checks.extend(expected::relations(&facts.schema, &options.relations));
    if !options.is_of_file {
        checks.extend([pool::check(&facts.stats), cache::check(&facts.stats)]);
        checks.extend(capacity::checks(&facts.stats));
    }
    checks
}
