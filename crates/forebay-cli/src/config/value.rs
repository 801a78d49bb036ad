//! Kinds of values: how each is read from a file, a variable or a flag, and how it is written. It
//! knows no keys.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::given::Raw;
use crate::login;
use crate::quantity::{Size, Time, grouped};

/// A kind of value.
pub(crate) trait Value: Sized {
    /// What a range of it goes from and to; `()` if it has none.
    type Bound: PartialOrd;

    /// What may be written, in words that follow "must be".
    const EXPECTED: &'static str;
    /// What stands for it in the help of a flag.
    const PLACE: &'static str;
    /// A flag of it takes no value.
    const IS_SWITCH: bool = false;
    /// A flag of it may be repeated.
    const IS_LIST: bool = false;

    /// Reads it; none if it is something else.
    fn read(raw: &Raw) -> Option<Self>;

    /// It as it stands in a file; none if it is not set.
    fn written(&self) -> Option<String>;

    /// The same as it may be shown.
    fn shown(&self) -> Option<String> {
        self.written()
    }

    /// Whether it is within a range.
    fn is_within(&self, _: &RangeInclusive<Self::Bound>) -> bool {
        true
    }

    /// A bound in words.
    fn bound(_: &Self::Bound) -> String {
        String::new()
    }
}

impl Value for bool {
    type Bound = ();
    const EXPECTED: &'static str = "true or false";
    const PLACE: &'static str = "BOOL";
    const IS_SWITCH: bool = true;

