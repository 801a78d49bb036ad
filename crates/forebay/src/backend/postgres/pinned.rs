//! The settings that answers depend on, taken from the first connection and given to all others, so
//! that a text means the same on each of them for as long as the database is open.

use super::config::Config;
use super::connection::Connection;
use crate::backend::Limits;
use crate::error::Result;
use crate::value::Value;

const LIMITS: Limits = Limits { rows_max: 100, bytes_max: 1 << 20 };

/// What a name means, how values are read and written, which rows are shown.
const SETTINGS: &str = "\
SELECT name, pg_catalog.current_setting(name) FROM pg_catalog.pg_settings WHERE name IN (
  'search_path', 'TimeZone', 'timezone_abbreviations', 'DateStyle', 'IntervalStyle',
  'extra_float_digits', 'bytea_output', 'lc_numeric', 'lc_time', 'lc_monetary', 'xmlbinary',
  'xmloption', 'array_nulls', 'backslash_quote', 'escape_string_warning',
  'standard_conforming_strings', 'transform_null_equals', 'default_text_search_config',
  'quote_all_identifiers', 'row_security', 'gin_fuzzy_search_limit')";

/// The same database with the settings that its connections begin with now. Costs a connection.
pub(crate) async fn pinned(mut config: Config) -> Result<Config> {
    let first = Connection::open(&config).await?;
    let deadline = std::time::Instant::now().checked_add(config.connect_timeout);
    let rows = first.query_script(SETTINGS.into(), deadline, LIMITS).await?;
    for row in 0..rows.len() {
        if let [Value::Text(name), Value::Text(value)] = rows.values(row) {
            config.settings.push((name.to_string(), value.to_string()));
        }
    }
    Ok(config)
}
