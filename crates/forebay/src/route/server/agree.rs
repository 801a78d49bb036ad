//! Whether a member means the same by a text, a comparison and a value as the live one: the same
//! version, encoding, collation and settings. What differs is named.

use crate::db::Db;
use crate::error::{Error, Result};

use super::super::member::Member;

/// What has to be the same, as names and values. Settings that change no answer are left out.
const TRAITS: &str = "\
SELECT 'server_version', (pg_catalog.current_setting('server_version_num')::int / 10000)::text
UNION ALL SELECT 'encoding', pg_catalog.getdatabaseencoding()::text
UNION ALL SELECT 'collation of the database', pg_catalog.concat_ws('|', d.datcollate, d.datctype,
    pg_catalog.to_jsonb(d) ->> 'datlocprovider', pg_catalog.to_jsonb(d) ->> 'daticulocale',
    pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'datcollversion')
    FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
UNION ALL SELECT s.name, pg_catalog.current_setting(s.name) FROM pg_catalog.pg_settings AS s
    WHERE s.name IN ('search_path', 'TimeZone', 'timezone_abbreviations', 'DateStyle',
    'IntervalStyle', 'extra_float_digits', 'bytea_output', 'lc_numeric', 'lc_time', 'lc_monetary',
    'xmlbinary', 'xmloption', 'array_nulls', 'standard_conforming_strings',
    'transform_null_equals', 'default_text_search_config', 'quote_all_identifiers')
ORDER BY 1";

type Traits = Vec<(String, String)>;

async fn traits(db: &Db) -> Result<Traits> {
    db.query(TRAITS).exact().no_cache().all().await
}

/// An error that names what is not as at the live member, which comes last.
pub(in crate::route) async fn check(members: &[Member]) -> Result<()> {
    let Some((live, others)) = members.split_last() else { return Ok(()) };
    let wanted = traits(&live.db).await.map_err(|error| live.fault(&error))?;
    check_settings(&wanted)?;
    for member in others {
        let found = traits(&member.db).await.map_err(|error| member.fault(&error))?;
        let differs = wanted.iter().zip(&found).find(|(wanted, found)| wanted != found);
        if let Some(((name, wanted), (_, found))) = differs {
            return Err(Error::usage(format!(
                "member {}: {name} is {found} there and {wanted} at the live member, so that the \
                 same text could mean another thing; make them the same, in postgresql.conf or \
                 with ALTER ROLE or ALTER DATABASE",
                member.name
            )));
        }
    }
    Ok(())
}

/// Values go from one server to the other as texts, which have to hold all of them.
fn check_settings(traits: &Traits) -> Result<()> {
    let value = |wanted: &str| {
        let found = traits.iter().find(|(name, _)| name == wanted);
        found.map_or("", |(_, value)| value.as_str())
    };
    if !value("DateStyle").starts_with("ISO") || value("IntervalStyle") == "sql_standard" {
        return Err(Error::usage(
            "DateStyle is not ISO, or IntervalStyle is sql_standard, whose texts may be read as \
             other values than were written; set DateStyle to ISO and IntervalStyle to postgres",
        ));
    }
    if value("extra_float_digits").parse::<i64>().unwrap_or(0) < 1 {
        return Err(Error::usage(
            "extra_float_digits is below 1, so that texts do not hold all of a float; set it to 1",
        ));
    }
    if value("standard_conforming_strings") != "on" {
        return Err(Error::usage("standard_conforming_strings is off; set it to on"));
    }
    Ok(())
}
