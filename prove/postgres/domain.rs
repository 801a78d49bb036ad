//! Types of columns, and values for them: few of each, so that conditions hit, and among them such
//! as are equal in one sense and different in another. It knows no table.

use fastrand::Rng;
use forebay::Value;

/// The type of a column, as far as drawing needs to tell types apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Int2,
    Int4,
    Int8,
    Bool,
    /// Under "C".
    Text,
    /// Under a deterministic collation other than "C".
    TextFirm,
    /// Under a collation for which different texts are equal.
    TextLoose,
    Varchar,
    Bpchar,
    Uuid,
    Numeric,
    Float8,
    Date,
    Timestamptz,
    Jsonb,
    IntArray,
    TextArray,
    Enum,
    /// A domain over int4.
    Small,
    /// A domain over text.
    Word,
    Bytea,
    Other,
}

/// Types that columns are drawn with, the more frequent ones more than once.
const DRAWN: &[Type] = &[
    Type::Int2,
    Type::Int4,
    Type::Int4,
    Type::Int4,
    Type::Int8,
    Type::Bool,
    Type::Text,
    Type::Text,
    Type::TextFirm,
    Type::TextFirm,
    Type::TextLoose,
    Type::Varchar,
    Type::Bpchar,
    Type::Uuid,
    Type::Uuid,
    Type::Numeric,
    Type::Float8,
    Type::Date,
    Type::Timestamptz,
    Type::Jsonb,
    Type::IntArray,
    Type::TextArray,
    Type::Enum,
    Type::Small,
    Type::Word,
    Type::Bytea,
];

const UUIDS: &[&str] = &[
    "aaaaaaaa-0000-4000-8000-000000000001",
    "aaaaaaaa-0000-4000-8000-00000000000b",
    "bbbbbbbb-0000-4000-8000-00000000000c",
    "cccccccc-0000-4000-8000-00000000000d",
    "00000000-0000-4000-8000-000000000000",
];
const TEXTS: &[&str] = &["a", "b", "c", "A", "B", "ab", "Z", "é", "d"];
const ODD_TEXTS: &[&str] = &["", " a", "a ", "1", "01", "É", "~", "_", "it''s", "null", "ä"];
const NUMERICS: &[&str] = &["1", "1.0", "1.00", "2", "2.50", "2.5", "-3", "0", "0.0", "10"];
const FLOATS: &[&str] = &["0", "-0", "1", "1.5", "2", "NaN", "-1", "Infinity"];
const DATES: &[&str] =
    &["2024-01-01", "2024-01-02", "2024-02-29", "1999-12-31", "infinity", "2024-12-31"];
const TIMES: &[&str] = &[
    "2024-01-01 00:00:00+00",
    "2024-01-01 00:00:00.5+00",
    "2024-01-02 12:00:00+00",
    "1999-12-31 23:59:59+00",
    "infinity",
];
const OTHER_TIMES: &[&str] = &["2024-01-01 02:00:00+02", "2024-01-01T00:00:00Z"];
const JSONS: &[&str] = &["{\"a\": 1}", "{\"a\": 1.0}", "[1, 2]", "null", "\"a\"", "{}"];
const INT_ARRAYS: &[&str] = &["{1,2}", "{}", "{3}", "{1,NULL}", "{2,1}"];
const TEXT_ARRAYS: &[&str] = &["{a,b}", "{}", "{A}", "{a,NULL}", "{\"a b\",c}"];
const BYTES: &[&str] = &["\\x00ff", "\\x", "\\x61", "\\x41"];

impl Type {
    /// Of a column with this type and collation, as the catalogue writes them.
    pub(crate) fn of(name: &str, collation: &str) -> Type {
        match (name, collation) {
            ("smallint", _) => Type::Int2,
            ("integer", _) => Type::Int4,
            ("bigint", _) => Type::Int8,
            ("boolean", _) => Type::Bool,
            ("text", "C") => Type::Text,
            ("text", "loose") => Type::TextLoose,
            ("text", _) => Type::TextFirm,
            ("uuid", _) => Type::Uuid,
            ("numeric", _) => Type::Numeric,
            ("double precision", _) => Type::Float8,
            ("date", _) => Type::Date,
            ("timestamp with time zone", _) => Type::Timestamptz,
            ("jsonb", _) => Type::Jsonb,
            ("integer[]", _) => Type::IntArray,
            ("text[]", _) => Type::TextArray,
            ("mood", _) => Type::Enum,
            ("small", _) => Type::Small,
            ("word", _) => Type::Word,
            ("bytea", _) => Type::Bytea,
            (name, _) if name.starts_with("character varying") => Type::Varchar,
            (name, _) if name.starts_with("character(") => Type::Bpchar,
            (name, _) if name.starts_with("numeric") => Type::Numeric,
            _ => Type::Other,
        }
    }

