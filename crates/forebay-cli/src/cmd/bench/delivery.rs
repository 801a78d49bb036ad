//! Where the report of a suite goes: to standard output, or as files into a folder with its plots.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use serde_json::Value;

use crate::args::BenchArgs;
use crate::output;

pub(super) struct Delivery {
    folder: Option<PathBuf>,
    is_json: bool,
}

impl Delivery {
    /// Makes the folder, so that a run does not fail at its end.
    pub(super) fn of(args: &BenchArgs) -> Result<Delivery> {
        if let Some(folder) = &args.out {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        Ok(Delivery { folder: args.out.clone(), is_json: args.json })
    }

    /// Plots are files: without a folder there is no place for them.
    pub(super) fn takes_plots(&self) -> bool {
        self.folder.is_some()
    }

    pub(super) fn plot(&self, name: &str, svg: &str) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        write(&folder.join(format!("{name}.svg")), svg)
    }

    /// Both forms into the folder, and the one that was asked for to standard output.
    pub(super) fn report(&self, markdown: &str, json: &Value) -> Result<()> {
        if let Some(folder) = &self.folder {
            write(&folder.join("report.md"), &format!("{}\n", markdown.trim_end()))?;
            write(&folder.join("report.json"), &format!("{json:#}\n"))?;
        }
        if self.is_json { output::print_json(json) } else { output::print(markdown) }
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// What is at work now, on standard error, where that is a terminal.
pub(super) fn spinner() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
