use forebay::{Db, RepeatFinding, RepeatKind};

use crate::place::{Place, on_each};

const SCHEMA: &str = "
    CREATE TABLE teams (id int PRIMARY KEY, name text);
    CREATE TABLE users (id bigint PRIMARY KEY, name text, team int REFERENCES teams);
    CREATE TABLE docs (id uuid PRIMARY KEY, owner bigint REFERENCES users);
    CREATE TABLE pages (doc uuid REFERENCES docs, number int, body text,
        PRIMARY KEY (doc, number));
    CREATE TABLE notes (doc uuid, page int, note text,
        FOREIGN KEY (doc, page) REFERENCES pages (doc, number));
    CREATE TABLE alone (id int, owner int);
    INSERT INTO teams SELECT i, 'team' FROM generate_series(1, 9) i;
    INSERT INTO users SELECT i, 'user ' || i, 1 + i % 9 FROM generate_series(1, 40) i;
    INSERT INTO docs SELECT md5(i::text)::uuid, i FROM generate_series(1, 40) i;
    INSERT INTO pages SELECT id, n, 'text' FROM docs, generate_series(1, 2) n;
    INSERT INTO notes SELECT doc, number, 'note' FROM pages;
    INSERT INTO alone SELECT i, i FROM generate_series(1, 40) i;";

/// A list, and the statement for each of its rows, whose first columns are its parameters.
async fn each(db: &Db, list: &str, sql: &str, params: usize) -> Vec<RepeatFinding> {
    forebay::scope("test")
        .run(async {
            let rows = db.query(list).no_cache().fetch().await.unwrap().rows;
            for row in rows.iter() {
                let mut query = db.query(sql).no_cache();
                for value in &row.values()[..params] {
                    query = query.bind(value.clone());
                }
                query.fetch().await.unwrap();
            }
        })
        .await;
    db.repeats().await
}

#[test]
fn keys_are_followed_to_where_they_come_from() {
    on_each("keys_are_followed_to_where_they_come_from", async |place| {
        place.open(SCHEMA).await;
        let check = async |list: &str, sql: &str, params: usize, expect: &str| {
            let db = place.builder().open().await.unwrap();
            let findings = each(&db, list, sql, params).await;
            let shown = match findings.as_slice() {
                [found] => {
                    let from = found.source.as_ref().map_or("", |source| &source.column);
                    let to = found.column.as_deref().unwrap_or("");
                    format!("{} {from} {to}", found.kind.name())
                }
                _ => format!("{findings:?}"),
            };
            assert_eq!(shown, expect, "{sql}");
        };
        let users = "SELECT id, name FROM users ORDER BY id LIMIT 20";
        let doc = "SELECT id FROM docs WHERE owner = $1";
        check(users, doc, 1, "proven users.id docs.owner").await;
        let doc = "SELECT d.id FROM public.docs AS d WHERE d.owner = $1::bigint";
        check(users, doc, 1, "proven users.id docs.owner").await;
        let docs = "SELECT id FROM docs LIMIT 10";
        let pages = "SELECT body FROM pages WHERE doc = $1";
        check(docs, pages, 1, "proven docs.id pages.doc").await;
        let pages = "SELECT doc, number FROM pages LIMIT 12";
        let notes = "SELECT note FROM notes WHERE page = $2 AND doc = $1";
        check(pages, notes, 2, "proven pages.doc notes.doc").await;
        let alone = "SELECT owner FROM alone WHERE id = $1::int8";
        check(users, alone, 1, "likely users.id alone.id").await;
        let offset = "SELECT id FROM users ORDER BY id OFFSET $1 LIMIT 3";
        check(users, offset, 1, "[]").await;
        let any = "SELECT name FROM users WHERE id = ANY(ARRAY[$1::int8])";
        check(users, any, 1, "likely users.id ").await;
    });
}