    pub(crate) fn draw(rng: &mut Rng) -> Type {
        pick(rng, DRAWN)
    }

    /// As it stands in a definition, with its collation.
    pub(crate) fn definition(self) -> &'static str {
        match self {
            Type::Int2 => "smallint",
            Type::Int4 | Type::Other => "int",
            Type::Int8 => "bigint",
            Type::Bool => "boolean",
            Type::Text => "text COLLATE \"C\"",
            Type::TextFirm => "text COLLATE public.firm",
            Type::TextLoose => "text COLLATE public.loose",
            Type::Varchar => "varchar(20) COLLATE \"C\"",
            Type::Bpchar => "char(4)",
            Type::Uuid => "uuid",
            Type::Numeric => "numeric",
            Type::Float8 => "float8",
            Type::Date => "date",
            Type::Timestamptz => "timestamptz",
            Type::Jsonb => "jsonb",
            Type::IntArray => "int[]",
            Type::TextArray => "text[]",
            Type::Enum => "public.mood",
            Type::Small => "public.small",
            Type::Word => "public.word",
            Type::Bytea => "bytea",
        }
    }

    /// As it stands in a cast.
    pub(crate) fn cast(self) -> &'static str {
        self.definition().split(" COLLATE").next().unwrap_or("text")
    }

    pub(crate) fn is_whole(self) -> bool {
        matches!(self, Type::Int2 | Type::Int4 | Type::Int8 | Type::Small)
    }

    /// A text under a collation that tells all texts apart.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Type::Text | Type::TextFirm | Type::Varchar | Type::Word)
    }

    /// Whether equal values are shown alike.
    pub(crate) fn is_crisp(self) -> bool {
        let is_blurred = matches!(
            self,
            Type::TextLoose
                | Type::Bpchar
                | Type::Numeric
                | Type::Float8
                | Type::Jsonb
                | Type::Other
                | Type::TextArray
        );
        !is_blurred
    }

    /// Whether `min` and `max` are there for it.
    pub(crate) fn has_extremes(self) -> bool {
        self.is_whole()
            || self.is_text()
            || matches!(self, Type::Date | Type::Timestamptz | Type::Enum)
    }

    /// What may be compared without a cast.
    pub(crate) fn meets(self, other: Type) -> bool {
        self == other
            || (self.is_whole() && other.is_whole())
            || (self.is_whole() && other == Type::Numeric)
            || (self == Type::Numeric && other.is_whole())
            || (self == Type::Text && other == Type::Varchar)
            || (self == Type::Varchar && other == Type::Text)
    }
}

/// One of a list.
pub(crate) fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

/// True once in so many times.
pub(crate) fn once_in(rng: &mut Rng, many: u32) -> bool {
    rng.u32(..many) == 0
}

/// The text of a value of this type, as it may stand between quotes once they are doubled.
pub(crate) fn text(rng: &mut Rng, of: Type) -> String {
    let fixed = match of {
        Type::Int2 | Type::Int4 | Type::Small | Type::Other => return whole(rng, 0),
        Type::Int8 => return whole(rng, 9_007_199_254_740_993),
        Type::Bool => pick(rng, &["t", "f"]),
        Type::Text | Type::TextFirm | Type::TextLoose | Type::Varchar | Type::Word => {
            let pool = if once_in(rng, 8) { ODD_TEXTS } else { TEXTS };
            return pick(rng, pool).replace("''", "'");
        }
        Type::Bpchar => pick(rng, &["a", "b", "ab", "A", "abcd"]),
        Type::Uuid => pick(rng, UUIDS),
        Type::Numeric => pick(rng, NUMERICS),
        Type::Float8 => pick(rng, FLOATS),
        Type::Date => pick(rng, DATES),
        Type::Timestamptz => pick(rng, TIMES),
        Type::Jsonb => pick(rng, JSONS),
        Type::IntArray => pick(rng, INT_ARRAYS),
        Type::TextArray => pick(rng, TEXT_ARRAYS),
        Type::Enum => pick(rng, &["sad", "ok", "happy"]),
        Type::Bytea => pick(rng, BYTES),
    };
    fixed.to_owned()
}