    fn read(raw: &Raw) -> Option<bool> {
        match raw {
            Raw::Boolean(value) => Some(*value),
            Raw::Text(text) => match &*text.to_ascii_lowercase() {
                "true" | "1" | "yes" | "on" => Some(true),
                "false" | "0" | "no" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    fn written(&self) -> Option<String> {
        Some(self.to_string())
    }
}

macro_rules! whole {
    ($($type:ty)*) => {$(
        impl Value for $type {
            type Bound = $type;
            const EXPECTED: &'static str = "a whole number";
            const PLACE: &'static str = "N";

            fn read(raw: &Raw) -> Option<$type> {
                match raw {
                    Raw::Integer(value) => <$type>::try_from(*value).ok(),
                    Raw::Text(text) => text.parse().ok(),
                    _ => None,
                }
            }

            fn written(&self) -> Option<String> {
                Some(self.to_string())
            }

            fn is_within(&self, range: &RangeInclusive<$type>) -> bool {
                range.contains(self)
            }

            fn bound(bound: &$type) -> String {
                grouped(*bound as u64)
            }
        }
    )*};
}

whole! { u16 u32 u64 usize }

impl Value for f64 {
    type Bound = f64;
    const EXPECTED: &'static str = "a number";
    const PLACE: &'static str = "X";

    fn read(raw: &Raw) -> Option<f64> {
        let value = match raw {
            Raw::Float(value) => *value,
            Raw::Integer(value) => *value as f64,
            Raw::Text(text) => text.parse().ok()?,
            _ => return None,
        };
        value.is_finite().then_some(value)
    }

    fn written(&self) -> Option<String> {
        // With a point, so that it stays a number of this kind.
        Some(format!("{self:?}"))
    }

    fn is_within(&self, range: &RangeInclusive<f64>) -> bool {
        range.contains(self)
    }

    fn bound(bound: &f64) -> String {
        bound.to_string()
    }
}

impl Value for Time {
    type Bound = Duration;
    const EXPECTED: &'static str = "a time such as 500ms, 30s, 5m or 1h";
    const PLACE: &'static str = "TIME";

    fn read(raw: &Raw) -> Option<Time> {
        raw.text()?.parse().ok()
    }

    fn written(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }

    fn is_within(&self, range: &RangeInclusive<Duration>) -> bool {
        range.contains(&self.0)
    }

    fn bound(bound: &Duration) -> String {
        Time(*bound).to_string()
    }
}

impl Value for Size {
    type Bound = usize;
    const EXPECTED: &'static str = "bytes, or a text such as 16MB or 64MiB";
    const PLACE: &'static str = "SIZE";

    fn read(raw: &Raw) -> Option<Size> {
        match raw {
            Raw::Integer(value) => usize::try_from(*value).ok().map(Size),
            raw => raw.text()?.parse().ok(),
        }
    }

    fn written(&self) -> Option<String> {
        let text = self.to_string();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        Some(if is_plain { text } else { quoted(&text) })
    }

    fn is_within(&self, range: &RangeInclusive<usize>) -> bool {
        range.contains(&self.0)
    }

    fn bound(bound: &usize) -> String {
        Size(*bound).to_string()
    }
}

impl Value for String {
    type Bound = ();
    const EXPECTED: &'static str = "a text";
    const PLACE: &'static str = "TEXT";

    fn read(raw: &Raw) -> Option<String> {
        raw.text().map(str::to_owned)
    }

    fn written(&self) -> Option<String> {
        Some(quoted(self))
    }
}

impl Value for PathBuf {
    type Bound = ();
    const EXPECTED: &'static str = "the path of a file";
    const PLACE: &'static str = "PATH";

    fn read(raw: &Raw) -> Option<PathBuf> {
        raw.text().filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    fn written(&self) -> Option<String> {
        Some(quoted(&self.to_string_lossy()))
    }
}

impl Value for SocketAddr {
    type Bound = ();
    const EXPECTED: &'static str = "an address with a port, such as 127.0.0.1:8432";
    const PLACE: &'static str = "ADDR:PORT";

    fn read(raw: &Raw) -> Option<SocketAddr> {
        raw.text()?.parse().ok()
    }

    fn written(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

/// The permissions of a file. Only texts are read: who writes 660 means it in octal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode(pub(crate) u32);

impl Value for Mode {
    type Bound = ();
    const EXPECTED: &'static str = "permissions in octal as a text, such as \"660\"";
    const PLACE: &'static str = "MODE";

    fn read(raw: &Raw) -> Option<Mode> {
        let mode = u32::from_str_radix(raw.text()?, 8).ok()?;
        (mode <= 0o777).then_some(Mode(mode))
    }

    fn written(&self) -> Option<String> {
        Some(quoted(&format!("{:o}", self.0)))
    }
}

/// The URL of a database. Its password does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url(pub(crate) String);

impl Value for Url {
    type Bound = ();
    const EXPECTED: &'static str = "a URL or a path, such as sqlite:app.db";
    const PLACE: &'static str = "URL";

    fn read(raw: &Raw) -> Option<Url> {
        raw.text().filter(|text| !text.is_empty()).map(|text| Url(text.to_owned()))
    }

    fn written(&self) -> Option<String> {
        Some(quoted(&self.0))
    }

    fn shown(&self) -> Option<String> {
        Some(quoted(&login::shown(&self.0)))
    }
}

/// What need not be set.
impl<T: Value> Value for Option<T> {
    type Bound = T::Bound;
    const EXPECTED: &'static str = T::EXPECTED;
    const PLACE: &'static str = T::PLACE;

    fn read(raw: &Raw) -> Option<Option<T>> {
        T::read(raw).map(Some)
    }

    fn written(&self) -> Option<String> {
        self.as_ref().and_then(T::written)
    }

    fn shown(&self) -> Option<String> {
        self.as_ref().and_then(T::shown)
    }

    fn is_within(&self, range: &RangeInclusive<T::Bound>) -> bool {
        self.as_ref().is_none_or(|value| value.is_within(range))
    }

    fn bound(bound: &T::Bound) -> String {
        T::bound(bound)
    }
}

/// Texts: a list in a file, separated by commas in a variable.
impl Value for Vec<String> {
    type Bound = ();
    const EXPECTED: &'static str = "a list of texts";
    const PLACE: &'static str = "TEXT";
    const IS_LIST: bool = true;

    fn read(raw: &Raw) -> Option<Vec<String>> {
        match raw {
            Raw::String(text) => Some(vec![text.clone()]),
            Raw::List(all) => all.iter().map(|one| one.text().map(str::to_owned)).collect(),
            Raw::Text(text) => {
                let all = text.split(',').map(str::trim).filter(|one| !one.is_empty());
                Some(all.map(str::to_owned).collect())
            }
            _ => None,
        }
    }

    fn written(&self) -> Option<String> {
        let all: Vec<String> = self.iter().map(|one| quoted(one)).collect();
        Some(format!("[{}]", all.join(", ")))
    }
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\t' => out += "\\t",
            letter if letter.is_control() => out += &format!("\\u{:04X}", u32::from(letter)),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}
