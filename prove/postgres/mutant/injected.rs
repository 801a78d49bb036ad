//! The list of all injected bugs, which stand in tables by topic, and how they are to be found.

use super::edit::Mutant;
use super::{order, rule, stream};

/// The program that has to find them, and what it is built with.
pub(super) const PROGRAM: &str = "forebay-prove-postgres";
pub(super) const FEATURES: &str = "servers";

/// Seeds that each bug has to be found with.
pub(super) const SEEDS: u64 = 3;

/// Turns within which it has to be found; many at once come after them.
pub(super) const WRITES_MAX: u64 = 600;

/// Reads of the population.
pub(super) const READS: usize = 200;

/// Tests of the library: of a program, those whose names have one of these in them.
pub(super) struct Suite {
    pub(super) program: &'static str,
    pub(super) filters: &'static [&'static str],
}

const fn within(filters: &'static [&'static str]) -> Suite {
    Suite { program: "forebay", filters }
}

/// By its public face, on servers.
const fn outside(filters: &'static [&'static str]) -> Suite {
    Suite { program: "postgres", filters }
}

/// The bugs by topic, each with the tests that are about it. Later ones are asked for what the
/// earlier do not find.
pub(super) const TABLES: &[(&[Suite], &[Mutant])] = &[
    (
        &[within(&["invalidate::"]), outside(&["fence::", "session::", "cache::", "follow::"])],
        order::MUTANTS,
    ),
    (&[within(&["backend::postgres::stream"]), outside(&["cache::", "follow::"])], stream::MUTANTS),
    (
        &[within(&["sql::tree", "backend::postgres::analy"]), outside(&["cache::", "statement::"])],
        rule::MUTANTS,
    ),
];

/// Every bug.
pub(super) fn all() -> Vec<Mutant> {
    TABLES.iter().flat_map(|(_, mutants)| mutants.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_bug_can_be_selected() {
        let names: BTreeSet<&str> = all().iter().map(|mutant| mutant.name).collect();
        assert_eq!(names.len(), all().len());
        for mutant in all() {
            let is_selectable = mutant.edits.iter().any(|edit| edit.put.contains("$on"));
            assert!(is_selectable && !mutant.edits.is_empty(), "{} is never off", mutant.name);
        }
    }

    #[test]
    fn every_bug_applies_to_the_source_as_it_is() {
        let problems = super::super::copy::problems(&all()).unwrap();
        assert_eq!(problems, Vec::<String>::new());
    }
}
