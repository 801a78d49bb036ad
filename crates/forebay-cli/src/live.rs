//! Reading the configuration again while the service runs: checked whole first, then what can
//! change is changed, and what cannot is named. It opens nothing but the files of the plan.

use std::collections::BTreeMap;

use forebay::Db;
use forebay_server::{Options, Token};

use crate::config::{Config, Loaded, Row, Sources};
use crate::log::LogLevel;
use crate::plan::{ServePlan, mode};

/// What a running service was configured by, and what of it can be changed.
pub(crate) struct Live {
    sources: Sources,
    /// What it was started with: what cannot change is still that.
    started: Config,
    current: Config,
    db: Db,
    level: LogLevel,
    tokens: Tokens,
}

/// The tokens in force, by the files that they are of.
pub(crate) struct Tokens([(&'static str, Option<Token>); 3]);

impl Tokens {
    pub(crate) fn of(options: &Options) -> Tokens {
        let admin = &options.admin;
        Tokens([
            ("server.token_file", options.token.clone()),
            ("server.admin_token_file", admin.admin_token.clone()),
            ("server.reader_token_file", admin.reader_token.clone()),
        ])
    }

    /// Takes over the texts of others, of the same files.
    fn replace(&self, others: &Tokens) {
        for ((_, own), (_, other)) in self.0.iter().zip(&others.0) {
            if let (Some(own), Some(other)) = (own, other) {
                own.replace(other);
            }
        }
    }
}

impl Live {
    pub(crate) fn new(
        sources: Sources,
        config: Config,
        db: &Db,
        level: LogLevel,
        tokens: Tokens,
    ) -> Live {
        let db = db.clone();
        Live { sources, started: config.clone(), current: config, db, level, tokens }
    }

    /// Reads every source again. If anything is wrong, nothing changes, and the log says what.
    pub(crate) fn reload(&mut self) {
        let loaded = match Loaded::read(&self.sources) {
            Ok(loaded) => loaded,
            Err(faults) => return refused(&faults),
        };
        let plan = match ServePlan::new(&loaded.config) {
            Ok(plan) => plan,
            Err(error) => return refused(&format!("{error:#}")),
        };
        // The only step that could fail comes first.
        if let Err(error) = self.db.set_rules(plan.rules.iter().cloned()) {
            return refused(&error);
        }
        let changed = self.apply(&loaded.config);
        self.tokens.replace(&Tokens::of(&plan.options));
        for key in differing(&self.started, &loaded.config, |row| !row.is_live) {
            let origin = loaded.origin(&key);
            tracing::warn!("{key} ({origin}) has changed, and takes effect with the next start");
        }
        self.current = loaded.config;
        // Of rules it is enough that they have.
        let mut changed: Vec<&str> = changed
            .iter()
            .map(|key| key.split_once('[').map_or(&**key, |(list, _)| list))
            .collect();
        changed.dedup();
        tracing::info!(changed = changed.join(" "), "the configuration was read again");
    }

    /// Changes what has changed since it was read last: what somebody has set by other means in
    /// between stays.
    fn apply(&self, config: &Config) -> Vec<String> {
        let changed = differing(&self.current, config, |row| row.is_live);
        for key in &changed {
            match key.as_str() {
                "log.level" => {
                    let before = self.level.get();
                    tracing::info!(before, after = config.log.level.0, "the level of the log");
                    if let Err(error) = self.level.set(&config.log.level.0) {
                        tracing::warn!("{error:#}");
                    }
                }
                "slow.after" => self.db.set_slow_after(config.slow.after.0),
                "cache.mode" => self.db.cache().set_mode(mode(config.cache.mode)),
                "cache.bytes" => self.db.cache().set_bytes(config.cache.bytes.0 as u64),
                // The rules are set already.
                _ => {}
            }
        }
        changed
    }
}

fn refused(why: &dyn std::fmt::Display) {
    tracing::error!("the configuration is as it was: {why}");
}

/// The keys of those wanted whose values are not the same.
fn differing(before: &Config, after: &Config, is_wanted: impl Fn(&Row) -> bool) -> Vec<String> {
    let rows = |config: &Config| {
        let rows = config.rows().into_iter().filter(&is_wanted);
        rows.map(|row| (row.key, row.written)).collect::<BTreeMap<_, _>>()
    };
    let (before, after) = (rows(before), rows(after));
    let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    keys.filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}
