//! Reading counters in each form that there is, and checking each against what was known before
//! it was asked for.

use std::time::Instant;

use fastrand::Rng;
use forebay::{Db, Error, Freshness, Query};

use super::beat::Phase;
use super::board::{OTHERS, OTHERS_PAIR, ROWS, SIDES, TABLES, name, pair, singles};
use super::client::number;
use super::known::Shape;
use super::race::Scene;
use super::write::{Written, raise, raise_in_path};
use crate::domain::once_in;

/// Counters of a list, and of a page.
const FEW: usize = 4;

/// Texts of statements, each made once.
pub(super) struct Texts {
    point: Vec<String>,
    list: Vec<String>,
    sum: Vec<String>,
    page: Vec<String>,
    view: Vec<String>,
    join: Vec<String>,
    others_join: String,
    pub(super) raise: Vec<String>,
    pub(super) raise_in_path: Vec<String>,
}

impl Texts {
    pub(super) fn new() -> Texts {
        let each = |text: &dyn Fn(&str) -> String| -> Vec<String> {
            (0..TABLES).map(|table| text(&name(table))).collect()
        };
        let sides = |text: &dyn Fn(usize) -> String| (0..SIDES).map(text).collect();
        let join = |[a, b]: [usize; 2]| {
            let (a, b) = (name(a), name(b));
            format!("SELECT a.n, b.n FROM {a} a JOIN {b} b ON a.id = b.id WHERE a.id = $1")
        };
        Texts {
            point: each(&|it| format!("SELECT n FROM {it} WHERE id = $1")),
            list: each(&|it| format!("SELECT id, n FROM {it} WHERE id IN ($1, $2, $3)")),
            sum: each(&|it| format!("SELECT sum(n) FROM {it} WHERE id >= $1 AND id < $2")),
            page: each(&|it| {
                format!("SELECT id, n FROM {it} WHERE id >= $1 ORDER BY id LIMIT {FEW}")
            }),
            view: sides(&|side| format!("SELECT n FROM public.race_v{side} WHERE id = $1")),
            join: sides(&|side| join(pair(side))),
            others_join: join(OTHERS_PAIR),
            raise: (0..TABLES).map(raise).collect(),
            raise_in_path: sides(&raise_in_path),
        }
    }
}

/// One read, of whatever form.
pub(super) async fn read(
    scene: &Scene,
    side: usize,
    phase: Phase,
    rng: &mut Rng,
) -> Result<(), Error> {
    let row = rng.usize(..ROWS);
    let own = singles(side)[rng.usize(..2)];
    // What always goes to the server is rare while there may be hits.
    let seldom = match phase {
        Phase::Quiet => 250,
        // What the server shows already has to be known before the cache is asked.
        Phase::Slow | Phase::Stalled => 4,
        _ => 12,
    };
    if once_in(rng, seldom) {
        let is_strict = phase == Phase::Stalled || once_in(rng, 3);
        return match rng.u8(..5) {
            _ if is_strict => strict(scene, side, row, rng).await,
            0 => in_transaction(scene, side, own, row).await,
            _ => point(scene, side, (own, row), |query| query.no_cache()).await,
        };
    }
    match rng.u8(..26) {
        0..9 => point(scene, side, (own, row), |query| query).await,
        9..12 => through_view(scene, side, row).await,
        12..14 => list(scene, side, own, rng).await,
        14 => sum(scene, side, own, row).await,
        15 | 16 => page(scene, side, own, row).await,
        17..20 => joined(scene, side, row).await,
        20 | 21 => both(scene, side, row).await,
        22 => in_session(scene, side, own, row).await,
        _ => of_others(scene, side, row, rng).await,
    }
}

/// What a client has written it reads at once, in several forms.
pub(super) async fn after_write(
    scene: &Scene,
    side: usize,
    (tables, row): &Written,
) -> Result<(), Error> {
    for table in tables {
        point(scene, side, (*table, *row), |query| query).await?;
        page(scene, side, *table, *row).await?;
    }
    match tables.as_slice() {
        [] => Ok(()),
        [_] => through_view(scene, side, *row).await,
        _ => joined(scene, side, *row).await,
    }
}

