//! Whether running a query at PostgreSQL does nothing else than answer, by its words: for texts of
//! which the server has proven nothing. It lists what is known; whatever it does not know says no.
//!
//! A function of a user's that has the name of one of the server's, and other arguments, is not
//! told from it, nor is what a view calls inside.

use super::command::Command;
use super::lex::{Dialect, Kind, tokens_in};

/// Words before a parenthesis that call nothing, and types with a size, between blanks.
const WORDS: &str = "
    all and any array as between bit by case cast char character cross cube decimal distinct
    else except exists filter float from group having ilike in intersect interval is join
    lateral like limit materialized not numeric offset on or over partition rollup row select
    sets some then time timestamp timestamptz timetz union using values varbit varchar varying
    when where window with within zone";

/// Functions of the server's that only answer, of time and chance among them.
const FUNCTIONS: &str = "
    abs acos age array_agg array_append array_cat array_length array_position array_remove
    array_to_json array_to_string ascii asin atan atan2 avg bit_and bit_or bit_xor bool_and
    bool_or btrim cardinality cbrt ceil ceiling char_length character_length chr
    clock_timestamp coalesce concat concat_ws convert_from convert_to corr cos count covar_pop
    covar_samp cume_dist date date_bin date_part date_trunc decode degrees dense_rank div
    encode every exp extract first_value floor format gen_random_uuid generate_series greatest
    grouping initcap isempty json_agg json_array_elements json_array_elements_text
    json_array_length json_build_array json_build_object json_each json_each_text
    json_extract_path json_extract_path_text json_object json_object_agg json_object_keys
    json_typeof jsonb_agg jsonb_array_elements jsonb_array_elements_text jsonb_array_length
    jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path
    jsonb_extract_path_text jsonb_object_agg jsonb_object_keys jsonb_path_exists
    jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set
    jsonb_strip_nulls jsonb_typeof justify_days justify_hours justify_interval lag last_value
    lcm lead least left length ln log log10 lower lpad ltrim make_date make_interval make_time
    make_timestamp make_timestamptz max md5 min mod mode now nth_value ntile nullif numrange
    octet_length overlaps overlay percent_rank percentile_cont percentile_disc pg_column_size
    pg_database_size pg_indexes_size pg_relation_size pg_size_pretty pg_sleep pg_table_size
    pg_total_relation_size phraseto_tsquery pi plainto_tsquery position pow power quote_ident
    quote_literal radians random rank regexp_count regexp_instr regexp_like regexp_match
    regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr
    regr_intercept regr_r2 regr_slope repeat replace reverse right round row_number row_to_json
    rpad rtrim setweight sha256 sha512 sign sin split_part sqrt starts_with statement_timestamp
    stddev stddev_pop stddev_samp string_agg string_to_array strpos substr substring sum tan
    to_char to_date to_hex to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector
    transaction_timestamp translate trim trim_array trunc ts_headline ts_rank ts_rank_cd unnest
    upper var_pop var_samp variance websearch_to_tsquery width_bucket";

/// What may follow FOR in a clause that locks rows.
const LOCKS: &str = "key no share update";

/// Whether it does. Takes one pass over `sql`, which need not be valid.
pub(crate) fn only_answers(sql: &str) -> bool {
    if Command::of(sql) != Command::Read {
        return false;
    }
    let (mut before, mut last) = ("", "");
    for token in tokens_in(sql, Dialect::Postgres).filter(|token| token.kind.is_significant()) {
        let text = &sql[token.start..token.end];
        let is = |word: &str, list: &str| {
            list.split_ascii_whitespace().any(|known| known.eq_ignore_ascii_case(word))
        };
        let is_name = last.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '"');
        let is_known = || before != "." && (is(last, WORDS) || is(last, FUNCTIONS));
        if text == "(" && is_name && !is_known() {
            return false;
        }
        if token.kind == Kind::Word && last.eq_ignore_ascii_case("for") && is(text, LOCKS) {
            return false;
        }
        (before, last) = (last, text);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_answers() {
        let check = |sql: &str, expect| assert_eq!(only_answers(sql), expect, "{sql}");
        for sql in [
            "SELECT 1",
            "select Count(*), sum(a) FILTER (WHERE b IN (1, 2)) from t where d > now()",
            "SELECT a::numeric(10, 2), (a + b) * (c) FROM s.t",
            "SELECT substring(a for 3) FROM t -- f(1) for update",
            "SELECT 'nextval(''s'')', \"for\" FROM t ORDER BY random() LIMIT 3",
            "WITH x AS (SELECT 1) SELECT * FROM x WHERE EXISTS (SELECT 1)",
            "SHOW server_version",
        ] {
            check(sql, true);
        }
        for sql in [
            "SELECT nextval('s')",
            "SELECT \"nextval\" ('s')",
            "SELECT pg_catalog.nextval('s')",
            "SELECT public.count(1)",
            "SELECT my_own(1)",
            "SELECT a, my_own /* x */ (1)",
            "SELECT * FROM t FOR UPDATE",
            "SELECT * FROM t for\nno key update",
            "SELECT * FROM t FOR SHARE OF t",
            "SELECT pg_advisory_xact_lock(1)",
            "SELECT set_config('a', 'b', true)",
            "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
            "SELECT * INTO x FROM t",
            "UPDATE t SET a = 1",
            "COPY t TO STDOUT",
        ] {
            check(sql, false);
        }
    }
}
