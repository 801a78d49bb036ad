//! Reads that are to be kept from the cache, or for which it is easy to miss something: functions,
//! the server's own tables, locks, recursion, and what rests on nothing.

use fastrand::Rng;

use super::condition::condition;
use super::relation::joined;
use crate::domain::{Draft, pick};
use crate::schema::Schema;

/// A statement, and whether it answers differently each time.
pub(crate) fn trap(rng: &mut Rng, schema: &Schema, draft: &mut Draft) -> Option<(String, bool)> {
    let (feature, sql, is_volatile) = match rng.u8(..16) {
        0 => ("volatile function", "SELECT id, random() FROM public.t0".to_owned(), true),
        1 => {
            ("now()", "SELECT count(*) FROM public.t0 WHERE now() > '2020-01-01'".to_owned(), false)
        }
        2 => ("stable function", "SELECT public.logged()".to_owned(), false),
        3 => ("stable function", "SELECT id, public.logged() FROM public.t0".to_owned(), false),
        4 => ("inlined function", "SELECT public.logged_inline()".to_owned(), false),
        5 => {
            let sql = "SELECT relname::text FROM pg_class WHERE relnamespace = \
                       'public'::regnamespace AND relkind = 'r'";
            ("system table", sql.to_owned(), false)
        }
        6 => ("no table", "SELECT 1 AS one, 'a' AS two".to_owned(), false),
        7 => ("VALUES", "VALUES (1, 'a'), (2, NULL)".to_owned(), false),
        8 => ("TABLE", "TABLE public.t0".to_owned(), false),
        9 => ("log", "SELECT count(*), max(id) FROM public.log".to_owned(), false),
        10 => (
            "system column",
            "SELECT tableoid::regclass::text, id FROM public.by_range".to_owned(),
            false,
        ),
        11 => locked(rng, schema, draft)?,
        12 => recursive(rng),
        13 => ("FROM ONLY", "SELECT * FROM ONLY public.parent".to_owned(), false),
        14 => ("inherited", "SELECT count(*) FROM public.parent".to_owned(), false),
        _ => {
            let sql =
                "SELECT g, t.n FROM generate_series(1, 4) g LEFT JOIN public.t0 t ON t.id = g";
            ("function in FROM", sql.to_owned(), false)
        }
    };
    draft.note(feature);
    Some((sql, is_volatile))
}

fn locked(
    rng: &mut Rng,
    schema: &Schema,
    draft: &mut Draft,
) -> Option<(&'static str, String, bool)> {
    let joined = joined(rng, schema, draft, 0).filter(|it| it.leaves.len() == 1)?;
    let condition = condition(rng, draft, &joined, 1)?;
    let how = pick(rng, &["UPDATE", "SHARE", "NO KEY UPDATE"]);
    Some(("FOR UPDATE", format!("SELECT 1 FROM {} WHERE {condition} FOR {how}", joined.sql), false))
}

/// Along the references of a table.
fn recursive(rng: &mut Rng) -> (&'static str, String, bool) {
    let table = pick(rng, &["t1", "t2", "t3"]);
    let start = rng.u8(1..6);
    let sql = format!(
        "WITH RECURSIVE r (id, depth) AS (SELECT id::int, 0 FROM public.t0 WHERE id = {start} \
         UNION SELECT t.id::int, r.depth + 1 FROM public.{table} t JOIN r ON t.ref = r.id \
         WHERE r.depth < 3) SELECT id, depth FROM r"
    );
    ("recursive CTE", sql, false)
}