async fn point<'a>(
    scene: &'a Scene,
    side: usize,
    (table, row): (usize, usize),
    how: impl FnOnce(Query<'a>) -> Query<'a>,
) -> Result<(), Error> {
    let floor = scene.known.floor(table, row);
    let query = scene.dbs[side].query(&scene.texts.point[table]).bind(row as i64);
    let outcome = how(query).fetch().await?;
    scene.known.note_read(Shape::Point, outcome.cached);
    if let Some(n) = number(&outcome, 0, 0) {
        scene.known.check((table, row), floor, n, (Shape::Point, outcome.cached));
    }
    Ok(())
}

async fn through_view(scene: &Scene, side: usize, row: usize) -> Result<(), Error> {
    let known = &scene.known;
    let generation = known.generation(side);
    let floors = singles(side).map(|table| known.floor(table, row));
    let outcome = scene.dbs[side].query(&scene.texts.view[side]).bind(row as i64).fetch().await?;
    known.note_read(Shape::View, outcome.cached);
    if let Some(n) = number(&outcome, 0, 0) {
        known.check_shown((side, row), (generation, floors), n, outcome.cached);
    }
    Ok(())
}

async fn list(scene: &Scene, side: usize, table: usize, rng: &mut Rng) -> Result<(), Error> {
    // Few lists, so that they are met again.
    let first = rng.usize(..ROWS / 2);
    let rows = [first, (first + 5) % ROWS, (first + 17) % ROWS];
    let floors = rows.map(|row| scene.known.floor(table, row));
    let mut query = scene.dbs[side].query(&scene.texts.list[table]);
    for row in rows {
        query = query.bind(row as i64);
    }
    let outcome = query.fetch().await?;
    scene.known.note_read(Shape::List, outcome.cached);
    for at in 0..outcome.rows.len() {
        let (Some(id), Some(n)) = (number(&outcome, at, 0), number(&outcome, at, 1)) else {
            continue;
        };
        if let Some(nth) = rows.iter().position(|row| *row as i64 == id) {
            let source = (Shape::List, outcome.cached);
            scene.known.check((table, rows[nth]), floors[nth], n, source);
        }
    }
    Ok(())
}

async fn sum(scene: &Scene, side: usize, table: usize, row: usize) -> Result<(), Error> {
    let from = row / 8 * 8;
    let floor: i64 = (from..from + 8).map(|row| scene.known.floor(table, row)).sum();
    let query = scene.dbs[side].query(&scene.texts.sum[table]);
    let outcome = query.bind(from as i64).bind((from + 8) as i64).fetch().await?;
    scene.known.note_read(Shape::Sum, outcome.cached);
    if let Some(sum) = number(&outcome, 0, 0)
        && sum < floor
    {
        let of = name(table);
        scene.known.accuse(format!("the sum of {of} is {sum}, and {floor} was known before"));
    }
    Ok(())
}

async fn page(scene: &Scene, side: usize, table: usize, row: usize) -> Result<(), Error> {
    let from = row.min(ROWS - FEW);
    let floors: [i64; FEW] = std::array::from_fn(|at| scene.known.floor(table, from + at));
    let query = scene.dbs[side].query(&scene.texts.page[table]).bind(from as i64);
    let outcome = query.fetch().await?;
    scene.known.note_read(Shape::Page, outcome.cached);
    if outcome.rows.len() != FEW {
        scene.known.accuse(format!("a page of {} has {} rows", name(table), outcome.rows.len()));
        return Ok(());
    }
    for (at, floor) in floors.into_iter().enumerate() {
        if let Some(n) = number(&outcome, at, 1) {
            scene.known.check((table, from + at), floor, n, (Shape::Page, outcome.cached));
        }
    }
    Ok(())
}

/// Two counters that are always raised together.
async fn joined(scene: &Scene, side: usize, row: usize) -> Result<(), Error> {
    let [first, second] = pair(side);
    let floor = scene.known.floor(first, row);
    let outcome = scene.dbs[side].query(&scene.texts.join[side]).bind(row as i64).fetch().await?;
    scene.known.note_read(Shape::Pair, outcome.cached);
    if let (Some(a), Some(b)) = (number(&outcome, 0, 0), number(&outcome, 0, 1)) {
        if a != b {
            scene.known.accuse(format!("a transaction is torn: counter {row} is {a} and {b}"));
        }
        scene.known.check((first, row), floor, a, (Shape::Pair, outcome.cached));
        scene.known.raise(second, row, b);
    }
    Ok(())
}

