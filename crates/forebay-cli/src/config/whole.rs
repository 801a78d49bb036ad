//! All sections together: the list of them, and how they are read.

use std::collections::BTreeMap;

use super::fault::Faults;
use super::given::Origin;
use super::reader::{Reader, Sources};
use super::section;
use super::setting::{Row, Section, Setting};

/// Declares what sections there are. `one` is a table of its own; `named` are tables under names of
/// the user's (`[cache.reports]`); `list` is a list of tables (`[[rule]]`).
macro_rules! sections {
    ($($kind:ident $field:ident at $place:literal: $type:ty;)*) => {
        /// Everything that is set.
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) struct Config {$( pub(crate) $field: sections!(@type $kind $type), )*}

        impl Config {
            /// Every setting that there is.
            pub(crate) fn settings() -> Vec<Setting> {
                let mut all = Vec::new();
                $(all.extend(<$type>::settings(sections!(@place $kind $place)));)*
                all
            }

            /// Every table that there is, and what it is about.
            pub(crate) fn places() -> Vec<(String, String)> {
                vec![$((sections!(@place $kind $place).to_owned(), <$type>::about())),*]
            }

            fn read(reader: &mut Reader) -> Config {
                Config {$( $field: sections!(@read $kind $type, $place, reader), )*}
            }

            /// Every value in force.
            pub(crate) fn rows(&self) -> Vec<Row> {
                let mut all = Vec::new();
                $(sections!(@rows $kind self.$field, $place, all);)*
                all
            }
        }
    };
    (@type one $type:ty) => { $type };
    (@type named $type:ty) => { Vec<(String, $type)> };
    (@type list $type:ty) => { Vec<$type> };
    (@place one $place:literal) => { $place };
    (@place named $place:literal) => { concat!($place, ".*") };
    (@place list $place:literal) => { concat!($place, "[]") };
    (@read one $type:ty, $place:literal, $reader:ident) => { <$type>::read($place, $reader) };
    (@read named $type:ty, $place:literal, $reader:ident) => {{
        let names = $reader.names($place).into_iter();
        names
            .map(|name| {
                let section = <$type>::read(&format!("{}.{name}", $place), $reader);
                (name, section)
            })
            .collect()
    }};
    (@read list $type:ty, $place:literal, $reader:ident) => {
        (0..$reader.len($place))
            .map(|index| <$type>::read(&format!("{}[{index}]", $place), $reader))
            .collect()
    };
    (@rows one $value:expr, $place:literal, $all:ident) => { $all.extend($value.rows($place)) };
    (@rows named $value:expr, $place:literal, $all:ident) => {
        for (name, section) in &$value {
            $all.extend(section.rows(&format!("{}.{name}", $place)));
        }
    };
    (@rows list $value:expr, $place:literal, $all:ident) => {
        for (index, section) in $value.iter().enumerate() {
            $all.extend(section.rows(&format!("{}[{index}]", $place)));
        }
    };
}

sections! {
    one general at "": section::General;
    one database at "database": section::Database;
    one pool at "pool": section::Pool;
    one cache at "cache": section::Cache;
    named namespaces at "cache": section::Namespace;
    one server at "server": section::Server;
    one tls at "server.tls": section::Tls;
    one unix at "server.unix": section::Unix;
    one jwt at "server.jwt": section::Jwt;
    one limits at "limits": section::Limits;
    one guards at "guards": section::Guards;
    one log at "log": section::Log;
    one slow at "slow": section::Slow;
    one statistics at "statistics": section::Statistics;
    one repeats at "repeats": section::Repeats;
    one telemetry at "telemetry": section::Telemetry;
    one maintenance at "maintenance": section::Maintenance;
    list maintenance_tasks at "maintenance.task": section::Task;
    list rules at "rule": section::Rule;
}

/// A configuration, and where each value of it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    origins: BTreeMap<String, Origin>,
}

impl Loaded {
    /// Reads every source and checks all of it.
    pub(crate) fn read(sources: &Sources) -> Result<Loaded, Faults> {
        let settings = Config::settings();
        let mut reader = Reader::new(sources, &settings);
        // Which profile it is has to be known first; a fault in it is told the second time.
        let profile = section::General::read("", &mut Reader::new(sources, &settings)).profile;
        reader.add_profile(profile.values(), profile.name());
        let config = Config::read(&mut reader);
        let places: Vec<String> = Config::places().into_iter().map(|(place, _)| place).collect();
        let (origins, faults) = reader.end(&settings, &places);
        match Faults::of(faults) {
            Some(faults) => Err(faults),
            None => Ok(Loaded { config, origins }),
        }
    }

    /// Where the value under a key comes from.
    pub(crate) fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }
}
