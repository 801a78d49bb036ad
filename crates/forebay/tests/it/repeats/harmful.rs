//! Traces in which statements are repeated that one could do, by kind.

use std::sync::Arc;

use forebay::Value;

use super::kind::{Class, Kind, Scoped, boxed};
use super::world::{Trace, column};

const NONE: [i64; 0] = [];

/// A list, and for each value of one of its columns a statement.
async fn each(trace: &Trace, list: &str, at: usize, sql: &str) {
    let most = trace.some(5, 40);
    for value in column(&trace.get(list, [most]).await, at) {
        trace.get(sql, [value]).await;
    }
}

macro_rules! each {
    ($name:literal, $list:literal, $at:literal, $sql:literal) => {
        Kind {
            name: $name,
            class: Class::Linked,
            expect: &[$sql],
            scoped: Scoped::Around(1),
            run: |trace| boxed(async move { each(&trace, $list, $at, $sql).await }),
        }
    };
}

const USER: &str = "SELECT id, name FROM users WHERE id = ?";
const ORDERS_OF: &str = "SELECT id, total FROM orders WHERE user_id = ?";
const LINES_OF: &str = "SELECT order_id, line_no, product_id FROM lines WHERE order_id = ?";
const PRODUCT: &str = "SELECT name FROM products WHERE id = ?";
const NOTES: &str = "SELECT note FROM line_notes WHERE order_id = ? AND line_no = ?";
const PARENT: &str = "SELECT parent_id, name FROM categories WHERE id = ?";
const FOLLOWED: &str = "SELECT followed FROM follows WHERE follower = ?";
const INVOICES: &str = "SELECT total FROM legacy_invoices WHERE customer = ?";

