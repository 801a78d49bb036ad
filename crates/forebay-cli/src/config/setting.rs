//! What a setting is, and how a section declares its own. It reads nothing.

use std::ops::RangeInclusive;

use super::reader::Reader;
use super::value::Value;

/// What is known of a setting beside its value.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// As in `pool.max_size`; `*` stands for a name of the user's, `[]` for a place in a list.
    pub(crate) key: String,
    /// What it is, for people.
    pub(crate) about: String,
    pub(crate) expected: &'static str,
    /// What stands for a value in the help.
    pub(crate) place: &'static str,
    /// From where to where, in words.
    pub(crate) range: Option<String>,
    /// As it stands in a file; none if it is not set then.
    pub(crate) default: Option<String>,
    /// A flag of `serve`, without dashes.
    pub(crate) flag: Option<&'static str>,
    pub(crate) variables: Vec<String>,
    pub(crate) is_switch: bool,
    pub(crate) is_list: bool,
    pub(crate) marks: Marks,
}

/// What else is special.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    /// It is never shown.
    pub(crate) secret: bool,
    /// It takes effect when the configuration is read again.
    pub(crate) live: bool,
}

/// A value in force.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) key: String,
    /// As it stands in a file; none if it is not set.
    pub(crate) written: Option<String>,
    /// The same as it may be shown.
    pub(crate) shown: Option<String>,
    pub(crate) is_live: bool,
}

/// Settings that belong together, made by `section!`.
pub(crate) trait Section: Sized {
    /// What it is about, for people.
    fn about() -> String;

    /// Its settings under this place, such as `pool`.
    fn settings(place: &str) -> Vec<Setting>;

    /// Its values, as far as they are given. What is wrong is noted in the reader.
    fn read(place: &str, reader: &mut Reader) -> Self;

    /// Its values in the order of its settings.
    fn rows(&self, place: &str) -> Vec<Row>;
}

/// A field of a section, as `section!` declares it.
pub(crate) struct Field<'a, T: Value> {
    pub(crate) name: &'static str,
    pub(crate) about: &'a [&'a str],
    pub(crate) range: Option<RangeInclusive<T::Bound>>,
    pub(crate) flag: Option<&'static str>,
    pub(crate) variables: &'a [&'a str],
    pub(crate) marks: Marks,
}

impl<T: Value> Field<'_, T> {
    pub(crate) fn key(&self, place: &str) -> String {
        if place.is_empty() { self.name.to_owned() } else { format!("{place}.{}", self.name) }
    }

    pub(crate) fn setting(&self, place: &str, default: &T) -> Setting {
        let key = self.key(place);
        let mut variables = Vec::new();
        if !key.contains(['*', '[']) {
            variables.push(format!("FOREBAY_{}", key.replace('.', "_").to_ascii_uppercase()));
        }
        variables.extend(self.variables.iter().map(|name| (*name).to_owned()));
        Setting {
            key,
            about: joined(self.about),
            expected: T::EXPECTED,
            place: T::PLACE,
            range: self.range_in_words(),
            default: default.written(),
            flag: self.flag,
            variables,
            is_switch: T::IS_SWITCH,
            is_list: T::IS_LIST,
            marks: self.marks,
        }
    }

    pub(super) fn range_in_words(&self) -> Option<String> {
        let range = self.range.as_ref()?;
        Some(format!("from {} to {}", T::bound(range.start()), T::bound(range.end())))
    }

    pub(crate) fn row(&self, place: &str, value: &T) -> Row {
        let masked = || value.written().map(|_| MASK.to_owned());
        Row {
            key: self.key(place),
            written: value.written(),
            shown: if self.marks.secret { masked() } else { value.shown() },
            is_live: self.marks.live,
        }
    }
}

/// What stands for a secret.
const MASK: &str = "\"***\"";

/// The lines of a doc comment as one text.
pub(crate) fn joined(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ").trim().to_owned()
}

/// Declares a section: a struct whose fields are settings.
///
/// ```text
/// section! {
///     /// What the section is about.
///     struct Pool {
///         /// What the setting is.
///         max_size: usize = 10, in 1..=1_000, flag "readers-max", is [live];
///     }
/// }
/// ```
///
/// The parts after the default may be left out, and come in this order: the range, the flag of
/// `serve`, other variables than the one that is made of the key, marks (`secret`, `live`).
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        struct $name:ident {$(
            $(#[doc = $doc:literal])*
            $field:ident: $type:ty = $default:expr
                $(, in $range:expr)? $(, flag $flag:literal)? $(, env $env:literal)*
                $(, is [$($mark:ident)*])?;
        )*}
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) struct $name {$(
            $(#[doc = $doc])*
            pub(crate) $field: $type,
        )*}

        impl $name {$(
            #[allow(unused_mut, reason = "most have no mark")]
            fn $field() -> $crate::config::setting::Field<'static, $type> {
                let mut marks = $crate::config::setting::Marks::default();
                $($(marks.$mark = true;)*)?
                $crate::config::setting::Field {
                    name: stringify!($field),
                    about: &[$($doc),*],
                    range: None$(.or(Some($range)))?,
                    flag: None$(.or(Some($flag)))?,
                    variables: &[$($env),*],
                    marks,
                }
            }
        )*}

        impl $crate::config::setting::Section for $name {
            fn about() -> String {
                $crate::config::setting::joined(&[$($about),*])
            }

            fn settings(place: &str) -> Vec<$crate::config::setting::Setting> {
                vec![$($name::$field().setting(place, &$default)),*]
            }

            fn read(place: &str, reader: &mut $crate::config::reader::Reader) -> $name {
                $name {$( $field: reader.take(place, &$name::$field(), $default), )*}
            }

            fn rows(&self, place: &str) -> Vec<$crate::config::setting::Row> {
                vec![$($name::$field().row(place, &self.$field)),*]
            }
        }
    };
}

pub(crate) use section;
