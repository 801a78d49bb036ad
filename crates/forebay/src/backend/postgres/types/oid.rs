//! The built-in types by their numbers, which are the same on every server. Types that somebody
//! has created have numbers of their own, from 16,384 on, and none is listed.

/// How the values of a type are read and written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Bool,
    Int2,
    Int4,
    Int8,
    /// 32 bits without a sign.
    Oid,
    Float4,
    Float8,
    Numeric,
    /// What is text in both formats.
    Text,
    Bytea,
    Date,
    Time,
    Timetz,
    Timestamp,
    Timestamptz,
    Interval,
    Uuid,
    Json,
    Jsonb,
    /// The text that the server makes of it.
    Other,
}

macro_rules! types {
    ($($oid:literal $array:literal $name:literal $codec:ident)*) => {
        /// The codec of a type that is not an array.
        pub(super) fn codec(oid: u32) -> Codec {
            match oid {
                $($oid => Codec::$codec,)*
                _ => Codec::Other,
            }
        }

        /// The type of the elements of an array type.
        pub(super) fn element(oid: u32) -> Option<u32> {
            match oid {
                $($array => Some($oid),)*
                _ => None,
            }
        }

        /// The name of a built-in type, as `pg_type` has it; that of an array ends with `[]`.
        pub(crate) fn type_name(oid: u32) -> Option<&'static str> {
            match oid {
                $($oid => Some($name), $array => Some(concat!($name, "[]")),)*
                _ => None,
            }
        }

        #[cfg(test)]
        pub(super) const ALL: &[(u32, u32, &str)] = &[$(($oid, $array, $name),)*];
    };
}

types! {
    16 1000 "bool" Bool
    17 1001 "bytea" Bytea
    18 1002 "char" Other
    19 1003 "name" Text
    20 1016 "int8" Int8
    21 1005 "int2" Int2
    22 1006 "int2vector" Other
    23 1007 "int4" Int4
    24 1008 "regproc" Other
    25 1009 "text" Text
    26 1028 "oid" Oid
    27 1010 "tid" Other
    28 1011 "xid" Oid
    29 1012 "cid" Oid
    30 1013 "oidvector" Other
    114 199 "json" Json
    142 143 "xml" Other
    600 1017 "point" Other
    601 1018 "lseg" Other
    602 1019 "path" Other
    603 1020 "box" Other
    604 1027 "polygon" Other
    628 629 "line" Other
    650 651 "cidr" Other
    700 1021 "float4" Float4
    701 1022 "float8" Float8
    718 719 "circle" Other
    774 775 "macaddr8" Other
    790 791 "money" Other
    829 1040 "macaddr" Other
    869 1041 "inet" Other
    1033 1034 "aclitem" Other
    1042 1014 "bpchar" Text
    1043 1015 "varchar" Text
    1082 1182 "date" Date
    1083 1183 "time" Time
    1114 1115 "timestamp" Timestamp
    1184 1185 "timestamptz" Timestamptz
    1186 1187 "interval" Interval
    1266 1270 "timetz" Timetz
    1560 1561 "bit" Other
    1562 1563 "varbit" Other
    1700 1231 "numeric" Numeric
    1790 2201 "refcursor" Other
    2202 2207 "regprocedure" Other
    2203 2208 "regoper" Other
    2204 2209 "regoperator" Other
    2205 2210 "regclass" Other
    2206 2211 "regtype" Other
    2249 2287 "record" Other
    2275 1263 "cstring" Other
    2950 2951 "uuid" Uuid
    2970 2949 "txid_snapshot" Other
    3220 3221 "pg_lsn" Other
    3614 3643 "tsvector" Other
    3615 3645 "tsquery" Other
    3734 3735 "regconfig" Other
    3769 3770 "regdictionary" Other
    3802 3807 "jsonb" Jsonb
    3904 3905 "int4range" Other
    3906 3907 "numrange" Other
    3908 3909 "tsrange" Other
    3910 3911 "tstzrange" Other
    3912 3913 "daterange" Other
    3926 3927 "int8range" Other
    4072 4073 "jsonpath" Other
    4089 4090 "regnamespace" Other
    4096 4097 "regrole" Other
    4191 4192 "regcollation" Other
    4451 6150 "int4multirange" Other
    4532 6151 "nummultirange" Other
    4533 6152 "tsmultirange" Other
    4534 6153 "tstzmultirange" Other
    4535 6155 "datemultirange" Other
    4536 6157 "int8multirange" Other
    5038 5039 "pg_snapshot" Other
    5069 271 "xid8" Other
}
