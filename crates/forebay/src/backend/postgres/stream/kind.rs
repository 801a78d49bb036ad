//! What the text of a value in the stream tells, by the type of its column: a value to compare
//! with, or only whether it is the same as another, or nothing.
//!
//! The texts are those of a session with the settings of [`SESSION`], so that a type has one text
//! for one value, whatever the server's defaults are.

use crate::invalidate::Scalar;

/// Settings of the session that streams. Without them, two floats could have one text; and the
/// last makes the server answer in time while it reads a transaction of which it sends nothing.
pub(crate) const SESSION: [(&str, &str); 7] = [
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("wal_sender_timeout", "20s"),
];

/// The first number of a type that is not built in.
const FIRST_OWN_TYPE: u32 = 16_384;

/// How the texts of a column are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A number in decimal digits.
    Integer,
    /// `t` or `f`, told as 1 or 0.
    Bool,
    /// Equal values have equal texts, and the text is the value.
    Text,
    /// Equal texts mean the same value. Values that SQL finds equal may have different texts.
    Same,
    /// A text tells nothing: two values may share it.
    Unclear,
}

impl Kind {
    /// The kind of a type that is built in, or of an enum. Of a domain, ask for its base type.
    pub(crate) fn of(type_oid: u32, is_enum: bool) -> Kind {
        match type_oid {
            _ if is_enum => Kind::Same,
            // oid, int8, int2, int4.
            20 | 21 | 23 | 26 => Kind::Integer,
            16 => Kind::Bool,
            // text, varchar, date, timestamp, timestamptz, uuid.
            25 | 1043 | 1082 | 1114 | 1184 | 2950 => Kind::Text,
            _ if type_oid < FIRST_OWN_TYPE && SAME.binary_search(&type_oid).is_ok() => Kind::Same,
            _ => Kind::Unclear,
        }
    }

    /// The value that a text stands for; `Unknown` when SQL may find another text equal to it.
    pub(crate) fn scalar(self, text: &[u8]) -> Scalar<'_> {
        match self {
            Kind::Integer => integer(text).map_or(Scalar::Unknown, Scalar::Integer),
            Kind::Bool => match text {
                b"t" => Scalar::Integer(1),
                b"f" => Scalar::Integer(0),
                _ => Scalar::Unknown,
            },
            Kind::Text => Scalar::Text(text),
            Kind::Same | Kind::Unclear => Scalar::Unknown,
        }
    }

    /// Whether two texts are known to be the same value.
    pub(crate) fn is_same(self, a: &[u8], b: &[u8]) -> bool {
        self != Kind::Unclear && a == b
    }
}

/// Types whose output function writes two values in two ways, in order. Not among them: xml, which
/// leaves its declaration out, and money, which depends on the locale.
const SAME: [u32; 67] = [
    17,   // bytea
    18,   // "char"
    19,   // name
    27,   // tid
    28,   // xid
    29,   // cid
    114,  // json
    600,  // point
    601,  // lseg
    602,  // path
    603,  // box
    604,  // polygon
    628,  // line
    650,  // cidr
    700,  // float4
    701,  // float8
    718,  // circle
    774,  // macaddr8
    829,  // macaddr
    869,  // inet
    1000, // bool[]
    1001, // bytea[]
    1005, // int2[]
    1007, // int4[]
    1009, // text[]
    1014, // bpchar[]
    1015, // varchar[]
    1016, // int8[]
    1021, // float4[]
    1022, // float8[]
    1028, // oid[]
    1041, // inet[]
    1042, // bpchar
    1083, // time
    1115, // timestamp[]
    1182, // date[]
    1183, // time[]
    1185, // timestamptz[]
    1186, // interval
    1187, // interval[]
    1231, // numeric[]
    1266, // timetz
    1560, // bit
    1562, // varbit
    1700, // numeric
    2951, // uuid[]
    3220, // pg_lsn
    3614, // tsvector
    3615, // tsquery
    3802, // jsonb
    3807, // jsonb[]
    3904, // int4range
    3905, // int4range[]
    3906, // numrange
    3907, // numrange[]
    3908, // tsrange
    3909, // tsrange[]
    3910, // tstzrange
    3911, // tstzrange[]
    3912, // daterange
    3913, // daterange[]
    3926, // int8range
    3927, // int8range[]
    4072, // jsonpath
    4451, // int4multirange
    4532, // nummultirange
    5069, // xid8
];

fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_by_type() {
        let check = |type_oid: u32, text: &str, expect: Scalar<'_>| {
            let kind = Kind::of(type_oid, false);
            assert_eq!(kind.scalar(text.as_bytes()), expect, "{type_oid} {text}");
        };
        check(23, "-7", Scalar::Integer(-7));
        check(20, "9223372036854775807", Scalar::Integer(i64::MAX));
        check(20, "9223372036854775808", Scalar::Unknown);
        check(26, "4294967295", Scalar::Integer(4_294_967_295));
        check(23, "", Scalar::Unknown);
        check(16, "t", Scalar::Integer(1));
        check(16, "f", Scalar::Integer(0));
        check(16, "true", Scalar::Unknown);
        check(25, "1.0", Scalar::Text(b"1.0"));
        check(1700, "1.0", Scalar::Unknown);
        check(701, "1", Scalar::Unknown);
        check(1042, "a  ", Scalar::Unknown);
        check(70_000, "a", Scalar::Unknown);
    }

    #[test]
    fn equal_texts_count_only_where_they_mean_one_value() {
        let check = |type_oid: u32, is_enum: bool, expect: bool| {
            let kind = Kind::of(type_oid, is_enum);
            assert_eq!(kind.is_same(b"1", b"1"), expect, "{type_oid}");
            assert!(!kind.is_same(b"1", b"2"), "{type_oid}");
        };
        check(23, false, true);
        check(1700, false, true);
        check(3802, false, true);
        check(142, false, false);
        check(790, false, false);
        check(70_000, false, false);
        check(70_000, true, true);
        assert!(SAME.is_sorted());
    }
}
