//! Reading the configuration again while the service runs: checked whole first, then what can
//! change is changed, and what cannot is named. It opens nothing but the files of the plan.

use std::collections::BTreeMap;

use forebay::Db;
use forebay_server::{Configuration, Configured, Options, Token};

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
    /// What is in force, for whoever looks at it, and as it was at the start.
    shown: Configuration,
    shown_first: Vec<Configured>,
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
    /// Shows what it was started with in `shown`, and later what has changed.
    pub(crate) fn new(
        sources: Sources,
        loaded: Loaded,
        db: &Db,
        level: LogLevel,
        tokens: Tokens,
        shown: Configuration,
    ) -> Live {
        let (db, shown_first) = (db.clone(), configured(&loaded));
        shown.replace(shown_first.iter().cloned());
        let config = loaded.config;
        Live {
            sources,
            started: config.clone(),
            current: config,
            db,
            level,
            tokens,
            shown,
            shown_first,
        }
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
        self.shown.replace(in_force(&self.shown_first, configured(&loaded)));
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

/// Every setting with where it comes from, without secrets.
fn configured(loaded: &Loaded) -> Vec<Configured> {
    let row = |row: Row| Configured {
        origin: loaded.origin(&row.key).to_string(),
        key: row.key,
        value: row.shown,
        is_live: row.is_live,
    };
    loaded.config.rows().into_iter().map(row).collect()
}

/// What is in force once another configuration was read: of that, what can change while the
/// service runs; of everything else, what it was started with.
fn in_force(first: &[Configured], read: Vec<Configured>) -> Vec<Configured> {
    let begin = |key: &str| key.split(['.', '[']).next().unwrap_or_default().to_owned();
    let mut all: Vec<Configured> = first.iter().filter(|it| !it.is_live).cloned().collect();
    for setting in read.into_iter().filter(|it| it.is_live) {
        // Beside the others of its section.
        let last = all.iter().rposition(|it| begin(&it.key) == begin(&setting.key));
        all.insert(last.map_or(all.len(), |last| last + 1), setting);
    }
    all
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
