//! A query of one parameter as a query for many values of it at once: PostgreSQL runs the text as
//! it stands once for each value, and numbers the rows by the value that they are for. It decides
//! which rows belong to which value, with the statement's own comparison.

use super::lex::{Dialect, Kind, tokens_in};
use super::outline::{NotBuildable, outline};

/// What no text of somebody else's has: names that begin so.
const PREFIX: &str = "forebay_";

/// The statement for a list of values of this type. Its first column is the number of the value,
/// from 1 on; those of `sql` follow.
pub(crate) fn lateral(sql: &str, type_name: &str) -> Result<String, NotBuildable> {
    let outline = outline(sql, Dialect::Postgres)?;
    if outline.locks {
        return Err("locks rows");
    }
    let sql = &sql[..outline.end];
    let mut found = None;
    for token in tokens_in(sql, Dialect::Postgres) {
        let word = &sql[token.start..token.end];
        if matches!(token.kind, Kind::Word | Kind::Quoted)
            && word.trim_start_matches('"').to_ascii_lowercase().starts_with(PREFIX)
        {
            return Err("has a name that begins with forebay_");
        }
        if token.kind != Kind::Parameter {
            continue;
        }
        if word != "$1" {
            return Err("has more than one parameter");
        }
        if found.replace(token).is_some() {
            return Err("uses its parameter more than once");
        }
    }
    let place = found.ok_or("has no parameter")?;
    let (before, behind) = (&sql[..place.start], &sql[place.end..]);
    Ok(format!(
        "SELECT forebay_k.forebay_n, forebay_q.* FROM \
         pg_catalog.unnest($1::pg_catalog.{type_name}[]) WITH ORDINALITY \
         AS forebay_k (forebay_v, forebay_n) CROSS JOIN LATERAL (\n\
         {before} forebay_k.forebay_v {behind}\n) AS forebay_q"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_for_many_values() {
        let check = |sql: &str, expect: Result<&str, &str>| {
            let found = lateral(sql, "int8").map(|text| {
                let (_, inner) = text.split_once("LATERAL (\n").unwrap();
                inner.strip_suffix("\n) AS forebay_q").unwrap().to_owned()
            });
            assert_eq!(found, expect.map(str::to_owned), "{sql}");
        };
        check(
            "SELECT a, '$1' FROM t WHERE id = $1 ORDER BY a LIMIT 3; -- $1",
            Ok("SELECT a, '$1' FROM t WHERE id =  forebay_k.forebay_v  ORDER BY a LIMIT 3"),
        );
        check(
            "SELECT a FROM t WHERE id=$1::int8",
            Ok("SELECT a FROM t WHERE id= forebay_k.forebay_v ::int8"),
        );
        check("SELECT a FROM t", Err("has no parameter"));
        check("SELECT a FROM t WHERE a = $1 OR b = $1", Err("uses its parameter more than once"));
        check("SELECT a FROM t WHERE a = $1 AND b = $2", Err("has more than one parameter"));
        check("SELECT a FROM t WHERE a = $1 FOR UPDATE", Err("locks rows"));
        check(
            "SELECT a FROM t AS \"Forebay_k\" WHERE a = $1",
            Err("has a name that begins with forebay_"),
        );
        check("SELECT a FROM t) WHERE (a = $1", Err("has parentheses that do not match"));
        check("DELETE FROM t WHERE a = $1", Err("does not begin with SELECT, WITH or VALUES"));
    }
}
