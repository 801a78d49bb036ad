//! Why a row does not fit a type. While serde unwinds only indices and words are kept; the text
//! is made once, where the columns are at hand. A text never holds a value of a row: what a
//! type of the caller says about a value it refuses becomes the cause, which is not displayed.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use serde::de::{Expected, Unexpected};

use crate::error::{Error, Kind};
use crate::row::{Column, Row};

/// Names that a text lists at most, and characters of each.
const NAMES_MAX: usize = 20;
const NAME_CHARS_MAX: usize = 64;

/// A fault, boxed so that the results that serde passes around stay small.
#[derive(Debug)]
pub(super) struct Fault(Box<Detail>);

#[derive(Debug)]
struct Detail {
    column: Option<usize>,
    what: What,
}

#[derive(Debug)]
enum What {
    /// One value does not fit.
    Mismatch {
        wanted: Cow<'static, str>,
        found: Cow<'static, str>,
        hint: Option<Cow<'static, str>>,
    },
    /// No column has the name of this field.
    Missing(&'static str),
    /// The type takes no field of the column's name.
    Unknown(&'static [&'static str]),
    /// Several columns are meant for one field or key.
    Ambiguous(Box<str>),
    /// A type that takes one value meets a row of another width.
    Scalar,
    /// A tuple of this length meets a row of another width.
    Tuple(usize),
    /// A type of the caller refuses the value in its own words.
    Refused(Box<str>),
    /// Not a fault: a whole row on its way to `Row::deserialize`, which knows how to take it.
    Carried(Carried),
}

/// A row that travels as the source of an error, because serde offers no other way to hand over
/// something that is neither copied nor taken apart.
#[derive(Debug)]
pub(super) struct Carried(pub(super) Row);

/// What a text is made with.
pub(super) struct Context<'a> {
    pub(super) columns: &'a [Column],
    /// Counted from 1.
    pub(super) row: Option<usize>,
    /// The type that was asked for.
    pub(super) target: &'static str,
}

impl Fault {
    fn new(what: What) -> Fault {
        Fault(Box::new(Detail { column: None, what }))
    }

    pub(super) fn mismatch(
        wanted: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
        hint: Option<Cow<'static, str>>,
    ) -> Fault {
        Fault::new(What::Mismatch { wanted: wanted.into(), found: found.into(), hint })
    }

    pub(super) fn ambiguous(name: &str) -> Fault {
        Fault::new(What::Ambiguous(name.into()))
    }

    pub(super) fn scalar() -> Fault {
        Fault::new(What::Scalar)
    }

    pub(super) fn tuple(len: usize) -> Fault {
        Fault::new(What::Tuple(len))
    }

    pub(super) fn carry(row: Row) -> Fault {
        Fault::new(What::Carried(Carried(row)))
    }

    /// Says which column this is about, unless it is known already.
    pub(super) fn at(mut self, column: usize) -> Fault {
        self.0.column.get_or_insert(column);
        self
    }

    /// The same of a part of a document, where there are members and no columns.
    #[cold]
    pub(super) fn in_document(mut self) -> Fault {
        let mismatch = |wanted: String, found: &'static str| What::Mismatch {
            wanted: wanted.into(),
            found: found.into(),
            hint: None,
        };
        self.0.what = match self.0.what {
            What::Missing(field) => {
                mismatch(format!("the field {}", quoted(field, '`')), "a document without it")
            }
            What::Unknown(fields) => {
                let fields = names(fields.iter().copied(), '`');
                mismatch(format!("no fields but {fields}"), "a document that has others")
            }
            What::Ambiguous(name) => {
                mismatch(format!("one field {}", quoted(&name, '`')), "a document with several")
            }
            What::Mismatch { wanted, found, hint } => {
                // What is said of flattened types is about the declared types of columns.
                let hint = hint.filter(|_| found != "integer");
                let found = if found == "a row" { "an object".into() } else { found };
                What::Mismatch { wanted: format!("{wanted} in the document").into(), found, hint }
            }
            what => what,
        };
        self
    }

    #[cold]
    pub(super) fn into_error(self, context: &Context<'_>) -> Error {
        let Detail { column, what } = *self.0;
        let place = context.place(column);
        let text = match &what {
            What::Mismatch { wanted, found, hint } => {
                let hint = hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
                format!("{place}wanted {wanted}, found {found}{hint}")
            }
            What::Missing(field) => format!("{place}{}", context.missing(field)),
            What::Unknown(fields) => format!(
                "{place}{} has no field of that name, only {}",
                context.target,
                names(fields.iter().copied(), '`')
            ),
            What::Ambiguous(name) => format!(
                "{place}several columns are meant for {}: give each its own name with AS",
                quoted(name, '"')
            ),
            What::Scalar => format!("{place}{}", context.scalar()),
            What::Tuple(len) => format!(
                "{place}{} takes {}, the row has {}: {}",
                context.target,
                columns(*len),
                columns(context.columns.len()),
                names(context.names(), '"')
            ),
            What::Refused(_) | What::Carried(_) => {
                let (who, what) = match column {
                    Some(_) => ("its type", "value"),
                    None => (context.target, "row"),
                };
                format!("{place}{who} refuses the {what}; the source of this error says why")
            }
        };
        let error = Error::new(Kind::Decode, text);
        match what {
            What::Refused(reason) => error.with_cause(String::from(reason)),
            _ => error,
        }
    }
}

