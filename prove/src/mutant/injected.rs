//! What an injected bug is, and the list of all of them. The bugs themselves stand in tables by
//! topic.

use super::{learn, order, partner, rule};

/// A bug to be put into a copy of the library.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    pub(crate) edits: &'static [Edit],
}

/// One change of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit {
    /// Which, under `crates/forebay/src`.
    pub(crate) file: &'static str,
    /// A text that stands there exactly once.
    pub(crate) find: &'static str,
    /// What stands there instead. `$on` says whether this bug is the selected one, so that all
    /// of them can be built at once; `$pause` makes a gap wide enough for others to fall into.
    pub(crate) put: &'static str,
}

/// Every bug.
pub(crate) fn all() -> Vec<Mutant> {
    [order::MUTANTS, rule::MUTANTS, partner::MUTANTS, learn::MUTANTS].concat()
}

impl Mutant {
    /// The replacement of one of its edits as it is compiled.
    pub(crate) fn code(&self, edit: &Edit) -> String {
        let on = format!("crate::mutant::is({:?})", self.name);
        edit.put.replace("$on", &on).replace("$pause", "crate::mutant::pause()")
    }
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
            let is_selectable = mutant.edits.iter().all(|edit| edit.put.contains("$on"));
            assert!(is_selectable && !mutant.edits.is_empty(), "{} is never off", mutant.name);
        }
    }

    #[test]
    fn every_bug_applies_to_the_source_as_it_is() {
        let problems = super::super::copy::problems(&all()).unwrap();
        assert_eq!(problems, Vec::<String>::new());
    }
}
