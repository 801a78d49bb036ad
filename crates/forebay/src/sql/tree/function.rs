//! Which functions an answer may rest on: those of the server that are immutable, and those that
//! are stable only because of settings that do not change on pooled connections. A function of a
//! user may read anything, whatever it is declared as, and so may an aggregate of one.

use super::catalogue::{FIRST_OF_USERS, Function, PG_CATALOG};

/// Stable functions whose answer rests on their arguments and on `TimeZone`, `DateStyle`,
/// `IntervalStyle`, `lc_numeric`, `lc_time`, `extra_float_digits` and `bytea_output`. Those of
/// JSON, `format` and their like show values of any type, and look for casts of users' types; so
/// they count only where no such type is about. Not listed is what reads the clock: `now`,
/// `age` with one argument, conversions to `timetz` and between its zones.
pub(super) const BY_SETTINGS: &[u32] = &[
    // array_to_string
    384, 395, // generate_series(timestamptz, timestamptz, interval)
    939, // date_part, timestamptz(date), timestamptz(date, time), date(timestamptz)
    1171, 1174, 1176, 1178, // timestamptz + interval, timestamptz - interval, date_trunc
    1189, 1190, 1217, // quote_literal, quote_nullable
    1285, 1290, // overlaps
    1305, 1306, 1307, // timetz(timestamptz)
    1388, // to_char, to_number, to_timestamp, to_date
    1768, 1770, 1772, 1773, 1774, 1775, 1776, 1777, 1778, 1780, 2049,
    // text || anything, anything || text
    2003, 2004, // time(timestamptz), timestamp(timestamptz), timestamptz(timestamp)
    2019, 2027, 2028, // date beside timestamptz
    2351, 2352, 2353, 2354, 2355, 2356, 2357, 2377, 2378, 2379, 2380, 2381, 2382, 2383,
    // timestamp beside timestamptz
    2520, 2521, 2522, 2523, 2524, 2525, 2526, 2527, 2528, 2529, 2530, 2531, 2532, 2533,
    // interval + timestamptz
    2549, // concat, concat_ws
    3058, 3059, // array_to_json, row_to_json, json_agg, to_json
    3153, 3154, 3155, 3156, 3175, 3176,
    // json_object_agg, json_build_array, json_build_object
    3197, 3198, 3199, 3200, 3201,
    // jsonb_agg, jsonb_object_agg, jsonb_build_array, jsonb_build_object
    3267, 3270, 3271, 3272, 3273, 3274, // make_timestamptz
    3462, 3463, // format
    3539, 3540, // to_jsonb
    3787, // in_range for timestamptz
    4135, // extract, date_add, date_subtract
    6203, 6221, 6223,
];

/// Declared immutable, and yet about the server or its catalogue: names of WAL files and phases,
/// partitions.
const MISLABELLED: &[u32] = &[676, 2850, 2851, 3424, 5028];

/// What the answer of a function rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rests {
    Arguments,
    /// And settings that are the same for all pooled connections.
    Settings,
    Anything,
}

/// Judges a function.
pub(super) fn judge(oid: u32, function: &Function) -> Rests {
    if oid >= FIRST_OF_USERS || function.schema != PG_CATALOG || MISLABELLED.contains(&oid) {
        return Rests::Anything;
    }
    match function.volatility {
        b'i' => Rests::Arguments,
        b's' if BY_SETTINGS.contains(&oid) => Rests::Settings,
        _ => Rests::Anything,
    }
}
