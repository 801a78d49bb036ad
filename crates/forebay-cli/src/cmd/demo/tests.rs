//! The demo's own checks, checked: a cache that is never invalidated must be found out.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::answer::Answer;
use super::audit::{Audit, Auditor};
use super::bare::Bare;
use super::client::{Client, Receipt};
use super::drive::drive;
use super::fill::{Facts, fill};
use super::ledger::Ledger;
use super::mix::{Chooser, Read, SHAPES, Write};
use super::progress::Progress;
use super::stop::Stop;
use super::tally::Tally;

type Kept = Arc<Mutex<HashMap<(usize, i64), Arc<Answer>>>>;

/// Bare SQLite behind a cache that nothing ever empties.
struct Forgetful {
    bare: Bare,
    kept: Option<Kept>,
}

impl Client for Forgetful {
    async fn read(&mut self, read: Read) -> Result<Answer> {
        let Some(kept) = &self.kept else {
            return self.bare.answer(read);
        };
        let mut kept = kept.lock().unwrap();
        let answer = match kept.get(&(read.shape, read.key)) {
            Some(answer) => Arc::clone(answer),
            None => Arc::new(self.bare.answer(read)?),
        };
        kept.insert((read.shape, read.key), Arc::clone(&answer));
        let values = (0..answer.len()).flat_map(|row| answer.row(row).to_vec()).collect();
        let width = if answer.len() > 0 { answer.row(0).len() } else { 0 };
        Ok(Answer::Own { width, values })
    }

    async fn write(&mut self, write: Write) -> Result<Receipt> {
        self.bare.write(write).await
    }

    async fn pause(&mut self) {
        tokio::task::yield_now().await;
    }
}

fn make(folder: &Path, seed: u64) -> (std::path::PathBuf, Facts) {
    let path = folder.join(format!("{seed}.db"));
    let progress = Progress::start("", 1);
    let facts = fill(&path, 5_000, seed, &progress, &Stop::default()).unwrap().unwrap();
    (path, facts)
}

/// Two clients for a moment, on caches that forget or on none.
fn run(forgetful: bool) -> (Tally, Audit) {
    let folder = tempfile::tempdir().unwrap();
    let (path, facts) = make(folder.path(), 3);
    let kept = forgetful.then(Kept::default);
    let open = || Forgetful { bare: Bare::open(&path, 1).unwrap(), kept: kept.clone() };
    let (chooser, ledger) = (Chooser::new(&facts, 30), Arc::new(Ledger::new(&facts)));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let until = Instant::now() + Duration::from_millis(700);
    let stop = Stop::default();
    let clients = [1, 2].map(|seed| {
        let (chooser, ledger) = (chooser.seeded(seed), Arc::clone(&ledger));
        runtime.spawn(drive(open(), chooser, ledger, until, stop.clone()))
    });
    let mut sum = Tally::new();
    for client in clients {
        sum.add(runtime.block_on(client).unwrap());
    }
    stop.set();
    let auditor = Auditor::new(open(), Bare::open(&path, 1).unwrap(), chooser.seeded(3));
    (sum, auditor.run(runtime.handle(), &stop, &stop).unwrap())
}

#[test]
fn a_cache_that_is_never_emptied_is_found_out() {
    let (tally, audit) = run(true);
    assert!(tally.reads().count() > 1_000, "{} reads", tally.reads().count());
    for (shape, counted) in SHAPES.iter().zip(&tally.shapes) {
        let rare = shape.weight < 10 || shape.checks.is_empty();
        assert!(counted.stale > 0 || rare, "{} was never found stale", shape.name);
    }
    assert!(audit.differing > 10, "{} of {} differ", audit.differing, audit.compared);
    assert!(tally.first_stale.is_some() && audit.first_differing.is_some());
}

#[test]
fn the_database_itself_is_never_stale() {
    let (tally, audit) = run(false);
    assert!(tally.reads().count() > 1_000 && tally.writes.count() > 100);
    assert_eq!((tally.stale(), tally.failures), (0, 0), "{:?}", tally.first_failure);
    assert_eq!(audit.differing, 0, "{:?}", audit.first_differing);
    assert!(audit.compared > 100);
}

#[test]
fn the_same_seed_makes_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let digest = |seed| {
        let (path, facts) = make(folder.path(), seed);
        let connection = rusqlite::Connection::open(&path).unwrap();
        let sum: String = connection
            .query_one(
                "SELECT (SELECT group_concat(title || body || score) FROM stories) || \
                 (SELECT group_concat(body || author_id) FROM comments) || \
                 (SELECT group_concat(name || karma) FROM users)",
                [],
                |row| row.get(0),
            )
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        (facts.rows, sum)
    };
    assert_eq!(digest(1).0, 5_000);
    assert!(digest(1) == digest(1));
    assert!(digest(1) != digest(2));
}

#[test]
fn the_facts_are_those_of_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let (path, facts) = make(folder.path(), 5);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let check = |sql: &str, expect: u64| {
        let found: i64 = connection.query_one(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(u64::try_from(found).unwrap(), expect, "{sql}");
    };
    let sum = |counts: &[u32]| counts.iter().map(|count| u64::from(*count)).sum();
    check("SELECT count(*) FROM stories", facts.stories.into());
    check("SELECT count(*) FROM users", facts.users.into());
    check("SELECT count(*) FROM story_tags", facts.taggings);
    check("SELECT count(*) FROM votes", sum(&facts.votes));
    check(
        "SELECT max(id) FROM comments",
        facts.newest_comments.iter().max().copied().unwrap().into(),
    );
    let wrong = "SELECT count(*) FROM stories s WHERE \
                 score <> (SELECT count(*) FROM votes WHERE story_id = s.id) OR \
                 comments <> (SELECT count(*) FROM comments WHERE story_id = s.id)";
    check(wrong, 0);
    check("SELECT count(*) FROM pragma_foreign_key_check", 0);
}
