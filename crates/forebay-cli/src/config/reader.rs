//! From what was given to values: later sources count before earlier ones, and everything that is
//! wrong is noted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::fault::{Fault, nearest};
use super::file;
use super::given::{Given, Origin, Raw};
use super::setting::{Field, Setting};
use super::value::Value;

/// Where settings are looked for, apart from their defaults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) file: Option<PathBuf>,
    pub(crate) variables: Vec<(String, String)>,
    /// What was typed, under the keys of settings.
    pub(crate) flags: Vec<Given>,
}

impl Sources {
    /// The variables of this process that are valid UTF-8; what is not is none of ours.
    pub(crate) fn with_environment(mut self) -> Sources {
        let all = std::env::vars_os();
        let texts = all.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        self.variables = texts.collect();
        self
    }
}

/// Values by key, in the order in which they count: the last one is in force.
pub(crate) struct Reader {
    given: BTreeMap<String, Vec<Given>>,
    taken: BTreeSet<String>,
    origins: BTreeMap<String, Origin>,
    faults: Vec<Fault>,
}

impl Reader {
    /// Gathers what the sources say of these settings.
    pub(super) fn new(sources: &Sources, settings: &[Setting]) -> Reader {
        let mut reader = Reader {
            given: BTreeMap::new(),
            taken: BTreeSet::new(),
            origins: BTreeMap::new(),
            faults: Vec::new(),
        };
        if let Some(path) = &sources.file {
            match read(path) {
                Ok(text) => {
                    let (all, faults) = file::parse(path, &text);
                    all.into_iter().for_each(|given| reader.add(given));
                    reader.faults.extend(faults);
                }
                Err(text) => reader.faults.push(Fault::of_all(text)),
            }
        }
        reader.add_variables(&sources.variables, settings);
        sources.flags.iter().for_each(|given| reader.add(given.clone()));
        reader
    }

    fn add(&mut self, given: Given) {
        self.given.entry(given.key.clone()).or_default().push(given);
    }

    /// The least, which all others count before.
    pub(super) fn add_profile(&mut self, all: &[(&'static str, &'static str)], name: &'static str) {
        for (key, text) in all {
            let given = Given::text(*key, *text, Origin::Profile(name));
            self.given.entry((*key).to_owned()).or_default().insert(0, given);
        }
    }

    fn add_variables(&mut self, variables: &[(String, String)], settings: &[Setting]) {
        let value = |name: &str| variables.iter().find(|(it, _)| it == name).map(|(_, it)| it);
        for setting in settings {
            // The first name counts before the others.
            for name in setting.variables.iter().rev() {
                // Empty is how a variable is taken back where it cannot be removed.
                if let Some(text) = value(name).filter(|text| !text.is_empty()) {
                    self.add(Given::text(&setting.key, text, Origin::Variable(name.clone())));
                }
            }
        }
        let known: Vec<&str> =
            settings.iter().flat_map(|it| &it.variables).map(String::as_str).collect();
        let sections: BTreeSet<&str> =
            settings.iter().filter_map(|it| it.key.split_once('.')).map(|it| it.0).collect();
        for (name, _) in variables {
            let Some(rest) = name.strip_prefix("FOREBAY_") else { continue };
            let section = rest.split('_').next().unwrap_or_default().to_ascii_lowercase();
            // Others may be of somebody else, such as those that Kubernetes makes of a service of
            // our name.
            if !known.contains(&&**name) && sections.contains(&*section) {
                let text = unknown("variable", name, name, known.iter().copied());
                self.faults.push(Fault::new(Origin::Variable(name.clone()), text));
            }
        }
    }

    /// The value in force of a setting.
    pub(crate) fn take<T: Value>(&mut self, place: &str, field: &Field<'_, T>, default: T) -> T {
        let key = field.key(place);
        self.taken.insert(key.clone());
        let (mut value, mut origin) = (default, Origin::Default);
        for given in self.given.get(&key).into_iter().flatten() {
            match T::read(&given.raw) {
                Some(read) if field.range.as_ref().is_none_or(|it| read.is_within(it)) => {
                    (value, origin) = (read, given.origin.clone());
                }
                _ => {
                    let range = field.range_in_words().map_or(String::new(), |it| format!(" {it}"));
                    let expected = T::EXPECTED;
                    let text = match field.marks.secret {
                        true => format!("{key} must be {expected}{range}"),
                        false => format!("{key} is {}, but must be {expected}{range}", given.raw),
                    };
                    self.faults.push(Fault::new(given.origin.clone(), text));
                }
            }
        }
        self.origins.insert(key, origin);
        value
    }

