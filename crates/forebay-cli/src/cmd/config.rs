//! `forebay config`: whether a configuration is right, and what it comes to.

use anyhow::Result;

use crate::args::{ConfigAction, ConfigArgs};
use crate::config::{self, Loaded, Origin};
use crate::exit::{Exit, Usage};
use crate::output;
use crate::plan::ServePlan;

pub(crate) fn config(args: &ConfigArgs) -> Result<Exit> {
    let loaded = load(&args.serve.sources())?;
    match args.action {
        ConfigAction::Check => {
            ServePlan::new(&loaded.config)?;
            let rows = loaded.config.rows();
            let is_set = |key: &str| *loaded.origin(key) != Origin::Default;
            let count = rows.iter().filter(|row| is_set(&row.key)).count();
            output::print(&format!("nothing is wrong; {count} settings differ from the defaults"))?;
        }
        ConfigAction::Print => output::print(config::print(&loaded).trim_end())?,
    }
    Ok(Exit::Done)
}

/// Reads a configuration; what is wrong with it is the user's.
pub(crate) fn load(sources: &config::Sources) -> Result<Loaded> {
    Ok(Loaded::read(sources).map_err(|faults| Usage(faults.to_string()))?)
}
