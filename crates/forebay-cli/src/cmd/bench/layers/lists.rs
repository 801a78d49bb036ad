//! Lists with what belongs to their rows: a statement for each row before, one for each level
//! after.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Result, ensure};
use forebay::Db;
use rusqlite::Connection;
use tokio::runtime::Handle;

use super::figure::{Amount, Figure, Theirs, median, millis};
use super::seed::{Copies, EDGES, MESSAGES, NODES, open};

/// Conversations of a list.
const LISTED: i64 = 100;

const LIST: &str = "SELECT id, title FROM conversations ORDER BY id DESC LIMIT ?";
const OF_ONE: &str = "SELECT id, body FROM messages WHERE conversation_id = ? ORDER BY id";
const OF_MANY: &str = "SELECT conversation_id, id, body FROM messages
    WHERE conversation_id IN (:keys) ORDER BY id";

pub(super) fn figures(copies: &Copies, runtime: &Handle) -> Result<Vec<Figure>> {
    let path = copies.fresh("lists")?;
    let bare = copies.bare("lists-before")?;
    Ok(vec![
        conversations(&bare, &path, runtime)?,
        repeats(&bare, &path, runtime)?,
        statements(&path, runtime)?,
        graph(&bare, &path, runtime)?,
        health(&path, runtime)?,
    ])
}

/// The list and its messages, one statement for each.
fn one_by_one(bare: &Connection, listed: i64) -> Result<usize> {
    let mut list = bare.prepare(LIST)?;
    let found = list.query_map([listed], |row| row.get::<_, i64>(0))?;
    let mut rows = 0;
    for id in found {
        let mut messages = bare.prepare(OF_ONE)?;
        let bodies = messages.query_map([id?], |row| row.get::<_, String>(1))?;
        rows += bodies.collect::<rusqlite::Result<Vec<_>>>()?.len();
    }
    Ok(rows)
}

async fn together(db: &Db, listed: i64) -> Result<usize> {
    let list: Vec<(i64, String)> = db.query(LIST).bind(listed).all().await?;
    let messages: HashMap<i64, Vec<(i64, i64, String)>> =
        db.query(OF_MANY).load_many("conversation_id", list.iter().map(|(id, _)| *id)).await?;
    Ok(messages.values().map(Vec::len).sum())
}

fn conversations(bare: &Connection, path: &Path, runtime: &Handle) -> Result<Figure> {
    let expected = (LISTED * MESSAGES) as usize;
    let before = median(
        |_| Ok(()),
        |()| {
            ensure!(one_by_one(bare, LISTED)? == expected, "messages are missing");
            Ok(())
        },
    )?;
    // A conversation is changed in between, as it is while people write.
    let db = runtime.block_on(open(path))?;
    let after = median(
        |_| {
            let write = "UPDATE messages SET body = body || '.' WHERE id = 4999";
            runtime.block_on(async {
                db.execute(write).await?;
                anyhow::Ok(())
            })
        },
        |()| {
            ensure!(runtime.block_on(together(&db, LISTED))? == expected, "messages are missing");
            Ok(())
        },
    )?;
    Ok(Figure {
        what: "conversation list",
        how: format!("{LISTED} conversations with {MESSAGES} messages each, after a write"),
        theirs: Theirs::ms(250.0, 45.0),
        before: Some(before),
        after,
    })
}

fn repeats(bare: &Connection, path: &Path, runtime: &Handle) -> Result<Figure> {
    const LISTED: i64 = 1_000;
    let expected = (LISTED * MESSAGES) as usize;
    let before = median(
        |_| Ok(()),
        |()| {
            ensure!(one_by_one(bare, LISTED)? == expected, "messages are missing");
            Ok(())
        },
    )?;
    let after = median(
        |_| runtime.block_on(open(path)),
        |db| {
            ensure!(runtime.block_on(together(&db, LISTED))? == expected, "messages are missing");
            Ok(())
        },
    )?;
    Ok(Figure {
        what: "N+1",
        how: format!("{LISTED} parents with their children; `load_many`, nothing in memory"),
        theirs: Theirs::ms(1_200.0, 150.0),
        before: Some(before),
        after,
    })
}

fn statements(path: &Path, runtime: &Handle) -> Result<Figure> {
    let run = runtime.block_on(async {
        let db = open(path).await?;
        together(&db, LISTED).await?;
        let all = db.stats().fingerprints.iter().map(|one| one.calls).sum();
        anyhow::Ok(all)
    })?;
    Ok(Figure {
        what: "statements",
        how: format!("of the list of {LISTED}, by Forebay's own count"),
        theirs: Theirs { before: Some(Amount::Statements(100)), after: Amount::Statements(3) },
        before: Some(Amount::Statements(LISTED as u64 + 1)),
        after: Amount::Statements(run),
    })
}

fn graph(bare: &Connection, path: &Path, runtime: &Handle) -> Result<Figure> {
    let expected = (NODES * EDGES) as usize;
    let before = median(
        |_| Ok(()),
        |()| {
            let mut edges = 0;
            for node in 1..=NODES {
                bare.query_one("SELECT name FROM users WHERE id = ?", [node], |_| Ok(()))?;
                let mut of_node = bare.prepare("SELECT target FROM edges WHERE source = ?")?;
                edges += of_node.query_map([node], |row| row.get::<_, i64>(0))?.count();
            }
            ensure!(edges == expected, "edges are missing");
            Ok(())
        },
    )?;
    let after = median(
        |_| runtime.block_on(open(path)),
        |db| {
            runtime.block_on(async {
                let names = "SELECT id, name FROM users WHERE id IN (:keys)";
                let names: HashMap<i64, (i64, String)> =
                    db.query(names).load_one("id", 1..=NODES).await?;
                let edges = "SELECT source, target FROM edges WHERE source IN (:keys)";
                let edges: HashMap<i64, Vec<(i64, i64)>> =
                    db.query(edges).load_many("source", 1..=NODES).await?;
                ensure!(names.len() == NODES as usize, "nodes are missing");
                ensure!(edges.values().map(Vec::len).sum::<usize>() == expected, "edges");
                Ok(())
            })
        },
    )?;
    Ok(Figure {
        what: "graph export",
        how: format!("{NODES} nodes with {EDGES} edges each; nothing in memory"),
        theirs: Theirs::reached(millis(25_000.0)),
        before: Some(before),
        after,
    })
}

fn health(path: &Path, runtime: &Handle) -> Result<Figure> {
    let db = runtime.block_on(open(path))?;
    let after = median(
        |_| Ok(()),
        |()| {
            runtime.block_on(db.health())?;
            Ok(())
        },
    )?;
    Ok(Figure {
        what: "health check",
        how: "all checks but the deep ones".to_owned(),
        theirs: Theirs::reached(millis(10.0)),
        before: None,
        after,
    })
}
