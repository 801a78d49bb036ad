//! Which functions write no table, whatever they are given. The question is another one than that
//! of an answer that may be kept: the time of day and a sequence matter nothing here.
//!
//! That a function is declared stable or immutable proves nothing. It is run as one that only
//! reads, so it cannot write by itself; but the server lets it call a volatile function, and that
//! one writes. So of the functions of users only machine code that is declared immutable is
//! trusted, which takes a superuser to install, and those whose body is a tree that can be read.
//! What superusers put under types and operators of the server is trusted as well.

use super::body::Body;
use super::catalogue::{FIRST_OF_USERS, Function, PG_CATALOG};

/// Volatile functions of the server that write no table. Not listed is what runs statements that
/// its arguments hold (`query_to_xml`, `cursor_to_xml`, `ts_stat`, `ts_rewrite`), what has effects
/// beyond the transaction, large objects, and what changes settings.
pub(super) const VOLATILE: &[(u32, &str)] = &[
    // Sequences, which are no tables.
    (1574, "nextval"),
    (1575, "currval"),
    (1576, "setval"),
    (1765, "setval"),
    (2559, "lastval"),
    // Chance and time.
    (274, "timeofday"),
    (1598, "random"),
    (1599, "setseed"),
    (2649, "clock_timestamp"),
    (2626, "pg_sleep"),
    (3432, "gen_random_uuid"),
    (3935, "pg_sleep_for"),
    (3936, "pg_sleep_until"),
    (6212, "random_normal"),
    (6215, "array_shuffle"),
    (6216, "array_sample"),
    (6339, "random"),
    (6340, "random"),
    (6341, "random"),
    (6428, "uuidv4"),
    (6429, "uuidv7"),
    (6430, "uuidv7"),
    // The statement, its transaction and its session.
    (817, "current_query"),
    (3360, "txid_status"),
    (5066, "pg_xact_status"),
    // Locks of the application's own.
    (2880, "pg_advisory_lock"),
    (2881, "pg_advisory_lock_shared"),
    (2882, "pg_try_advisory_lock"),
    (2883, "pg_try_advisory_lock_shared"),
    (2884, "pg_advisory_unlock"),
    (2885, "pg_advisory_unlock_shared"),
    (2886, "pg_advisory_lock"),
    (2887, "pg_advisory_lock_shared"),
    (2888, "pg_try_advisory_lock"),
    (2889, "pg_try_advisory_lock_shared"),
    (2890, "pg_advisory_unlock"),
    (2891, "pg_advisory_unlock_shared"),
    (2892, "pg_advisory_unlock_all"),
    (3089, "pg_advisory_xact_lock"),
    (3090, "pg_advisory_xact_lock_shared"),
    (3091, "pg_try_advisory_xact_lock"),
    (3092, "pg_try_advisory_xact_lock_shared"),
    (3093, "pg_advisory_xact_lock"),
    (3094, "pg_advisory_xact_lock_shared"),
    (3095, "pg_try_advisory_xact_lock"),
    (3096, "pg_try_advisory_xact_lock_shared"),
    // Sizes, and the state of the server.
    (2168, "pg_database_size"),
    (2286, "pg_total_relation_size"),
    (2324, "pg_database_size"),
    (2325, "pg_relation_size"),
    (2332, "pg_relation_size"),
    (2561, "pg_blocking_pids"),
    (2997, "pg_table_size"),
    (2998, "pg_indexes_size"),
    (3810, "pg_is_in_recovery"),
];

/// The last oid of the stable functions that were looked at, by the names that versions 14 to 18
/// give them. What a later version adds has a higher one.
const STABLE_LAST: u32 = 6_401;

/// Stable functions of the server that run what their arguments name: tables and views, which may
/// call anything, or the checks of a domain.
pub(super) const STABLE_THAT_RUN: &[(u32, &str)] = &[
    (750, "array_in"),
    (2246, "fmgr_internal_validator"),
    (2247, "fmgr_c_validator"),
    (2248, "fmgr_sql_validator"),
    (2290, "record_in"),
    (2597, "domain_in"),
    (2923, "table_to_xml"),
    (2926, "table_to_xmlschema"),
    (2929, "table_to_xml_and_xmlschema"),
    (2933, "schema_to_xml"),
    (2934, "schema_to_xmlschema"),
    (2935, "schema_to_xml_and_xmlschema"),
    (2936, "database_to_xml"),
    (2937, "database_to_xmlschema"),
    (2938, "database_to_xml_and_xmlschema"),
    (3832, "anyrange_in"),
    (3834, "range_in"),
    (4226, "anycompatiblemultirange_in"),
    (4229, "anymultirange_in"),
    (4231, "multirange_in"),
    (5094, "anycompatiblerange_in"),
    (6210, "pg_input_is_valid"),
    (6211, "pg_input_error_info"),
];

/// Machine code of extensions that come with the server, which is not immutable and yet writes no
/// table: the library and the name in it. Only a superuser can install it under whatever name.
const CODE: &[&str] = &[
    "$libdir/pgcrypto pg_gen_salt",
    "$libdir/pgcrypto pg_gen_salt_rounds",
    "$libdir/pgcrypto pg_random_bytes",
    "$libdir/pgcrypto pg_random_uuid",
    "$libdir/pg_trgm similarity_op",
    "$libdir/pg_trgm strict_word_similarity_commutator_op",
    "$libdir/pg_trgm strict_word_similarity_op",
    "$libdir/pg_trgm word_similarity_commutator_op",
    "$libdir/pg_trgm word_similarity_op",
    "$libdir/unaccent unaccent_dict",
    "$libdir/uuid-ossp uuid_generate_v1",
    "$libdir/uuid-ossp uuid_generate_v1mc",
    "$libdir/uuid-ossp uuid_generate_v4",
];

/// Whether a function of the server writes no table. What it calls for the types of its arguments
/// is judged with the types.
pub(super) fn is_harmless(oid: u32, function: &Function) -> bool {
    let is_listed = |list: &[(u32, &str)]| list.iter().any(|(known, _)| *known == oid);
    oid < FIRST_OF_USERS
        && match function.volatility {
            b'i' => true,
            b's' => {
                let is_known = oid <= STABLE_LAST || function.schema != PG_CATALOG;
                is_known && !is_listed(STABLE_THAT_RUN)
            }
            b'v' => is_listed(VOLATILE),
            _ => false,
        }
}

/// Whether a function of a user that is machine code writes no table.
pub(super) fn is_harmless_code(function: &Function, body: &Body) -> bool {
    let is_it = |known: &&str| body.code.as_deref() == Some(*known);
    function.volatility == b'i' || CODE.iter().any(is_it)
}
