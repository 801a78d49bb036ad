//! Where a source file stands: in which module, and whether it is compiled for tests only.

/// Folders whose sources are never part of what is shipped.
const TEST_FOLDERS: &[&str] = &["tests", "benches", "fuzz", "bench"];

/// Whether the path alone says that the file is a test, a benchmark or a fuzz target.
pub(crate) fn is_test(path: &str) -> bool {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders.split('/').any(|folder| TEST_FOLDERS.contains(&folder))
}

/// Whether the file is the contents page of a crate or a folder.
pub(crate) fn is_contents_page(path: &str) -> bool {
    matches!(file_name(path), "lib.rs" | "mod.rs")
}

/// Whether the file is the root of a crate: a library, a binary or a build script.
pub(crate) fn is_crate_root(path: &str) -> bool {
    matches!(file_name(path), "lib.rs" | "main.rs" | "build.rs")
}

/// The modules from the crate root down to the file: `["cache", "store"]`; empty for the root.
pub(crate) fn modules(path_in_src: &str) -> Vec<&str> {
    let path = path_in_src.strip_suffix(".rs").unwrap_or(path_in_src);
    let mut modules: Vec<&str> = path.split('/').collect();
    if matches!(modules.last(), Some(&("mod" | "lib" | "main"))) {
        modules.pop();
    }
    modules
}

/// The file and the folder that a `mod name;` in the file `path` stands for.
pub(crate) fn declared(path: &str, name: &str) -> [String; 2] {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let base = match stem {
        "mod" | "lib" | "main" => folder.to_owned(),
        _ => format!("{folder}/{stem}"),
    };
    [format!("{base}/{name}.rs"), format!("{base}/{name}/")]
}

fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, file)| file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_folders_are_told_by_their_name() {
        let check = |path: &str, expect: bool| assert_eq!(is_test(path), expect, "{path}");
        check("crates/forebay/tests/it/main.rs", true);
        check("crates/forebay/benches/hit.rs", true);
        check("bench/compare/src/main.rs", true);
        check("fuzz/fuzz_targets/lex.rs", true);
        check("crates/forebay/src/cache/store.rs", false);
        check("crates/forebay/src/tests.rs", false);
        check("crates/forebay/src/bench.rs", false);
    }

    #[test]
    fn modules_follow_the_path() {
        let check = |path: &str, expect: &[&str]| assert_eq!(modules(path), expect, "{path}");
        check("lib.rs", &[]);
        check("db.rs", &["db"]);
        check("cache/mod.rs", &["cache"]);
        check("cache/store.rs", &["cache", "store"]);
        check("backend/sqlite/mod.rs", &["backend", "sqlite"]);
    }

    #[test]
    fn a_declaration_stands_for_a_file_or_a_folder() {
        let check = |path: &str, expect: [&str; 2]| assert_eq!(declared(path, "model"), expect);
        check("c/src/lib.rs", ["c/src/model.rs", "c/src/model/"]);
        check("c/src/cache/mod.rs", ["c/src/cache/model.rs", "c/src/cache/model/"]);
        check("c/src/cache.rs", ["c/src/cache/model.rs", "c/src/cache/model/"]);
    }
}
