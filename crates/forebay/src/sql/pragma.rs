//! What a PRAGMA does: ask, or change something. The list of those that only ask is closed;
//! everything else is taken to change the connection.

/// What a PRAGMA is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pragma {
    /// It only answers rows.
    Ask,
    /// It changes the file, not the connection: it goes the way of a write.
    Maintain,
    /// It changes the connection.
    Set,
}

/// Ask, with or without an argument.
const ASK: &[&str] = &[
    "collation_list",
    "compile_options",
    "data_version",
    "database_list",
    "foreign_key_check",
    "foreign_key_list",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "module_list",
    "page_count",
    "pragma_list",
    "quick_check",
    "stats",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Ask without an argument, set with one.
const ASK_BARE: &[&str] = &[
    "analysis_limit",
    "application_id",
    "auto_vacuum",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "cell_size_check",
    "checkpoint_fullfsync",
    "defer_foreign_keys",
    "encoding",
    "foreign_keys",
    "fullfsync",
    "ignore_check_constraints",
    "journal_mode",
    "journal_size_limit",
    "legacy_alter_table",
    "locking_mode",
    "max_page_count",
    "mmap_size",
    "page_size",
    "query_only",
    "read_uncommitted",
    "recursive_triggers",
    "reverse_unordered_selects",
    "schema_version",
    "secure_delete",
    "soft_heap_limit",
    "synchronous",
    "temp_store",
    "threads",
    "trusted_schema",
    "user_version",
    "wal_autocheckpoint",
    "writable_schema",
];

/// Change the file.
const MAINTAIN: &[&str] = &["incremental_vacuum", "optimize", "wal_checkpoint"];

/// Change the file when they have an argument.
const MAINTAIN_WITH_ARGUMENT: &[&str] = &["application_id", "user_version"];

/// What `PRAGMA name` or `PRAGMA name = argument` does.
pub(crate) fn classify(name: &str, argument: Option<&str>) -> Pragma {
    let name = name.to_ascii_lowercase();
    let listed = |list: &[&str]| list.contains(&name.as_str());
    if listed(ASK) || (argument.is_none() && listed(ASK_BARE)) {
        Pragma::Ask
    } else if listed(MAINTAIN) || (argument.is_some() && listed(MAINTAIN_WITH_ARGUMENT)) {
        Pragma::Maintain
    } else {
        Pragma::Set
    }
}

/// Whether a remote client may set this on a session of its own: it then lasts for the session
/// and touches no other file and no other client.
pub(crate) fn is_allowed_remotely(name: &str, argument: Option<&str>) -> bool {
    match classify(name, argument) {
        Pragma::Ask => true,
        Pragma::Maintain => !name.eq_ignore_ascii_case("wal_checkpoint"),
        Pragma::Set => ["foreign_keys", "defer_foreign_keys", "recursive_triggers"]
            .iter()
            .any(|allowed| name.eq_ignore_ascii_case(allowed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        let check = |name, argument, expect| {
            assert_eq!(classify(name, argument), expect, "{name} {argument:?}");
        };
        check("table_info", Some("users"), Pragma::Ask);
        check("USER_VERSION", None, Pragma::Ask);
        check("user_version", Some("3"), Pragma::Maintain);
        check("optimize", None, Pragma::Maintain);
        check("case_sensitive_like", Some("1"), Pragma::Set);
        check("journal_mode", Some("delete"), Pragma::Set);
        check("unheard_of", None, Pragma::Set);
    }

    #[test]
    fn remote() {
        let check = |name, argument, expect| {
            assert_eq!(is_allowed_remotely(name, argument), expect, "{name} {argument:?}");
        };
        check("table_info", Some("users"), true);
        check("foreign_keys", Some("off"), true);
        check("user_version", Some("3"), true);
        check("wal_checkpoint", Some("truncate"), false);
        check("journal_mode", Some("delete"), false);
        check("writable_schema", Some("1"), false);
        check("temp_store_directory", Some("/"), false);
    }
}
