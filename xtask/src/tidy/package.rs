//! The crates of the workspace and which of one another they depend on, as cargo itself sees it.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::finding::Finding;
use super::table::Table;

/// One crate of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its `Cargo.toml`, relative to the workspace.
    pub(crate) manifest: String,
    /// The crates of the workspace it depends on, also for building and testing.
    pub(crate) dependencies: Vec<String>,
}

impl Package {
    /// How the import table calls it: `server` for `forebay-server`.
    pub(crate) fn short(&self) -> &str {
        short(&self.name)
    }
}

/// Reads what `cargo metadata --no-deps` printed.
pub(crate) fn parse(metadata: &str, root: &Path) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(metadata).context("cargo metadata is not JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    packages.iter().map(|package| parse_one(package, root)).collect()
}

fn parse_one(package: &Value, root: &Path) -> Result<Package> {
    let text = |key: &str| package[key].as_str().with_context(|| format!("a package has no {key}"));
    let manifest = Path::new(text("manifest_path")?);
    let dependencies = package["dependencies"].as_array().context("a package without a list")?;
    let mut ours: Vec<String> = dependencies
        .iter()
        .filter(|dependency| dependency["path"].is_string())
        .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
        .collect();
    ours.sort();
    ours.dedup();
    Ok(Package {
        name: text("name")?.to_owned(),
        manifest: manifest.strip_prefix(root).unwrap_or(manifest).to_string_lossy().into_owned(),
        dependencies: ours,
    })
}

/// Every dependency between crates of the workspace must be in the import table.
pub(crate) fn check(packages: &[Package], table: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        for dependency in &package.dependencies {
            let (from, to) = (package.short(), short(dependency));
            if !table.allows(from, to) {
                let message = format!(
                    "`{}` may not depend on `{dependency}`: the import table of ARCHITECTURE.md \
                     does not let `{from}` import `{to}`; remove the dependency",
                    package.name
                );
                findings.push(Finding::new(&package.manifest, 1, message));
            }
        }
    }
    findings
}

fn short(name: &str) -> &str {
    name.strip_prefix("forebay-").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{"packages": [
        {"name": "forebay", "manifest_path": "/w/crates/forebay/Cargo.toml",
         "dependencies": [{"name": "serde", "path": null}]},
        {"name": "forebay-server", "manifest_path": "/w/crates/forebay-server/Cargo.toml",
         "dependencies": [{"name": "forebay", "path": "/w/crates/forebay"},
                          {"name": "forebay", "path": "/w/crates/forebay", "kind": "dev"},
                          {"name": "axum"}]}
    ]}"#;

    #[test]
    fn only_crates_of_the_workspace_count_as_dependencies() {
        let packages = parse(METADATA, Path::new("/w")).unwrap();
        let expect = [package("forebay", &[]), package("forebay-server", &["forebay"])];
        assert_eq!(packages, expect);
        assert!(parse("{}", Path::new("/w")).is_err());
    }

    #[test]
    fn crates_depend_on_what_the_table_allows() {
        let check_edge = |from: &str, to: &str, expect: bool| {
            let (table, _) = Table::parse(
                "ARCHITECTURE.md",
                "## Import table\n| module | may import |\n|---|---|\n\
                 | `server` | `forebay` |\n| `cli` | `forebay`, `server` |\n",
            );
            let findings = check(&[package(from, &[to])], &table);
            assert_eq!(findings.is_empty(), expect, "{from} -> {to}: {findings:?}");
        };
        check_edge("forebay-server", "forebay", true);
        check_edge("forebay-cli", "forebay", true);
        check_edge("forebay-cli", "forebay-server", true);
        check_edge("forebay-server", "forebay-cli", false);
        check_edge("forebay", "forebay-server", false);
        check_edge("xtask", "forebay", false);
        check_edge("forebay-cli", "xtask", false);
        check_edge("forebay-new", "forebay", false);
    }

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
        }
    }
}
