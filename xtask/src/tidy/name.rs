//! File and folder names: one noun or verb of the domain. A name that says nothing collects what
//! belongs nowhere.

use super::finding::Finding;

/// Words that may not be part of a name.
const BANNED: &[&str] = &[
    "util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "hack", "hacks",
];

/// Checks every part of the path of a source file.
pub(crate) fn check(path: &str) -> Vec<Finding> {
    let parts = path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
    let banned = parts.filter(|part| part.split(['_', '-']).any(|word| BANNED.contains(&word)));
    banned
        .map(|part| {
            let message =
                format!("the name `{part}` says nothing: call it after what it does in the domain");
            Finding::new(path, 1, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_domain_pass_and_empty_names_do_not() {
        let check_path = |path: &str, expect: usize| {
            assert_eq!(check(path).len(), expect, "{path}");
        };
        check_path("crates/forebay/src/cache/store.rs", 0);
        check_path("crates/forebay/src/commonality.rs", 0);
        check_path("crates/forebay/src/util.rs", 1);
        check_path("crates/forebay/src/utils/store.rs", 1);
        check_path("crates/forebay/tests/it/common/mod.rs", 1);
        check_path("crates/forebay/src/sql_helpers.rs", 1);
        check_path("crates/pool-manager/src/hacks.rs", 2);
    }
}