#[test]
fn what_to_do_is_said_in_words_of_postgres() {
    on_each("what_to_do_is_said_in_words_of_postgres", async |place| {
        let db = place.open(SCHEMA).await;
        let list = "SELECT team FROM users ORDER BY id LIMIT 9";
        let findings = each(&db, list, "SELECT id, name FROM teams WHERE id = $1", 1).await;
        assert_eq!(
            findings[0].cure,
            "db.query(\"select id, name from teams where id in (:keys)\").load_one(\"id\", keys); \
             or .coalesce() on the query, if the lookups are on their way at once"
        );
        // A transaction is a scope by itself.
        db.transaction(|tx| async move {
            for id in tx.query("SELECT id FROM users LIMIT 8").all::<i64>().await? {
                tx.execute("UPDATE users SET name = 'x' WHERE id = $1").bind(id).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
        let findings = db.repeats().await;
        let writes = findings.iter().find(|it| it.kind == RepeatKind::Writes).unwrap();
        assert_eq!(writes.entry_points, ["transaction"]);
        assert!(writes.cure.starts_with("db.bulk(\"users\").update("), "{writes}");
        assert!(db.check_n_plus_one().await.unwrap_err().to_string().contains(&writes.to_string()));
    });
}

type Running = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// The kinds of what is found of this in a scope.
async fn found(place: &Place, run: impl FnOnce(Db) -> Running) -> String {
    let db = place.builder().open().await.unwrap();
    forebay::scope("test").run(run(db.clone())).await;
    let mut kinds: Vec<&str> = db.repeats().await.iter().map(|it| it.kind.name()).collect();
    kinds.sort_unstable();
    db.close().await;
    kinds.join(" ")
}

async fn users(db: &Db, most: i64) -> Vec<i64> {
    let sql = "SELECT id FROM users ORDER BY id LIMIT $1";
    db.query(sql).no_cache().bind(most).all::<i64>().await.unwrap()
}

const USER: &str = "SELECT name FROM users WHERE id = $1";

#[test]
fn what_is_harmful_is_found() {
    on_each("what_is_harmful_is_found", async |place| {
        place.open(SCHEMA).await;
        // Down two levels: users, their documents, the pages of these.
        let nested = found(place, |db| {
            Box::pin(async move {
                for id in users(&db, 6).await {
                    let docs = db.query("SELECT id FROM docs WHERE owner = $1").no_cache();
                    for doc in docs.bind(id).fetch().await.unwrap().rows.iter() {
                        let pages = db.query("SELECT body FROM pages WHERE doc = $1").no_cache();
                        pages.bind(doc.values()[0].clone()).fetch().await.unwrap();
                    }
                }
            })
        });
        assert_eq!(nested.await, "proven proven");
        let keys_from_outside = found(place, |db| {
            Box::pin(async move {
                for id in [3_i64, 9, 4, 17, 22, 31] {
                    db.query(USER).no_cache().bind(id).fetch().await.unwrap();
                }
            })
        });
        assert_eq!(keys_from_outside.await, "likely");
        let the_same_again = found(place, |db| {
            Box::pin(async move {
                for _ in 0..8 {
                    db.query(USER).no_cache().bind(7_i64).fetch().await.unwrap();
                }
            })
        });
        assert_eq!(the_same_again.await, "duplicate");
        let rows_one_by_one = found(place, |db| {
            Box::pin(async move {
                for id in 100..110 {
                    let sql = "INSERT INTO alone (id, owner) VALUES ($1, $2)";
                    db.execute(sql).bind(id).bind(1).await.unwrap();
                }
            })
        });
        assert_eq!(rows_one_by_one.await, "writes");
    });
}

#[test]
fn what_is_harmless_is_not_found() {
    on_each("what_is_harmless_is_not_found", async |place| {
        place.open(SCHEMA).await;
        let one_for_all_keys = found(place, |db| {
            Box::pin(async move {
                let keys: Vec<String> = users(&db, 20).await.iter().map(i64::to_string).collect();
                let sql = format!("SELECT id FROM docs WHERE owner IN ({})", keys.join(", "));
                db.query(&sql).no_cache().fetch().await.unwrap();
            })
        });
        assert_eq!(one_for_all_keys.await, "");
        let pages_by_key = found(place, |db| {
            Box::pin(async move {
                let mut after = 0_i64;
                for _ in 0..6 {
                    let sql = "SELECT id FROM users WHERE id > $1 ORDER BY id LIMIT 5";
                    let page = db.query(sql).no_cache().bind(after).all::<i64>().await.unwrap();
                    after = page.last().copied().unwrap();
                }
            })
        });
        assert_eq!(pages_by_key.await, "");
        let three_of_many = found(place, |db| {
            Box::pin(async move {
                for id in users(&db, 40).await.into_iter().step_by(20) {
                    db.query(USER).no_cache().bind(id).fetch().await.unwrap();
                }
            })
        });
        assert_eq!(three_of_many.await, "");
    });
}