    /// Names that stand under a place, such as `reports` of `[cache.reports]`.
    pub(super) fn names(&self, place: &str) -> Vec<String> {
        let start = format!("{place}.");
        let is_table = |all: &&Vec<Given>| all.iter().any(|given| given.raw == Raw::Table);
        let tables = self.given.iter().filter(|(_, all)| is_table(all)).map(|(key, _)| key);
        let names = tables.filter_map(|key| key.strip_prefix(&start));
        names.filter(|name| !name.contains(['.', '['])).map(str::to_owned).collect()
    }

    /// How many tables stand in the list at a place.
    pub(super) fn len(&self, place: &str) -> usize {
        (0..).take_while(|index| self.given.contains_key(&format!("{place}[{index}]"))).count()
    }

    /// Where values come from, and all that is wrong: what nobody has asked for is.
    pub(super) fn end(
        mut self,
        settings: &[Setting],
        places: &[String],
    ) -> (BTreeMap<String, Origin>, Vec<Fault>) {
        let keys: Vec<&str> = settings.iter().map(|it| &*it.key).chain(tables(places)).collect();
        for (key, all) in &self.given {
            let is_place = || places.iter().any(|place| is_of(place, key));
            for given in all {
                let is_known = match given.raw {
                    Raw::Table => is_place() || self.taken.contains(key),
                    _ => self.taken.contains(key),
                };
                if is_known {
                    continue;
                }
                // Of a table that is not known its keys need not be told as well.
                let is_told = key.rsplit_once('.').is_some_and(|(table, _)| {
                    self.given.contains_key(table)
                        && !places.iter().any(|place| is_of(place, table))
                });
                if !is_told {
                    let likened = under_name(key, places);
                    let text = unknown("key", key, &likened, keys.iter().copied());
                    self.faults.push(Fault::new(given.origin.clone(), text));
                }
            }
        }
        (self.origins, self.faults)
    }
}

fn tables(places: &[String]) -> impl Iterator<Item = &str> {
    places.iter().map(String::as_str).filter(|place| !place.is_empty())
}

/// Whether a table stands at a place, in which `*` is any name and `[]` any index.
fn is_of(place: &str, key: &str) -> bool {
    generic(key, place) == place
}

/// The key with `[]` for each index, and with `*` where the pattern has it.
fn generic(key: &str, pattern: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut wanted = pattern.split('.');
    for part in key.split('.') {
        let name = part.split_once('[').map_or(part, |(name, _)| name);
        let list = if name.len() < part.len() { "[]" } else { "" };
        parts.push(match wanted.next() {
            Some("*") => "*".to_owned(),
            _ => format!("{name}{list}"),
        });
    }
    parts.join(".")
}

/// The key with `*` for a name of the user's, if it may be one of a named table.
fn under_name(key: &str, places: &[String]) -> String {
    let Some((table, name)) = key.rsplit_once('.') else { return key.to_owned() };
    let named = places.iter().find(|place| place.contains('*') && is_of(place, table));
    named.map_or_else(|| key.to_owned(), |place| format!("{place}.{name}"))
}

fn unknown<'a>(
    what: &str,
    name: &str,
    likened: &str,
    names: impl Iterator<Item = &'a str>,
) -> String {
    match nearest(likened, names) {
        Some(nearest) => format!("there is no {what} {name}; perhaps {nearest} is meant"),
        None => format!("there is no {what} {name}; `forebay config print` shows all there are"),
    }
}

fn read(path: &Path) -> Result<String, String> {
    let name = path.display();
    let file = File::open(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    let mut text = String::new();
    match file.take(file::BYTES_MAX + 1).read_to_string(&mut text) {
        Ok(_) if text.len() as u64 <= file::BYTES_MAX => Ok(text),
        Ok(_) => Err(format!("{name} is larger than 1 MiB: is it the right file?")),
        Err(error) => Err(format!("cannot read {name}: {error}")),
    }
}
