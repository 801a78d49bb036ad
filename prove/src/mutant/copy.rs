//! A copy of the workspace with the injected bugs in it, and its build. It lies under `target`
//! and is written again only where it differs, so that a second build is quick.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::edit::{Edit, Mutant};
use super::injected::{FEATURES, PROGRAM};

/// The variable that selects a bug in the copy.
pub(crate) const SELECT: &str = "FOREBAY_MUTANT";

/// What the copy needs of the workspace.
const COPIED: &[&str] = &["Cargo.toml", "Cargo.lock", "cluster", "crates", "prove", "xtask"];

/// The module that the copy has and the original has not.
const MODULE: &str = r#"//! Which injected bug is switched on.
use std::sync::OnceLock;
static SELECTED: OnceLock<String> = OnceLock::new();
#[inline]
pub(crate) fn is(name: &str) -> bool {
    SELECTED.get_or_init(|| std::env::var("FOREBAY_MUTANT").unwrap_or_default()) == name
}
/// Long enough for another thread to come in between.
pub(crate) fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(1));
}
"#;

/// The workspace that this program was built in.
fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package lies in a folder of the workspace")
}

fn source(file: &str) -> PathBuf {
    Path::new("crates/forebay/src").join(file)
}

#[cfg(test)]
/// The bugs that cannot be applied, and why.
pub(crate) fn problems(mutants: &[Mutant]) -> Result<Vec<String>> {
    Ok(injected(mutants)?.1)
}

/// The changed files, by their paths in the workspace, and what could not be applied.
fn injected(mutants: &[Mutant]) -> Result<(BTreeMap<PathBuf, String>, Vec<String>)> {
    let mut by_file: BTreeMap<PathBuf, Vec<(&Mutant, &Edit)>> = BTreeMap::new();
    for mutant in mutants {
        for edit in mutant.edits {
            by_file.entry(source(edit.file)).or_default().push((mutant, edit));
        }
    }
    let (mut files, mut problems) = (BTreeMap::new(), Vec::new());
    for (path, edits) in by_file {
        match fs::read_to_string(root().join(&path)) {
            Ok(text) => {
                files.insert(path.clone(), edited(text, &path, &edits, &mut problems));
            }
            Err(error) => {
                problems.push(format!("{}: {}: {error}", edits[0].0.name, path.display()));
            }
        }
    }
    Ok((files, problems))
}

/// The text with all edits; those that do not apply are left out and told.
fn edited(
    mut text: String,
    path: &Path,
    edits: &[(&Mutant, &Edit)],
    problems: &mut Vec<String>,
) -> String {
    let mut places = Vec::new();
    for (mutant, edit) in edits {
        match text.matches(edit.find).count() {
            1 => {
                let start = text.find(edit.find).unwrap_or_default();
                places.push((start..start + edit.find.len(), mutant, edit));
            }
            count => problems.push(format!(
                "{}: its text stands {count} times in {}, not once:\n{}",
                mutant.name,
                path.display(),
                edit.find
            )),
        }
    }
    places.sort_by_key(|(range, ..)| range.start);
    for pair in places.windows(2) {
        if pair[0].0.end > pair[1].0.start {
            problems.push(format!("{} and {} overlap", pair[0].1.name, pair[1].1.name));
        }
    }
    for (range, mutant, edit) in places.into_iter().rev() {
        text.replace_range(range, &mutant.code(edit));
    }
    text
}

/// Makes the copy and builds it; the path of its program.
pub(crate) fn build(mutants: &[Mutant], profile: &str) -> Result<PathBuf> {
    compile(&make(mutants)?, profile)
}

/// Makes the copy; where it is.
pub(crate) fn make(mutants: &[Mutant]) -> Result<PathBuf> {
    let (mut files, problems) = injected(mutants)?;
    if !problems.is_empty() {
        bail!("injected bugs that do not apply to the source any more:\n{}", problems.join("\n"));
    }
    let lib = source("lib.rs");
    let text = match files.remove(&lib) {
        Some(text) => text,
        None => fs::read_to_string(root().join(&lib))?,
    };
    files.insert(lib, text.replacen("mod backend;", "mod backend;\nmod mutant;", 1));
    files.insert(source("mutant.rs"), MODULE.to_owned());
    let to = root().join("target/mutants");
    fs::create_dir_all(&to)?;
    for name in COPIED {
        copy(&root().join(name), &to.join(name), Path::new(name), &files)?;
    }
    for (path, text) in &files {
        write(&to.join(path), text.as_bytes())?;
    }
    Ok(to)
}

/// Copies a file or a folder, but for the files that are changed.
fn copy(from: &Path, to: &Path, path: &Path, changed: &BTreeMap<PathBuf, String>) -> Result<()> {
    if !from.is_dir() {
        if changed.contains_key(path) {
            return Ok(());
        }
        let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        return write(to, &bytes);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        copy(&from.join(&name), &to.join(&name), &path.join(&name), changed)?;
    }
    // What the original no longer has would go on being compiled.
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        let is_kept = from.join(entry.file_name()).exists()
            || changed.contains_key(&path.join(entry.file_name()));
        match entry.file_type()?.is_dir() {
            _ if is_kept => {}
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|known| known == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Cargo, to build something of the copy.
pub(crate) fn cargo(workspace: &Path) -> Command {
    let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let mut command = Command::new(cargo);
    command.env("CARGO_TARGET_DIR", workspace.join("target")).current_dir(workspace);
    command
}

/// What cargo is told in any case: what a bug leaves unused is no news.
pub(crate) const QUIETLY: &[&str] =
    &["--quiet", "--locked", "--config", "build.rustflags=['-Awarnings']"];

fn compile(workspace: &Path, profile: &str) -> Result<PathBuf> {
    let status = cargo(workspace)
        .args(["build", "--profile", profile, "--package", "forebay-prove"])
        .args(["--bin", PROGRAM, "--features", FEATURES])
        .args(QUIETLY)
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("the copy with the injected bugs does not build");
    }
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(workspace.join("target").join(folder).join(PROGRAM))
}
