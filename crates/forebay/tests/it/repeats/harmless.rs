//! Traces in which nothing is repeated that one statement could do, or not from an earlier answer.

use forebay::Value;

use super::kind::{Class, Kind, Scoped, boxed};
use super::world::{Trace, column};

const NONE: [i64; 0] = [];
const USER: &str = "SELECT id, name FROM users WHERE id = ?";

macro_rules! harmless {
    ($name:literal, $trace:ident, $run:expr) => {
        Kind {
            name: $name,
            class: Class::Harmless,
            expect: &[],
            scoped: Scoped::Around(4),
            run: |$trace| boxed(async move { $run }),
        }
    };
}

async fn list(trace: &Trace, sql: &str) -> Vec<Value> {
    column(&trace.get(sql, NONE).await, 0)
}

pub(super) const KINDS: &[Kind] = &[
    harmless!("one page", trace, {
        let user = trace.some(1, 200);
        trace.get(USER, [user]).await;
        trace.get("SELECT id, total FROM orders WHERE user_id = ?", [user]).await;
        trace.get("SELECT bio FROM profiles WHERE user_id = ?", [user]).await;
        trace.get("SELECT count(*) FROM comments WHERE author_id = ?", [user]).await;
    }),
    harmless!("one list for all keys", trace, {
        let users = list(&trace, "SELECT id FROM users LIMIT 40").await;
        let marks = vec!["?"; users.len()].join(", ");
        let sql = format!("SELECT user_id, total FROM orders WHERE user_id IN ({marks})");
        trace.get(&sql, users).await;
    }),
    harmless!("lists of keys in chunks", trace, {
        let users = list(&trace, "SELECT id FROM users").await;
        for chunk in users.chunks(25) {
            let marks = vec!["?"; chunk.len()].join(", ");
            let sql = format!("SELECT user_id, total FROM orders WHERE user_id IN ({marks})");
            trace.get(&sql, chunk.to_vec()).await;
        }
    }),
    harmless!("short lists of keys in chunks", trace, {
        let users = list(&trace, "SELECT id FROM users LIMIT 40").await;
        for chunk in users.chunks(5) {
            let sql = "SELECT name FROM profiles AS p JOIN users AS u ON u.id = p.user_id \
                       WHERE p.user_id IN (?, ?, ?, ?, ?)";
            trace.get(sql, chunk.to_vec()).await;
        }
    }),
    harmless!("a join", trace, {
        let sql = "SELECT o.id, u.name FROM orders AS o JOIN users AS u ON u.id = o.user_id \
                   WHERE o.month = ?";
        for month in [trace.some(1, 6), trace.some(7, 12)] {
            trace.get(sql, [month]).await;
        }
    }),
    harmless!("load_many", trace, {
        let users = trace.db.query("SELECT id FROM users LIMIT 60").all::<i64>().await.unwrap();
        let sql = "SELECT user_id, total FROM orders WHERE user_id IN (:keys)";
        let rows = trace.db.query(sql).load_many::<i64, (i64, f64)>("user_id", users).await;
        trace.note(sql, rows.unwrap().len());
    }),
    harmless!("pages by offset", trace, {
        for page in 0..trace.some(5, 12) {
            trace
                .get("SELECT id, name FROM users ORDER BY id LIMIT 10 OFFSET ?", [page * 10])
                .await;
        }
    }),
    harmless!("pages by key", trace, {
        let mut after = Value::from(0);
        for _ in 0..trace.some(5, 12) {
            let sql = "SELECT id, name FROM users WHERE id > ? ORDER BY id LIMIT 10";
            let page = column(&trace.get(sql, [after]).await, 0);
            after = page.last().cloned().unwrap_or(Value::from(0));
        }
    }),
    harmless!("changing limits", trace, {
        for most in 1..trace.some(6, 12) {
            trace.get("SELECT id, name FROM teams ORDER BY id LIMIT ?", [most]).await;
        }
    }),
    harmless!("polling", trace, {
        let job = trace.some(1, 50);
        for _ in 0..trace.some(5, 12) {
            trace.get("SELECT status FROM jobs WHERE id = ?", [job]).await;
        }
    }),
    harmless!("small numbers", trace, {
        trace.get("SELECT id, name FROM categories", NONE).await;
        for month in 1..=12 {
            trace.get("SELECT sum(total) FROM orders WHERE month = ?", [month]).await;
        }
    }),
    harmless!("ranges of numbers", trace, {
        trace.get("SELECT id, name FROM users", NONE).await;
        for month in 1..=12 {
            let sql = "SELECT sum(total) FROM orders WHERE id >= ? AND id < ?";
            trace.get(sql, [month * 10, month * 10 + 10]).await;
        }
    }),
    harmless!("a few of a long list", trace, {
        trace.get("SELECT id, name FROM categories", NONE).await;
        for category in [3, 7, 20] {
            trace.get("SELECT name FROM products WHERE category_id = ? LIMIT 5", [category]).await;
        }
    }),
    harmless!("two relations to one table", trace, {
        let sql = "SELECT user_id, editor_id FROM orders WHERE id = ?";
        let order = trace.get(sql, [trace.some(1, 600)]).await;
        for at in [0, 1] {
            trace.get(USER, [column(&order, at)[0].clone()]).await;
        }
    }),
    harmless!("three columns of one row", trace, {
        let sql = "SELECT o.user_id, o.editor_id, u.manager_id FROM orders AS o \
                   JOIN users AS u ON u.id = o.user_id WHERE o.id = ?";
        let order = trace.get(sql, [trace.some(1, 600)]).await;
        for at in [0, 1, 2] {
            trace.get(USER, [column(&order, at)[0].clone()]).await;
        }
    }),
    harmless!("single objects", trace, {
        for _ in 0..2 {
            let sql = "SELECT user_id FROM orders WHERE id = ?";
            let order = trace.get(sql, [trace.some(1, 600)]).await;
            trace.get(USER, [column(&order, 0)[0].clone()]).await;
        }
    }),
    harmless!("three single objects", trace, {
        for _ in 0..3 {
            let user = trace.some(1, 200);
            trace.get(USER, [user]).await;
            trace.get("SELECT bio FROM profiles WHERE user_id = ?", [user]).await;
        }
    }),
    harmless!("tries again", trace, {
        for _ in 0..3 {
            let failing = trace.db.query("SELECT no_such(?)").bind(1).fetch().await;
            assert!(failing.is_err());
        }
        trace.get(USER, [trace.some(1, 200)]).await;
        trace.get(USER, [trace.some(1, 200)]).await;
    }),
    harmless!("tries a transaction again", trace, {
        let user = trace.some(1, 200);
        for _ in 0..3 {
            let done: forebay::Result<()> = trace
                .db
                .transaction(|tx| async move {
                    tx.query(USER).bind(user).fetch().await?;
                    tx.query("SELECT bio FROM profiles WHERE user_id = ?")
                        .bind(user)
                        .fetch()
                        .await?;
                    tx.query("SELECT no_such()").fetch().await.map(|_| ())
                })
                .await;
            assert!(done.is_err());
        }
    }),
    harmless!("is it free", trace, {
        for at in 0..trace.some(5, 12) {
            let email = format!("new{at}@example.com");
            trace.get("SELECT 1 FROM users WHERE email = ? LIMIT 1", [email]).await;
        }
    }),
    harmless!("bulk insert", trace, {
        let rows: Vec<(String, i64)> = (0..3_000).map(|n| ("bulk".to_owned(), n)).collect();
        trace.db.bulk("events").columns(["kind", "note"]).insert(&rows).await.unwrap();
    }),
    harmless!("rows of values", trace, {
        for at in 0..trace.some(5, 9) {
            let rows = vec!["(?, ?)"; 20].join(", ");
            let sql = format!("INSERT INTO events (kind, note) VALUES {rows}");
            trace.put(&sql, (0..40).map(|n| n + at)).await;
        }
    }),
    harmless!("wide changes", trace, {
        for month in 1..=6 {
            trace.put("UPDATE orders SET status = 'open' WHERE month = ?", [month]).await;
        }
    }),
    harmless!("a few inserts", trace, {
        for kind in ["a", "b", "c"] {
            trace.put("INSERT INTO events (kind, note) VALUES (?, NULL)", [kind]).await;
        }
    }),
    harmless!("figures of a dashboard", trace, {
        let user = trace.some(1, 200);
        for table in ["orders", "profiles"] {
            for what in ["count(*)", "max(id)", "min(id)"] {
                let sql = format!("SELECT {what} FROM {table} WHERE user_id = ?");
                trace.get(&sql, [user]).await;
            }
        }
    }),
    harmless!("settings", trace, {
        for key in ["key1", "key2", "key3", "key4"] {
            trace.get("SELECT value FROM settings WHERE key = ?", [key]).await;
        }
    }),
    harmless!("as one types", trace, {
        for at in 1..=6 {
            let like = format!("{}%", &"user 12"[..at]);
            trace.get("SELECT id, name FROM users WHERE name LIKE ? LIMIT 5", [like]).await;
        }
    }),
    Kind {
        name: "many requests at once",
        class: Class::Harmless,
        expect: &[],
        scoped: Scoped::Itself,
        run: |trace| {
            boxed(async move {
                let request = |at: i64| {
                    let trace = &trace;
                    forebay::scope("many requests at once").run(async move {
                        let list = "SELECT id, name FROM users WHERE team_id = ?";
                        let users = column(&trace.get(list, [at + 1]).await, 0);
                        tokio::task::yield_now().await;
                        trace.get(USER, [users[0].clone()]).await;
                    })
                };
                futures_util::future::join_all((0..12).map(request)).await;
            })
        },
    },
    Kind {
        name: "a request for each",
        class: Class::Harmless,
        expect: &[],
        scoped: Scoped::Itself,
        run: |trace| {
            boxed(async move {
                for user in 1..=10 {
                    trace.next_request();
                    forebay::scope("a request for each")
                        .run(async { trace.get(USER, [user]).await })
                        .await;
                }
            })
        },
    },
];
