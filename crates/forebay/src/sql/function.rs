//! The SQL functions whose answer rests on nothing but their arguments. Whatever is not listed is
//! taken to depend on more: the clock, chance, or the connection.
//!
//! Date and time functions are left out on purpose: `'now'` and `'localtime'` may arrive in a
//! column or a parameter.

/// SQLite's built-in functions that are immutable, aggregates and window functions included.
/// `like` and `glob` are, because `case_sensitive_like` is refused on shared connections.
const IMMUTABLE: &[&str] = &[
    "->",
    "->>",
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "avg",
    "ceil",
    "ceiling",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "cos",
    "cosh",
    "count",
    "cume_dist",
    "degrees",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "if",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_insert",
    "json_array_length",
    "json_error_position",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_patch",
    "json_pretty",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_type",
    "json_valid",
    "jsonb",
    "jsonb_array",
    "jsonb_array_insert",
    "jsonb_extract",
    "jsonb_group_array",
    "jsonb_group_object",
    "jsonb_insert",
    "jsonb_object",
    "jsonb_patch",
    "jsonb_remove",
    "jsonb_replace",
    "jsonb_set",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "max",
    "median",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "percentile",
    "percentile_cont",
    "percentile_disc",
    "pi",
    "pow",
    "power",
    "printf",
    "quote",
    "radians",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "sin",
    "sinh",
    "soundex",
    "sqlite_source_id",
    "sqlite_version",
    "sqrt",
    "string_agg",
    "substr",
    "substring",
    "subtype",
    "sum",
    "tan",
    "tanh",
    "total",
    "trim",
    "trunc",
    "typeof",
    "unhex",
    "unicode",
    "unistr",
    "unistr_quote",
    "unlikely",
    "upper",
    "zeroblob",
];

/// Whether the function called `name` (in any ASCII case) is known to be immutable.
pub(crate) fn is_immutable(name: &str) -> bool {
    let folded = name.to_ascii_lowercase();
    IMMUTABLE.binary_search(&folded.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(IMMUTABLE.is_sorted());
    }

    #[test]
    fn known_and_unknown() {
        let check = |name, expect| assert_eq!(is_immutable(name), expect, "{name}");
        for name in ["COUNT", "lower", "json_extract", "->>", "row_number"] {
            check(name, true);
        }
        for name in [
            "random",
            "randomblob",
            "date",
            "strftime",
            "CURRENT_TIMESTAMP",
            "changes",
            "last_insert_rowid",
            "total_changes",
            "load_extension",
            "mine",
            "",
        ] {
            check(name, false);
        }
    }
}