impl<'a> Context<'a> {
    fn names(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
        self.columns.iter().map(|column| &*column.name)
    }

    fn place(&self, column: Option<usize>) -> String {
        let name = column.and_then(|index| self.columns.get(index));
        match (name.map(|column| quoted(&column.name, '"')), self.row) {
            (Some(name), Some(row)) => format!("column {name} (row {row}): "),
            (Some(name), None) => format!("column {name}: "),
            (None, Some(row)) => format!("row {row}: "),
            (None, None) => String::new(),
        }
    }

    fn missing(&self, field: &str) -> String {
        let near = self.names().find(|name| name.eq_ignore_ascii_case(field));
        let hint = near.map_or(String::new(), |near| {
            format!("; {} differs in case only: rename one of the two", quoted(near, '"'))
        });
        format!(
            "no column {} for a field of {}, the columns are {}{hint}",
            quoted(field, '"'),
            self.target,
            names(self.names(), '"')
        )
    }

    fn scalar(&self) -> String {
        if self.columns.is_empty() {
            return "the statement answers no columns".to_owned();
        }
        format!(
            "{} takes one column, the row has {}: {}; ask for a tuple or a struct, or select one \
             column",
            self.target,
            columns(self.columns.len()),
            names(self.names(), '"')
        )
    }
}

fn columns(n: usize) -> String {
    if n == 1 { "1 column".to_owned() } else { format!("{n} columns") }
}

fn quoted(name: &str, quote: char) -> String {
    match name.char_indices().nth(NAME_CHARS_MAX) {
        Some((end, _)) => format!("{quote}{}…{quote}", &name[..end]),
        None => format!("{quote}{name}{quote}"),
    }
}

fn names<'n>(names: impl ExactSizeIterator<Item = &'n str>, quote: char) -> String {
    let total = names.len();
    let shown: Vec<String> = names.take(NAMES_MAX).map(|name| quoted(name, quote)).collect();
    let shown = shown.join(", ");
    match total {
        0 => "none".to_owned(),
        _ if total > NAMES_MAX => format!("{shown}, … ({total} in all)"),
        _ => shown,
    }
}

/// The class of what was found. The value itself, which `Unexpected` carries, is left out.
fn class(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "integer",
        Unexpected::Float(_) => "real",
        Unexpected::Char(_) | Unexpected::Str(_) => "text",
        Unexpected::UnitVariant => "text, which names a variant but has no content for it",
        Unexpected::Bytes(_) => "blob",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a sequence",
        Unexpected::Map => "a row",
        _ => "another type",
    }
}

impl serde::de::Error for Fault {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Fault {
        let message = message.to_string();
        if message.starts_with("data did not match any variant of untagged enum ") {
            // Serde's own words, with nothing of the value in them.
            return Fault::mismatch(
                "a variant of an untagged enum",
                "a row or value of none",
                None,
            );
        }
        Fault::new(What::Refused(message.into()))
    }

    #[cold]
    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Fault {
        let hint = match found {
            Unexpected::Signed(0 | 1) | Unexpected::Unsigned(0 | 1)
                if wanted.to_string() == "a boolean" =>
            {
                Some(
                    "inside flattened and untagged types a column counts as boolean only when it \
                      is declared BOOLEAN"
                        .into(),
                )
            }
            Unexpected::Unit | Unexpected::Option => Some("wrap the type in Option".into()),
            _ => None,
        };
        Fault::mismatch(wanted.to_string(), class(&found), hint)
    }

    #[cold]
    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Fault {
        Fault::mismatch(wanted.to_string(), format!("{} that is none", class(&found)), None)
    }

    #[cold]
    fn invalid_length(len: usize, wanted: &dyn Expected) -> Fault {
        Fault::mismatch(wanted.to_string(), format!("{len} of them"), None)
    }

    #[cold]
    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Fault {
        let variants = names(variants.iter().copied(), '`');
        Fault::mismatch(format!("one of {variants}"), "text that is none of them", None)
    }

    #[cold]
    fn unknown_field(_: &str, fields: &'static [&'static str]) -> Fault {
        Fault::new(What::Unknown(fields))
    }

    #[cold]
    fn missing_field(field: &'static str) -> Fault {
        Fault::new(What::Missing(field))
    }

    #[cold]
    fn duplicate_field(field: &'static str) -> Fault {
        Fault::ambiguous(field)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the row does not fit the type")
    }
}

impl StdError for Fault {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.what {
            What::Carried(carried) => Some(carried),
            _ => None,
        }
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row as it is")
    }
}

impl StdError for Carried {}
