//! From the rules of a configuration to those of the library.

use forebay::Rule;

use crate::config::Config;

/// The rules in order, or everything that is wrong with them.
pub(crate) fn rules(config: &Config) -> Result<Vec<Rule>, Vec<String>> {
    let (mut all, mut faults) = (Vec::new(), Vec::new());
    for (index, section) in config.rules.iter().enumerate() {
        let place = format!("rule[{index}]");
        let name = &section.name;
        if name.is_empty() {
            faults.push(format!("{place}.name is not set, but every rule needs a name"));
        } else if config.rules[..index].iter().any(|before| before.name == *name) {
            faults.push(format!("{place}.name is {name:?}, like that of a rule before it"));
        }
        match rule(config, index) {
            Ok(rule) => all.push(rule),
            Err(found) => faults.extend(found.into_iter().map(|text| format!("{place}: {text}"))),
        }
    }
    if faults.is_empty() { Ok(all) } else { Err(faults) }
}

fn rule(config: &Config, index: usize) -> Result<Rule, Vec<String>> {
    let section = &config.rules[index];
    let mut faults = Vec::new();
    // What is wrong with the name is said already.
    let name = if section.name.is_empty() { "unnamed" } else { &section.name };
    let mut rule = Rule::new(name);
    for text in &section.fingerprints {
        match u64::from_str_radix(text.trim_start_matches("0x"), 16) {
            Ok(fingerprint) => rule = rule.fingerprint(fingerprint),
            Err(_) => faults.push(format!(
                "{text:?} is no fingerprint: give it as `forebay explain` shows it, 16 digits of \
                 0 to 9 and a to f"
            )),
        }
    }
    rule = section.texts.iter().fold(rule, Rule::text);
    rule = section.tables.iter().fold(rule, Rule::table);
    rule = section.tags.iter().fold(rule, Rule::tag);
    let namespace = section.namespace.as_ref().and_then(|name| {
        let found = config.namespaces.iter().find(|(it, _)| it == name);
        if found.is_none() {
            faults.push(format!("there is no namespace {name:?}: add a table [cache.{name}]"));
        }
        found
    });
    let space = namespace.map(|(_, space)| space);
    if let Some((name, space)) = namespace {
        rule = rule.tag(name);
        if let Some(bytes) = space.bytes {
            rule = rule.space(name, bytes.0 as u64);
        }
    }
    if section.stale || space.is_some_and(|space| space.stale) {
        rule = rule.stale();
    }
    if !section.cache {
        rule = rule.no_cache();
    }
    if let Some(limit) = section.ttl.or(space.and_then(|it| it.ttl)) {
        rule = rule.ttl(limit.0);
    }
    if let Some(limit) = section.ttl_only.or(space.and_then(|it| it.ttl_only)) {
        rule = rule.ttl_only(limit.0);
    }
    let limit = section.stale_while_revalidate.or(space.and_then(|it| it.stale_while_revalidate));
    if let Some(limit) = limit {
        rule = rule.stale_while_revalidate(limit.0);
    }
    if let Some(limit) = section.stale_if_error.or(space.and_then(|it| it.stale_if_error)) {
        rule = rule.stale_if_error(limit.0);
    }
    if let Some(rows) = section.rows_max.or(space.and_then(|it| it.rows_max)) {
        rule = rule.max_rows(rows);
    }
    if let Some(limit) = section.timeout {
        rule = rule.timeout(limit.0);
    }
    if let Some(reason) = &section.deny {
        rule = rule.deny(reason);
    }
    if let Err(error) = rule.validate() {
        faults.push(error.to_string());
    }
    if faults.is_empty() { Ok(rule) } else { Err(faults) }
}
