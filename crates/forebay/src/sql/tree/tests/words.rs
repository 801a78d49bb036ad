//! What `explain` says of a statement: by the names of tables and columns.

use super::super::{Catalogue, Outcome};
use super::server::on_servers;

const SCHEMA: &str = "
    CREATE TABLE posts(id int PRIMARY KEY, author_id int, title text, at date);
    CREATE TABLE authors(id int PRIMARY KEY, name text);
    CREATE TABLE root(id int, a int) PARTITION BY LIST (a);
    CREATE TABLE leaf PARTITION OF root FOR VALUES IN (1)
";

const CASES: &[(&str, &str, &[&str])] = &[
    (
        "SELECT title FROM posts WHERE author_id = $1",
        "int",
        &["public.posts: rows with author_id = $1; author_id, title"],
    ),
    (
        "SELECT p.title FROM posts p JOIN authors a ON a.id = p.author_id \
         WHERE a.name = 'x' AND p.id >= 1 AND p.id < $1",
        "int",
        &[
            "public.posts: rows with id >= 1 and id < $1 and author_id among the id of \
             public.authors with name = \"x\"; id, author_id, title",
            "public.authors: rows with name = \"x\"; id, name",
        ],
    ),
    (
        "SELECT name FROM authors WHERE id IN (SELECT author_id FROM posts WHERE id IN (1, $1))",
        "int",
        &[
            "public.authors: every row; id, name",
            "public.posts: rows with id IN (1, $1); id, author_id",
        ],
    ),
    (
        "SELECT name FROM posts p JOIN authors a ON a.id = p.author_id WHERE p.id = 4",
        "",
        &[
            "public.posts: rows with id = 4; id, author_id",
            "public.authors: rows with id among the author_id of public.posts with \
             id = 4; id, name",
        ],
    ),
    (
        "SELECT id FROM posts WHERE title IS NULL AND at IS NOT NULL ORDER BY id DESC LIMIT 5",
        "",
        &["public.posts: rows with title IS NULL and at IS NOT NULL and a place in the page of \
           5 by id DESC, once it is full; id, title, at"],
    ),
    (
        "SELECT count(*) FROM posts",
        "",
        &["public.posts: every row; no column, only that they exist"],
    ),
    ("SELECT id FROM leaf", "", &["public.root: every row; any column"]),
    (
        "SELECT 1 FROM posts, posts q",
        "",
        &["public.posts: every row; no column, only that they exist"],
    ),
];

const WRITES: &[(&str, &[&str])] = &[
    ("SELECT id FROM posts", &[]),
    (
        "WITH a AS (DELETE FROM authors) UPDATE posts SET id = 1",
        &[
            "public.posts: what rests on the rows it changes",
            "public.authors: what rests on the rows it changes",
        ],
    ),
    ("INSERT INTO leaf VALUES (1, 1)", &["public.root: what rests on the rows it changes"]),
    ("SELECT pg_notify('a', 'b')", &["every answer: it calls pg_notify, which may write anything"]),
];

#[test]
fn lines() {
    on_servers("words", SCHEMA, |session| {
        let mut catalogue = Catalogue::default();
        for (sql, types, expect) in CASES {
            let outcome = session.analyse(&mut catalogue, sql, types).unwrap();
            let Outcome::Cacheable(analysis) = outcome else { panic!("{outcome:?} {sql}") };
            let lines = analysis.words(&catalogue, |_| Vec::new());
            assert_eq!(lines, *expect, "{} {sql}", session.version);
        }
        let sql = "SELECT id FROM posts WHERE id = 1 AND author_id = 2";
        let outcome = session.analyse(&mut catalogue, sql, "").unwrap();
        let Outcome::Cacheable(analysis) = outcome else { panic!("{outcome:?}") };
        let lines = analysis.words(&catalogue, |_| vec![1]);
        let expect = "public.posts: rows with id = 1; id, author_id \
                      (not used, because there are too many: author_id)";
        assert_eq!(lines, [expect]);
        for (sql, expect) in WRITES {
            let writes = session.writes(&mut catalogue, sql, "").unwrap();
            assert_eq!(writes.words(&catalogue), *expect, "{} {sql}", session.version);
        }
    });
}