/// The same by two statements: the second must not be older than the first.
async fn both(scene: &Scene, side: usize, row: usize) -> Result<(), Error> {
    let mut tables = pair(side);
    if row.is_multiple_of(2) {
        tables.reverse();
    }
    let mut least = 0;
    for table in tables {
        let floor = scene.known.floor(table, row).max(least);
        let query = scene.dbs[side].query(&scene.texts.point[table]).bind(row as i64);
        let outcome = query.fetch().await?;
        scene.known.note_read(Shape::Both, outcome.cached);
        if let Some(n) = number(&outcome, 0, 0) {
            scene.known.check((table, row), floor, n, (Shape::Both, outcome.cached));
            least = n;
        }
    }
    Ok(())
}

async fn in_session(scene: &Scene, side: usize, table: usize, row: usize) -> Result<(), Error> {
    let session = scene.dbs[side].session();
    let floor = scene.known.floor(table, row);
    let outcome = session.query(&scene.texts.point[table]).bind(row as i64).fetch().await?;
    scene.known.note_read(Shape::Session, outcome.cached);
    if let Some(n) = number(&outcome, 0, 0) {
        scene.known.check((table, row), floor, n, (Shape::Session, outcome.cached));
    }
    Ok(())
}

async fn in_transaction(scene: &Scene, side: usize, table: usize, row: usize) -> Result<(), Error> {
    let floor = scene.known.floor(table, row);
    let sql = &scene.texts.point[table];
    let work = |handle: forebay::Transaction| async move {
        handle.query(sql).bind(row as i64).fetch().await
    };
    let outcome = scene.dbs[side].transaction(work).await?;
    scene.known.note_read(Shape::Transaction, outcome.cached);
    if let Some(n) = number(&outcome, 0, 0) {
        scene.known.check((table, row), floor, n, (Shape::Transaction, outcome.cached));
    }
    Ok(())
}

/// What was written past this handle, by outsiders or through the other one.
async fn strict(scene: &Scene, side: usize, row: usize, rng: &mut Rng) -> Result<(), Error> {
    let other = (side + 1) % SIDES;
    let tables = [OTHERS, OTHERS_PAIR[0], OTHERS_PAIR[1], singles(other)[0], pair(other)[1]];
    let (table, row) = match rng.bool() {
        true => (tables[rng.usize(..tables.len())], row),
        false => (OTHERS, scene.known.hot()),
    };
    let floor = scene.known.floor(table, row);
    let query = scene.dbs[side].query(&scene.texts.point[table]).bind(row as i64);
    let outcome = query.freshness(Freshness::Strict).fetch().await?;
    scene.known.note_read(Shape::Strict, outcome.cached);
    if let Some(n) = number(&outcome, 0, 0) {
        scene.known.check((table, row), floor, n, (Shape::Strict, outcome.cached));
    }
    Ok(())
}

/// What outsiders have written, as far as the stream has told.
async fn of_others(scene: &Scene, side: usize, row: usize, rng: &mut Rng) -> Result<(), Error> {
    let db: &Db = &scene.dbs[side];
    let is_pair = rng.bool();
    let (table, sql) = match is_pair {
        true => (OTHERS_PAIR[0], &scene.texts.others_join),
        false => (OTHERS, &scene.texts.point[OTHERS]),
    };
    let asked = Instant::now();
    let outcome = db.query(sql).bind(row as i64).fetch().await?;
    scene.known.note_read(Shape::Others, outcome.cached);
    let Some(n) = number(&outcome, 0, 0) else { return Ok(()) };
    if is_pair && number(&outcome, 0, 1) != Some(n) {
        scene.known.accuse(format!("a transaction of others is torn: counter {row}"));
    }
    if outcome.cached {
        scene.known.late.answered(side, (table, row), n, asked);
    }
    Ok(())
}
