//! Children of a hundred parents, and point reads by 64 tasks at once.

use std::collections::HashMap;

use forebay::Db;

use crate::place::{AUTHORS, Fault, POSTS};
use crate::race::Race;

type Row = (i64, i64, String);

const PARENTS: i64 = 100;
const TASKS: i64 = 64;
const READS: i64 = 100;

const MANY: &str = "SELECT id, author, title FROM notes WHERE author IN (:keys) ORDER BY id";

const EACH_SQLITE: &str = "SELECT id, author, title FROM notes WHERE author = ? ORDER BY id";
const EACH_POSTGRES: &str = "SELECT id, author, title FROM notes WHERE author = $1 ORDER BY id";

const POINT: &str = "SELECT id, author, title FROM posts WHERE id = $1";

fn each(db: &Db) -> &'static str {
    if db.stats().replication.is_some() { EACH_POSTGRES } else { EACH_SQLITE }
}

async fn together(db: &Db, from: i64) -> Result<HashMap<i64, Vec<Row>>, Fault> {
    Ok(db.query(MANY).no_cache().load_many("author", from..from + PARENTS).await?)
}

async fn one_by_one(db: &Db, from: i64) -> Result<HashMap<i64, Vec<Row>>, Fault> {
    let sql = each(db);
    let mut found = HashMap::new();
    for author in from..from + PARENTS {
        found.insert(author, db.query(sql).bind(author).no_cache().all().await?);
    }
    Ok(found)
}

pub async fn children(db: &Db, rounds: usize) -> Result<(), Fault> {
    assert_eq!(together(db, 1).await?, filled(one_by_one(db, 1).await?), "both give the same");
    let mut race = Race::new(&["one statement", "one for each"]);
    for round in 0..rounds as i64 {
        let from = |at: i64| (round * 2_000 + at * PARENTS) % (AUTHORS - PARENTS);
        race.begin_round();
        race.time(10, async {
            for at in 0..10 {
                together(db, from(at)).await?;
            }
            Ok(())
        })
        .await?;
        race.time(10, async {
            for at in 0..10 {
                one_by_one(db, from(at)).await?;
            }
            Ok(())
        })
        .await?;
    }
    race.print("the children of 100 parents, about one each");
    Ok(())
}

fn filled(mut found: HashMap<i64, Vec<Row>>) -> HashMap<i64, Vec<Row>> {
    found.retain(|_, posts| !posts.is_empty());
    found
}

async fn read(db: &Db, task: i64, coalesces: bool) -> Result<(), Fault> {
    for at in 0..READS {
        let id = (task * 7_919 + at * 50) % POSTS;
        let query = db.query(POINT).bind(id).no_cache();
        let query = if coalesces { query.coalesce() } else { query };
        let post: Option<Row> = query.optional().await?;
        if post.is_some_and(|post| post.0 != id) {
            return Err("another row came".into());
        }
    }
    Ok(())
}

async fn all(db: &Db, tasks: i64, coalesces: bool) -> Result<(), Fault> {
    let tasks: Vec<_> = (0..tasks)
        .map(|task| {
            let db = db.clone();
            tokio::spawn(async move { read(&db, task, coalesces).await })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

pub async fn lookups(db: &Db, rounds: usize) -> Result<(), Fault> {
    for tasks in [TASKS, 1] {
        let mut race = Race::new(&["point reads that coalesce", "pipelined point reads, as ever"]);
        for _ in 0..rounds {
            race.begin_round();
            let operations = u32::try_from(tasks * READS)?;
            race.time(operations, all(db, tasks, true)).await?;
            race.time(operations, all(db, tasks, false)).await?;
        }
        race.print(&format!("point reads by {tasks} tasks, past the cache"));
    }
    println!("  {}", db.query(POINT).coalesce().explain().await?.coalesces);
    Ok(())
}