fn whole(rng: &mut Rng, wide: i64) -> String {
    match rng.u8(..30) {
        0 if wide != 0 => wide.to_string(),
        1 => "-1".to_owned(),
        2 => rng.i64(10..40).to_string(),
        _ => rng.i64(0..8).to_string(),
    }
}

/// A value as an application may bind it, another one that means the same now and then.
pub(crate) fn bound(rng: &mut Rng, of: Type) -> Value {
    if once_in(rng, 14) {
        return Value::Null;
    }
    let text = text(rng, of);
    match of {
        _ if of.is_whole() && !once_in(rng, 8) => {
            text.parse::<i64>().map_or(Value::Null, Value::from)
        }
        Type::Int2 | Type::Int4 | Type::Int8 | Type::Small if once_in(rng, 3) => {
            format!("0{}", text.trim_start_matches('-')).into()
        }
        Type::Bool if rng.bool() => Value::from(text == "t"),
        Type::Bool => pick(rng, &["t", "true", "yes", "f", "off", "TRUE"]).into(),
        Type::Uuid => match rng.u8(..4) {
            0 => text.to_uppercase().into(),
            1 => text.replace('-', "").into(),
            2 if once_in(rng, 3) => format!("{{{text}}}").into(),
            _ => text.into(),
        },
        Type::Date if once_in(rng, 6) => "Jan 1 2024".into(),
        Type::Timestamptz if once_in(rng, 3) => pick(rng, OTHER_TIMES).into(),
        _ => text.into(),
    }
}

/// A text as a literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A value as a literal without a type of its own, as a parameter is one.
pub(crate) fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(n) => format!("'{n}'"),
        Value::Real(x) => format!("'{x}'"),
        Value::Text(text) => quoted(text),
        Value::Blob(bytes) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("'\\x{hex}'")
        }
    }
}

/// A statement with its parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) params: Vec<Value>,
}

impl Statement {
    pub(crate) fn plain(sql: impl Into<String>) -> Statement {
        Statement { sql: sql.into(), params: Vec::new() }
    }

    /// With literals in place of its parameters.
    pub(crate) fn written_out(&self) -> String {
        let mut parts = self.sql.split('$');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let value = part[..digits].parse::<usize>().ok().and_then(|n| self.params.get(n - 1));
            match value {
                Some(value) => text += &literal(value),
                None => text = text + "$" + &part[..digits],
            }
            text += &part[digits..];
        }
        text
    }
}

/// The parameters of a statement that is being drawn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(crate) params: Vec<Value>,
    /// What it is made of, for the table of coverage.
    pub(crate) features: Vec<&'static str>,
    /// Whether values may be bound at all.
    pub(crate) binds: bool,
}

impl Draft {
    pub(crate) fn note(&mut self, feature: &'static str) {
        if !self.features.contains(&feature) {
            self.features.push(feature);
        }
    }

    /// A value of this type in a condition or an assignment: bound, or written in one of the ways
    /// in which it may be.
    pub(crate) fn value(&mut self, rng: &mut Rng, of: Type) -> String {
        if self.binds && rng.bool() && self.params.len() < 8 {
            let value = bound(rng, of);
            self.note("parameter");
            return self.bind(value);
        }
        self.note("literal");
        let text = text(rng, of);
        match rng.u8(..10) {
            0 => format!("{}::{}", quoted(&text), of.cast()),
            1..=6 if of.is_whole() => text,
            _ => quoted(&text),
        }
    }

    pub(crate) fn bind(&mut self, value: Value) -> String {
        self.params.push(value);
        format!("${}", self.params.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_out_as_literals() {
        let params = vec![Value::from(7), Value::from("it's"), Value::Null];
        let statement = Statement { sql: "a = $1 AND b = $2 OR c = $3 -- $4".to_owned(), params };
        let expect = "a = '7' AND b = 'it''s' OR c = NULL -- $4";
        assert_eq!(statement.written_out(), expect);
    }

    #[test]
    fn every_drawn_type_is_known_again_by_its_name() {
        for of in DRAWN {
            let (name, collation) = match of {
                Type::Int4 => ("integer", ""),
                Type::Text => ("text", "C"),
                Type::TextFirm => ("text", "firm"),
                Type::TextLoose => ("text", "loose"),
                Type::Varchar => ("character varying(20)", "C"),
                Type::Bpchar => ("character(4)", "default"),
                Type::Float8 => ("double precision", ""),
                Type::Timestamptz => ("timestamp with time zone", ""),
                Type::IntArray => ("integer[]", ""),
                other => (other.cast().trim_start_matches("public."), "default"),
            };
            assert_eq!(Type::of(name, collation), *of, "{name}");
        }
    }
}
