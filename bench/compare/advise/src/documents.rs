//! What only PostgreSQL has: documents, lists, texts by their words and by parts of words. Columns
//! of these kinds are added to the articles.

use fastrand::Rng;

use crate::case::{Case, Cell, Index, Query};
use crate::data::Made;

/// What is done to the tables.
pub const PREPARE: &str = "
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    ALTER TABLE articles ADD attrs jsonb, ADD labels text[], ADD headline text;
    UPDATE articles SET
        attrs = jsonb_build_object('lang', (ARRAY['en', 'de', 'fr'])[id % 3 + 1], 'code', slug,
            'size', id % 5000),
        labels = ARRAY['t' || id % 3000, 's' || id % 7],
        headline = title || ' ' || substr(md5(id::text), 1, 8);
    VACUUM FULL articles";

fn text_of(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        _ => String::new(),
    }
}

pub fn cases(made: &Made, rng: &mut Rng) -> Vec<Case> {
    let slug = text_of(&made.some("articles", "slug", rng));
    let title = text_of(&made.some("articles", "title", rng));
    let n = rng.u32(1..3_000);
    let word = title.split(' ').next().unwrap_or_default();
    let select = "SELECT id, body FROM articles WHERE";
    let gin = |key: &str| Index::new("articles", &[key], 0).by("gin");
    let case = |kind, filter: String, wanted: Vec<Index>| Case {
        kind,
        query: Query { text: format!("{select} {filter}"), params: Vec::new(), calls: 800 },
        wanted: wanted.into_iter().map(|it| vec![it]).collect(),
    };
    vec![
        case(
            "document",
            format!("attrs @> '{{\"code\": \"{slug}\"}}'"),
            vec![gin("attrs jsonb_path_ops"), gin("attrs")],
        ),
        case(
            "document, a number",
            format!("attrs @> '{{\"size\": {n}}}' AND views > 10"),
            vec![gin("attrs jsonb_path_ops"), gin("attrs")],
        ),
        case("list", format!("labels @> ARRAY['t{n}']"), vec![gin("labels")]),
        case(
            "words",
            format!("to_tsvector('english', title) @@ plainto_tsquery('english', '{word}')"),
            vec![
                gin("to_tsvector('english', title)"),
                gin("to_tsvector('english'::regconfig, title)"),
            ],
        ),
        case(
            "part of a text",
            format!("headline ILIKE '%{:x}a1%'", 16 + n % 200),
            vec![gin("headline gin_trgm_ops")],
        ),
        case(
            "field of a document",
            format!("attrs ->> 'code' = '{slug}'"),
            vec![Index::new("articles", &["(attrs ->> 'code')"], 1)],
        ),
        case(
            "frequent field of a document",
            "attrs ->> 'lang' = 'en'".to_owned(),
            vec![Index::new("articles", &["(attrs ->> 'lang')"], 1)],
        ),
        case("list that many have", format!("labels @> ARRAY['s{}']", n % 7), vec![gin("labels")]),
    ]
}
