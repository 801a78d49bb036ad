//! README.md shows pieces of code without what is around them. Here they stand word for word, so
//! that they are compiled; the web application is one of the examples, which run it.
#![allow(dead_code, reason = "it has to compile, and the guide's first page runs the like")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use forebay::{Cache, Db, Page, PageRequest, Sort};

#[rustfmt::skip]
mod first {
#[derive(serde::Deserialize)]
struct User {
    id: i64,
    name: String,
}

#[tokio::main]
async fn main() -> forebay::Result<()> {
    let db = forebay::open("sqlite:app.db").await?;
    db.execute_batch("CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT)").await?;
    db.execute("INSERT INTO users (name) VALUES (?)").bind("Ada").await?;

    // The first time from the database, then from memory, until somebody writes to `users`.
    let users: Vec<User> = db.query("SELECT id, name FROM users").all().await?;
    let user: Option<User> =
        db.query("SELECT id, name FROM users WHERE id = ?").bind(1).optional().await?;

    db.transaction(|tx| async move {
        tx.execute("UPDATE users SET name = ? WHERE id = ?").bind("Grace").bind(1).await?;
        tx.execute("DELETE FROM users WHERE id > ?").bind(100).await
    })
    .await?;

    println!("{} users, the first is {:?}", users.len(), user.map(|user| (user.id, user.name)));
    println!("{}", db.explain("SELECT count(*) FROM users").await?);
    Ok(())
}
}

async fn render(db: &Db) -> forebay::Result<String> {
    db.query("SELECT name FROM users").scalar().await
}

#[rustfmt::skip]
async fn front(db: Db) -> forebay::Result<Arc<String>> {
let cache = forebay::Cache::builder("app").ttl(Duration::from_secs(600)).build()?;
let page = cache.get_or_load("front", move || async move { render(&db).await }).await?;
    Ok(page)
}

mod functions {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Page(String);

    #[derive(Clone)]
    struct App {
        db: Db,
        cache: Cache,
    }

    impl App {
        async fn render(&self, id: u64) -> forebay::Result<Arc<Page>> {
            let query = self.db.query("SELECT text FROM pages WHERE id = ?").bind(id);
            Ok(Arc::new(Page(query.scalar().await?)))
        }

        async fn write(&self, id: u64, text: &str) -> forebay::Result<()> {
            let sql = "UPDATE pages SET text = ? WHERE id = ?";
            self.db.execute(sql).bind(text).bind(id).await.map(drop)
        }
    }

    #[rustfmt::skip]
    mod shown {
        use super::*;
#[forebay::cached("page:{id}", ttl = "10m", cache = app.cache)]
async fn page(app: &App, id: u64) -> forebay::Result<Arc<Page>> { app.render(id).await }

#[forebay::invalidates("page:{id}", cache = app.cache)]
async fn edit(app: &App, id: u64, text: &str) -> forebay::Result<()> { app.write(id, text).await }
    }
}

#[derive(serde::Deserialize)]
struct Post {
    id: i64,
}

#[derive(serde::Deserialize)]
struct Tag {
    name: String,
}

#[rustfmt::skip]
async fn lists(db: &Db, cursor: &str) -> forebay::Result<HashMap<i64, Vec<Tag>>> {
let page: Page<Post> = db.query("SELECT id, title, at FROM posts")
    .order([Sort::desc("at").not_null(), Sort::asc("id").key()])
    .page(PageRequest::after(cursor).per_page(20)).await?;
let tags: HashMap<i64, Vec<Tag>> = db.query("SELECT post, name FROM tags WHERE post IN (:keys)")
    .load_many("post", page.items.iter().map(|post| post.id)).await?;
    Ok(tags)
}

#[test]
fn readme_shows_what_is_compiled_here() {
    let here = include_str!("readme.rs");
    let readme = include_str!("../../../../README.md");
    let pieces = readme.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut checked = 0;
    for piece in pieces.filter(|piece| !piece.contains("use axum::")) {
        assert!(here.contains(piece), "this is not compiled here:\n{piece}");
        checked += 1;
    }
    assert_eq!(checked, 4);
}