pub(super) const KINDS: &[Kind] = &[
    each!(
        "belongs to",
        "SELECT id, user_id, total FROM orders ORDER BY id DESC LIMIT ?",
        1,
        "SELECT id, name FROM users WHERE id = ?"
    ),
    each!(
        "has many",
        "SELECT id, name FROM users LIMIT ?",
        0,
        "SELECT id, total FROM orders WHERE user_id = ?"
    ),
    each!(
        "has one",
        "SELECT id, name FROM users LIMIT ?",
        0,
        "SELECT bio FROM profiles WHERE user_id = ?"
    ),
    each!(
        "first of many",
        "SELECT * FROM users ORDER BY name LIMIT ?",
        0,
        "SELECT id, total FROM orders WHERE user_id = ? ORDER BY id DESC LIMIT 1"
    ),
    each!(
        "count of many",
        "SELECT id FROM users LIMIT ?",
        0,
        "SELECT count(*) FROM orders WHERE user_id = ?"
    ),
    each!(
        "only the keys",
        "SELECT * FROM categories ORDER BY id DESC LIMIT ?",
        0,
        "SELECT id FROM products WHERE category_id = ?"
    ),
    each!(
        "many to many",
        "SELECT p.id, p.name FROM products AS p ORDER BY p.price LIMIT ?",
        0,
        "SELECT t.id, t.name FROM tags AS t JOIN product_tags AS x ON x.tag_id = t.id \
         WHERE x.product_id = ?"
    ),
    each!(
        "text keys",
        "SELECT code, name FROM countries LIMIT ?",
        0,
        "SELECT name FROM cities WHERE country = ? ORDER BY name"
    ),
    each!(
        "uuids",
        "SELECT uuid, title FROM documents LIMIT ?",
        0,
        "SELECT body FROM revisions WHERE document = ?"
    ),
    each!(
        "deferred column",
        "SELECT id FROM users LIMIT ?",
        0,
        "SELECT email FROM users WHERE id = ?"
    ),
    each!(
        "through a view",
        "SELECT id, name FROM users LIMIT ?",
        0,
        "SELECT id, total FROM open_orders WHERE owner = ?"
    ),
    each!(
        "two children of one parent",
        "SELECT user_id, total FROM orders LIMIT ?",
        0,
        "SELECT bio FROM profiles WHERE user_id = ?"
    ),
    each!(
        "list with a join",
        "SELECT o.id, u.team_id, u.name FROM orders AS o JOIN users AS u ON u.id = o.user_id \
         ORDER BY o.id LIMIT ?",
        1,
        "SELECT name FROM teams WHERE id = ?"
    ),
    each!(
        "distinct keys",
        "SELECT DISTINCT category_id FROM products LIMIT ?",
        0,
        "SELECT name FROM categories WHERE id = ?"
    ),
    each!(
        "in with one key",
        "SELECT id, category_id FROM products LIMIT ?",
        1,
        "SELECT name FROM categories WHERE id IN (?)"
    ),
    Kind {
        name: "nested",
        class: Class::Linked,
        expect: &[LINES_OF, PRODUCT],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                let most = trace.some(4, 15);
                let orders = trace.get("SELECT id FROM orders LIMIT ?", [most]).await;
                for order in column(&orders, 0) {
                    let lines = trace.get(LINES_OF, [order]).await;
                    for product in column(&lines, 2) {
                        trace.get(PRODUCT, [product]).await;
                    }
                }
            })
        },
    },
    Kind {
        name: "composite key",
        class: Class::Linked,
        expect: &[NOTES],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                let most = trace.some(6, 40);
                let lines = "SELECT order_id, line_no, qty FROM lines LIMIT ?";
                for line in trace.get(lines, [most]).await.iter() {
                    trace.get(NOTES, line.values()[..2].to_vec()).await;
                }
            })
        },
    },
    Kind {
        name: "with a constant beside",
        class: Class::Linked,
        expect: &["SELECT total FROM orders WHERE status = ? AND user_id = ?"],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                let most = trace.some(5, 30);
                let users = trace.get("SELECT id FROM users LIMIT ?", [most]).await;
                for user in column(&users, 0) {
                    let sql = "SELECT total FROM orders WHERE status = ? AND user_id = ?";
                    trace.get(sql, [Value::from("open"), user]).await;
                }
            })
        },
    },
    Kind {
        name: "walk up a tree",
        class: Class::Linked,
        expect: &[PARENT],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                let mut at = Value::from(trace.some(8, 40));
                while at != Value::Null {
                    at = column(&trace.get(PARENT, [at]).await, 0)[0].clone();
                }
            })
        },
    },
    Kind {
        name: "breadth first",
        class: Class::Linked,
        expect: &[FOLLOWED],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                let mut queue = vec![Value::from(trace.some(1, 200))];
                for at in 0..trace.some(8, 25) as usize {
                    let Some(user) = queue.get(at).cloned() else { break };
                    let found = column(&trace.get(FOLLOWED, [user]).await, 0);
                    found.into_iter().for_each(|it| {
                        if !queue.contains(&it) {
                            queue.push(it);
                        }
                    });
                }
            })
        },
    },
    Kind {
        name: "keys from memory",
        class: Class::Linked,
        expect: &[ORDERS_OF],
        scoped: Scoped::Itself,
        run: |trace| {
            boxed(async move {
                let list = "SELECT id, name FROM users WHERE team_id < ?";
                trace.cached(list, [5]).await;
                forebay::scope("keys from memory")
                    .run(async {
                        for user in column(&trace.cached(list, [5]).await, 0) {
                            trace.get(ORDERS_OF, [user]).await;
                        }
                    })
                    .await;
            })
        },
    },
    Kind {
        name: "keys from memory, typed",
        class: Class::Linked,
        expect: &[ORDERS_OF],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                let list = "SELECT id FROM users WHERE team_id < 6";
                let shared = || trace.db.query(list).shared::<i64>();
                shared().await.unwrap();
                for user in shared().await.unwrap().iter() {
                    trace.get(ORDERS_OF, [*user]).await;
                }
            })
        },
    },
    Kind {
        name: "values in the text",
        class: Class::Linked,
        expect: &[USER],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                let list = format!("SELECT user_id FROM orders LIMIT {}", trace.some(8, 30));
                for user in column(&trace.get(&list, NONE).await, 0) {
                    let Value::Integer(user) = user else { continue };
                    let sql = format!("SELECT id, name FROM users WHERE id = {user}");
                    trace.get(&sql, NONE).await;
                }
            })
        },
    },
    Kind {
        name: "in a transaction",
        class: Class::Linked,
        expect: &[USER],
        scoped: Scoped::Itself,
        run: |trace| boxed(async move { in_transaction(&trace).await }),
    },
    Kind {
        name: "from a stream",
        class: Class::Linked,
        expect: &[USER],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                let sql = "SELECT user_id FROM orders LIMIT 60";
                let mut rows = trace.db.query(sql).stream::<i64>().await.unwrap();
                trace.note(sql, 60);
                while let Some(user) = rows.next().await {
                    trace.get(USER, [user.unwrap()]).await;
                }
            })
        },
    },
    Kind {
        name: "several in one loop",
        class: Class::Linked,
        expect: &[USER, LINES_OF],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                let most = trace.some(5, 25);
                let list = "SELECT id, user_id FROM orders LIMIT ?";
                for order in trace.get(list, [most]).await.iter() {
                    trace.get(LINES_OF, [order.values()[0].clone()]).await;
                    trace.get(USER, [order.values()[1].clone()]).await;
                    trace.get("SELECT value FROM settings WHERE key = 'key1'", NONE).await;
                }
            })
        },
    },
    Kind {
        name: "at once",
        class: Class::Linked,
        expect: &[USER],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                let most = trace.some(8, 30);
                let list = "SELECT user_id FROM orders ORDER BY total LIMIT ?";
                let users = column(&trace.get(list, [most]).await, 0);
                let each = users.into_iter().map(|user| trace.get(USER, [user]));
                futures_util::future::join_all(each).await;
            })
        },
    },
    Kind {
        name: "by a trace in the text",
        class: Class::Linked,
        expect: &[USER],
        scoped: Scoped::Itself,
        run: |trace| boxed(async move { by_trace(&trace).await }),
    },
    Kind {
        name: "three only",
        class: Class::Linked,
        expect: &[USER],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                let list = "SELECT user_id FROM orders WHERE id > ? LIMIT 3";
                for user in column(&trace.get(list, [trace.some(1, 500)]).await, 0) {
                    trace.get(USER, [user]).await;
                }
            })
        },
    },
    Kind {
        name: "no foreign key",
        class: Class::Unlinked,
        expect: &[INVOICES],
        scoped: Scoped::Around(5),
        run: |trace| {
            boxed(async move {
                let list = "SELECT id, name FROM legacy_customers WHERE region = ? AND id > ? \
                            ORDER BY id LIMIT ?";
                let [region, after] = [trace.some(0, 7), trace.some(0, 900)];
                let rows = trace.get(list, [region, after, trace.some(6, 15)]).await;
                for customer in column(&rows, 0) {
                    trace.get(INVOICES, [customer]).await;
                }
            })
        },
    },
    Kind {
        name: "keys from outside",
        class: Class::Unlinked,
        expect: &[USER],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                let (from, step) = (trace.some(1, 20), trace.some(3, 9));
                for at in 0..trace.some(5, 15) {
                    trace.get(USER, [from + at * step]).await;
                }
            })
        },
    },
    Kind {
        name: "polymorphic",
        class: Class::Unlinked,
        expect: &["SELECT total FROM orders WHERE id = ?", PRODUCT],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                let list = "SELECT target_type, target_id FROM comments WHERE id > ? LIMIT ?";
                let (after, most) = (trace.some(0, 500), trace.some(14, 40));
                for target in trace.get(list, [after, most]).await.iter() {
                    let [kind, id] = target.values() else { continue };
                    match *kind == Value::from("order") {
                        true => {
                            trace.get("SELECT total FROM orders WHERE id = ?", [id.clone()]).await
                        }
                        false => trace.get(PRODUCT, [id.clone()]).await,
                    };
                }
            })
        },
    },
    Kind {
        name: "insert loop",
        class: Class::Writes,
        expect: &["INSERT INTO events (kind, note) VALUES (?, ?)"],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                for at in 0..trace.some(5, 20) {
                    let sql = "INSERT INTO events (kind, note) VALUES (?, ?)";
                    trace.put(sql, [Value::from("made"), Value::from(at)]).await;
                }
            })
        },
    },
    Kind {
        name: "update loop",
        class: Class::Writes,
        expect: &["UPDATE orders SET total = ? WHERE id = ?"],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                for at in 0..trace.some(5, 20) {
                    trace.put("UPDATE orders SET total = ? WHERE id = ?", [at * 3, at + 1]).await;
                }
            })
        },
    },
    Kind {
        name: "delete loop",
        class: Class::Writes,
        expect: &["DELETE FROM events WHERE id = ?"],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                for at in 0..trace.some(5, 20) {
                    trace.put("DELETE FROM events WHERE id = ?", [at]).await;
                }
            })
        },
    },
    Kind {
        name: "the same again",
        class: Class::Duplicate,
        expect: &["SELECT value FROM settings WHERE key = ?"],
        scoped: Scoped::Around(1),
        run: |trace| {
            boxed(async move {
                for _ in 0..trace.some(5, 20) {
                    trace.get("SELECT value FROM settings WHERE key = ?", ["key7"]).await;
                }
            })
        },
    },
];

async fn in_transaction(trace: &Arc<Trace>) {
    let within = trace.clone();
    trace
        .db
        .transaction(|tx| async move {
            let list = "SELECT user_id FROM orders WHERE id < 25";
            let users = tx.query(list).all::<i64>().await?;
            within.note(list, users.len());
            for user in users {
                let rows = tx.query(USER).bind(user).fetch().await?.rows;
                within.note(USER, rows.len());
            }
            Ok(())
        })
        .await
        .unwrap();
}

async fn by_trace(trace: &Trace) {
    let id = trace.some(1, i64::MAX);
    let comment = format!(
        "/*controller='orders',action='index',traceparent='00-{id:032x}-00f067aa0ba902b7-01'*/"
    );
    let list = "SELECT user_id FROM orders WHERE id < 30";
    let users = trace.db.query(&format!("{list} {comment}")).no_cache().all::<i64>().await.unwrap();
    trace.note(list, users.len());
    for user in users {
        let sql = format!("{USER} {comment}");
        trace.db.query(&sql).no_cache().bind(user).fetch().await.unwrap();
        trace.note(USER, 1);
    }
}
