//! What has to be run, given the files, what the database has had, and what is asked for. It reads
//! and runs nothing.

use super::history::{Entry, State};
use super::source::Migration;
use super::version::Version;
use crate::error::{Error, Result};

/// Files that an error names.
const NAMED_MAX: usize = 5;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Up to this version.
    pub(super) to: Option<Version>,
    /// This version and no other.
    pub(super) only: Option<Version>,
    /// Files older than what the database has had are run, too.
    pub(super) out_of_order: bool,
    /// What has stopped half-way is gone on with.
    pub(super) resume: bool,
    /// The database may have had migrations of which there is no file.
    pub(super) allow_missing: bool,
}

/// A file to be run, from this statement on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    pub(super) migration: &'a Migration,
    pub(super) from: usize,
}

/// The files to be run, in order. `files` and `history` are by version.
pub(super) fn plan<'a>(
    files: &'a [Migration],
    history: &[Entry],
    wanted: &Wanted,
) -> Result<Vec<Step<'a>>> {
    for version in wanted.to.iter().chain(&wanted.only) {
        if !files.iter().any(|file| file.version == *version) {
            return Err(Error::usage(format!("there is no migration with the version {version}")));
        }
    }
    check_missing(files, history, wanted)?;
    check_changed(files, history)?;
    let mut steps = half_way(files, history, wanted)?;
    let last = history.iter().map(|entry| &entry.version).max();
    let is_wanted = |version: &Version| {
        wanted.to.as_ref().is_none_or(|to| version <= to)
            && wanted.only.as_ref().is_none_or(|only| version == only)
    };
    let is_new = |file: &&Migration| entry_of(history, &file.version).is_none();
    let new = files.iter().filter(is_new).filter(|file| is_wanted(&file.version));
    let new: Vec<&Migration> = new.collect();
    let late = new.iter().find(|file| last.is_some_and(|last| file.version < *last));
    match (late, last) {
        (Some(late), Some(last)) if !wanted.out_of_order && wanted.only.is_none() => {
            return Err(Error::usage(format!(
                "{} is older than the last migration that the database has had, {last}: give it a \
                 number after that, or allow it to be run out of order (`out_of_order`)",
                late.file
            )));
        }
        _ => {}
    }
    steps.extend(new.into_iter().map(|migration| Step { migration, from: 0 }));
    Ok(steps)
}

/// Whether something may be half done that another runner is perhaps at work on.
pub(super) fn is_half_way(history: &[Entry]) -> bool {
    history.iter().any(|entry| entry.state != State::Done)
}

pub(super) fn entry_of<'a>(history: &'a [Entry], version: &Version) -> Option<&'a Entry> {
    history.iter().find(|entry| entry.version == *version)
}

fn file_of<'a>(files: &'a [Migration], version: &Version) -> Option<&'a Migration> {
    files.iter().find(|file| file.version == *version)
}

fn check_missing(files: &[Migration], history: &[Entry], wanted: &Wanted) -> Result<()> {
    let is_missing = |entry: &&Entry| file_of(files, &entry.version).is_none();
    let missing: Vec<String> = history
        .iter()
        .filter(is_missing)
        .map(|entry| format!("{} ({})", entry.version, entry.name))
        .collect();
    if missing.is_empty() || wanted.allow_missing {
        return Ok(());
    }
    Err(Error::usage(format!(
        "the database has had migrations of which there is no file here: {}; this is an older \
         version of the application, or files were taken out. Put them back, or allow it \
         (`allow_missing`)",
        listed(&missing)
    )))
}

fn check_changed(files: &[Migration], history: &[Entry]) -> Result<()> {
    let changed: Vec<String> = history
        .iter()
        .filter(|entry| entry.state == State::Done)
        .filter_map(|entry| Some((entry, file_of(files, &entry.version)?)))
        .filter(|(entry, file)| file.checksum() != entry.checksum)
        .map(|(_, file)| file.file.clone())
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(Error::usage(format!(
        "changed since the database has had them: {}; restore these files as they were, and put \
         what is new into a new one",
        listed(&changed)
    )))
}

/// The file that has stopped half-way, to be gone on with.
fn half_way<'a>(
    files: &'a [Migration],
    history: &[Entry],
    wanted: &Wanted,
) -> Result<Vec<Step<'a>>> {
    let mut steps = Vec::new();
    for entry in history {
        let State::Begun(done) = entry.state else { continue };
        let Some(migration) = file_of(files, &entry.version) else { continue };
        let (file, all) = (&migration.file, migration.pieces.len());
        if !wanted.resume {
            return Err(Error::usage(format!(
                "{file} began at {} and has not ended: {done} of its {all} statements have run. \
                 Either another runner is at work on it, or it has failed; mend what made it \
                 fail, and go on with it (`resume`)",
                entry.began_at
            )));
        }
        if migration.checksum_of(done).as_ref() != Some(&entry.checksum) {
            return Err(Error::usage(format!(
                "the first {done} statements of {file} have run, and were changed since then; \
                 restore them as they were: only those after them can be mended"
            )));
        }
        steps.push(Step { migration, from: done });
    }
    Ok(steps)
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(NAMED_MAX).filter(|rest| *rest > 0) {
        Some(rest) => format!("{shown} and {rest} more"),
        None => shown,
    }
}

#[cfg(test)]
mod tests;
