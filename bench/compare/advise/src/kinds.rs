//! Kinds of queries, each with the index that somebody who knows would build for it, or would not.
//! Which columns and values is up to the seed. None of them is a label: that is measured.

use fastrand::Rng;

use crate::case::{Case, Cell, Index, Query};
use crate::data::{EPOCH, Made, Make, STEP, Table};

/// Sets of parameters for each query.
const SETS: usize = 3;

/// More inserts than that make an index dear.
pub const HEAVY: u64 = 1_000_000;

/// A database that makes a difference between `LIKE` and `ILIKE`, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

type Spot = (&'static str, &'static str);
type Kind = fn(&mut Maker<'_>) -> Option<Case>;

struct Maker<'a> {
    made: &'a Made,
    rng: &'a mut Rng,
    dialect: Dialect,
}

const PLANTED: [(&str, Kind); 18] = [
    ("equality", equality),
    ("equality again", equality),
    ("two equalities", two_equalities),
    ("equality and range", equality_and_range),
    ("equality and order", equality_and_order),
    ("narrow range", narrow_range),
    ("newest rows", newest),
    ("join to children", children),
    ("join to children of some", children_of_some),
    ("expression", expression),
    ("prefix", prefix),
    ("rare value", rare),
    ("queue", queue),
    ("null is rare", null),
    ("either of two", either),
    ("group", group),
    ("greatest of one", greatest),
    ("exists", exists),
];

const DECOYS: [(&str, Kind); 11] = [
    ("frequent value", frequent),
    ("small table", small),
    ("wide range", wide_range),
    ("written more than read", heavy),
    ("unequal", unequal),
    ("wrapped column", wrapped),
    ("anywhere in text", anywhere),
    ("whole join", whole_join),
    ("not null", not_null),
    ("primary key", primary),
    ("has an index", indexed),
];

/// The cases of one schema: each kind at most once.
pub fn cases(made: &Made, dialect: Dialect, rng: &mut Rng) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (name, kind) in PLANTED.into_iter().chain(DECOYS) {
        let mut maker = Maker { made, rng, dialect };
        let Some(mut case) = kind(&mut maker) else { continue };
        case.kind = name;
        if !cases.iter().any(|it| it.query.text == case.query.text) {
            cases.push(case);
        }
    }
    cases
}

impl Maker<'_> {
    fn tables(&self, fits: impl Fn(&Table) -> bool) -> Vec<&Table> {
        self.made.schema.tables.iter().filter(|it| fits(it)).collect()
    }

    fn spot(&mut self, fits: impl Fn(&Table, &'static str, Make) -> bool) -> Option<Spot> {
        let tables = &self.made.schema.tables;
        let spots: Vec<Spot> = tables
            .iter()
            .flat_map(|table| {
                let fits = &fits;
                let columns = table.columns.iter().filter(move |it| fits(table, it.0, it.1));
                columns.map(|it| (table.name, it.0))
            })
            .collect();
        self.rng.choice(spots)
    }

    /// A column of a large table that is not written all the time, with many values.
    fn many(&mut self, values: usize) -> Option<Spot> {
        let made = self.made;
        self.spot(|table, name, make| {
            is_plain(table)
                && matches!(
                    make,
                    Make::Zipf(..) | Make::Parent(..) | Make::Uniform(..) | Make::Code(_)
                )
                && made.distinct(table.name, name) >= values
        })
    }

    fn another(&mut self, spot: Spot, values: std::ops::Range<usize>) -> Option<Spot> {
        let made = self.made;
        self.spot(|table, name, make| {
            table.name == spot.0
                && name != spot.1
                && !matches!(make, Make::Serial | Make::Note(_) | Make::When | Make::Seldom(_))
                && values.contains(&made.distinct(table.name, name))
        })
    }

    fn of(&mut self, table: &str, fits: impl Fn(Make) -> bool) -> Option<Spot> {
        self.spot(|it, _, make| it.name == table && fits(make))
    }

    fn sets(&mut self, spots: &[Spot]) -> Vec<Vec<Cell>> {
        let made = self.made;
        let (table, _) = spots[0];
        let rows = made.cells(table, spots[0].1).len();
        (0..SETS)
            .map(|_| {
                let row = self.rng.usize(0..rows);
                spots.iter().map(|(table, name)| made.cells(table, name)[row].clone()).collect()
            })
            .collect()
    }

    fn calls(&mut self) -> u64 {
        [50, 300, 2_000, 10_000][self.rng.usize(0..4)]
    }

    fn case(&mut self, text: String, params: Vec<Vec<Cell>>, wanted: Vec<Vec<Index>>) -> Case {
        let calls = self.calls();
        Case { kind: "", query: Query { text, params, calls }, wanted }
    }

    /// What a query reads: a column that no index has, beside the key.
    fn list(&self, table: &str) -> String {
        let table = self.tables(|it| it.name == table)[0];
        format!("id, {}", table.columns.last().expect("a table has columns").0)
    }

    /// A value that so few or so many of a thousand rows have.
    fn weighted(&mut self, share: std::ops::Range<u32>) -> Option<(Spot, &'static str)> {
        let mut found = Vec::new();
        for table in self.tables(is_plain) {
            for (name, make) in table.columns {
                let Make::Pick(weights) = make else { continue };
                let sum: u32 = weights.iter().map(|it| it.1).sum();
                let values = weights.iter().filter(|it| share.contains(&(it.1 * 1_000 / sum)));
                found.extend(values.map(|it| ((table.name, *name), it.0)));
            }
        }
        self.rng.choice(found)
    }

    fn moment(&mut self, table: &str, from: usize, to: usize) -> i64 {
        let rows = self.tables(|it| it.name == table)[0].rows;
        EPOCH + (rows * self.rng.usize(from..to) / 1_000) as i64 * STEP
    }
}

fn is_plain(table: &Table) -> bool {
    table.rows >= 2_000 && table.inserts < HEAVY
}

fn one(index: Index) -> Vec<Vec<Index>> {
    vec![vec![index]]
}

fn is_when(make: Make) -> bool {
    matches!(make, Make::When)
}

fn equality(m: &mut Maker<'_>) -> Option<Case> {
    let spot @ (table, a) = m.many(100)?;
    let (list, sets) = (m.list(table), m.sets(&[spot]));
    let text = format!("SELECT {list} FROM {table} WHERE {a} = ?");
    Some(m.case(text, sets, one(Index::new(table, &[a], 1))))
}

fn two_equalities(m: &mut Maker<'_>) -> Option<Case> {
    let spot @ (table, a) = m.many(100)?;
    let other @ (_, b) = m.another(spot, 3..400)?;
    let (list, sets) = (m.list(table), m.sets(&[spot, other]));
    let text = format!("SELECT {list} FROM {table} WHERE {a} = ? AND {b} = ?");
    let wanted = vec![vec![Index::new(table, &[a, b], 2)], vec![Index::new(table, &[a], 1)]];
    Some(m.case(text, sets, wanted))
}

fn equality_and_range(m: &mut Maker<'_>) -> Option<Case> {
    let spot @ (table, a) = m.many(20)?;
    let (_, at) = m.of(table, is_when)?;
    let list = m.list(table);
    let mut sets = m.sets(&[spot]);
    for set in &mut sets {
        let from = m.moment(table, 100, 900);
        set.extend([Cell::Int(from), Cell::Int(from + 2_000 * STEP)]);
    }
    let text = format!("SELECT {list} FROM {table} WHERE {a} = ? AND {at} >= ? AND {at} < ?");
    Some(m.case(text, sets, one(Index::new(table, &[a, at], 1))))
}

fn equality_and_order(m: &mut Maker<'_>) -> Option<Case> {
    let spot @ (table, a) = m.many(20)?;
    let (_, at) = m.of(table, is_when)?;
    let (list, sets) = (m.list(table), m.sets(&[spot]));
    let text =
        format!("SELECT {list}, {at} FROM {table} WHERE {a} = ? ORDER BY {at} DESC LIMIT 20");
    Some(m.case(text, sets, one(Index::new(table, &[a, at], 1))))
}

fn narrow_range(m: &mut Maker<'_>) -> Option<Case> {
    let (table, at) = m.spot(|table, _, make| is_plain(table) && is_when(make))?;
    let list = m.list(table);
    let set = |m: &mut Maker<'_>| {
        let from = m.moment(table, 100, 900);
        vec![Cell::Int(from), Cell::Int(from + 60 * STEP)]
    };
    let sets = (0..SETS).map(|_| set(m)).collect();
    let text = format!("SELECT {list} FROM {table} WHERE {at} BETWEEN ? AND ?");
    Some(m.case(text, sets, one(Index::new(table, &[at], 0))))
}

fn newest(m: &mut Maker<'_>) -> Option<Case> {
    let (table, at) =
        m.spot(|table, _, make| is_plain(table) && matches!(make, Make::When | Make::Uniform(..)))?;
    let list = m.list(table);
    let text = format!("SELECT {list}, {at} FROM {table} ORDER BY {at} DESC LIMIT 25");
    Some(m.case(text, Vec::new(), one(Index::new(table, &[at], 0))))
}

fn link(m: &mut Maker<'_>) -> Option<(Spot, &'static str)> {
    let (table, name) = m.spot(|table, _, make| {
        table.rows >= 12_000 && is_plain(table) && matches!(make, Make::Parent(..))
    })?;
    let columns = m.tables(|it| it.name == table)[0].columns;
    columns.iter().find_map(|it| match it {
        (it, Make::Parent(parent, _)) if *it == name => Some(((table, name), *parent)),
        _ => None,
    })
}

fn children(m: &mut Maker<'_>) -> Option<Case> {
    let (spot @ (table, link), parent) = link(m)?;
    let sets = m.sets(&[spot]);
    let last = m.list(table).replace("id, ", "c.");
    let text = format!(
        "SELECT p.id, {last} FROM {parent} p JOIN {table} c ON c.{link} = p.id WHERE p.id = ?"
    );
    Some(m.case(text, sets, one(Index::new(table, &[link], 1))))
}

fn children_of_some(m: &mut Maker<'_>) -> Option<Case> {
    let ((table, link), parent) = link(m)?;
    let (_, by) = m.of(parent, |make| matches!(make, Make::When | Make::Serial))?;
    let last = m.list(table).replace("id, ", "c.");
    let set = |m: &mut Maker<'_>| {
        let row = m.rng.usize(0..m.made.cells(parent, by).len() * 9 / 10);
        let Cell::Int(from) = m.made.cells(parent, by)[row] else { unreachable!("numbers") };
        let span = if by == "id" { 15 } else { 15 * STEP };
        vec![Cell::Int(from), Cell::Int(from + span)]
    };
    let sets = (0..SETS).map(|_| set(m)).collect();
    let text = format!(
        "SELECT p.id, count(*), max({last}) FROM {parent} p JOIN {table} c ON c.{link} = p.id \
         WHERE p.{by} BETWEEN ? AND ? GROUP BY p.id"
    );
    Some(m.case(text, sets, one(Index::new(table, &[link], 1))))
}

fn expression(m: &mut Maker<'_>) -> Option<Case> {
    let (table, mail) = m.spot(|table, _, make| is_plain(table) && matches!(make, Make::Email))?;
    let mut sets = m.sets(&[(table, mail)]);
    for cell in sets.iter_mut().flatten() {
        let Cell::Text(text) = cell else { continue };
        *text = text.to_lowercase();
    }
    let list = m.list(table);
    let text = format!("SELECT {list} FROM {table} WHERE lower({mail}) = ?");
    Some(m.case(text, sets, one(Index::new(table, &[&format!("lower({mail})")], 1))))
}

fn prefix(m: &mut Maker<'_>) -> Option<Case> {
    let (table, title) =
        m.spot(|table, _, make| is_plain(table) && matches!(make, Make::Title | Make::Code(_)))?;
    let mut sets = m.sets(&[(table, title)]);
    for cell in sets.iter_mut().flatten() {
        let Cell::Text(text) = cell else { continue };
        *text = format!("{}%", &text[..3]);
    }
    let key = match m.dialect {
        Dialect::Sqlite => format!("{title} COLLATE NOCASE"),
        Dialect::Postgres => format!("{title} text_pattern_ops"),
    };
    let list = m.list(table);
    let text = format!("SELECT {list} FROM {table} WHERE {title} LIKE ?");
    Some(m.case(text, sets, one(Index::new(table, &[&key], 0))))
}

fn rare(m: &mut Maker<'_>) -> Option<Case> {
    let ((table, name), value) = m.weighted(1..21)?;
    let list = m.list(table);
    let text = format!("SELECT {list} FROM {table} WHERE {name} = '{value}'");
    let filter = format!("{name} = '{value}'");
    let mut wanted = one(Index::new(table, &[name], 1));
    for (key, _) in m.tables(|it| it.name == table)[0].columns {
        wanted.push(vec![Index::new(table, &[key], 0).filtered(&filter)]);
    }
    Some(m.case(text, Vec::new(), wanted))
}

fn queue(m: &mut Maker<'_>) -> Option<Case> {
    let ((table, name), value) = m.weighted(1..60)?;
    let (_, at) = m.of(table, is_when)?;
    let list = m.list(table);
    let text =
        format!("SELECT {list}, {at} FROM {table} WHERE {name} = '{value}' ORDER BY {at} LIMIT 10");
    let filter = format!("{name} = '{value}'");
    let wanted = vec![
        vec![Index::new(table, &[name, at], 1)],
        vec![Index::new(table, &[at], 0).filtered(&filter)],
    ];
    Some(m.case(text, Vec::new(), wanted))
}

fn null(m: &mut Maker<'_>) -> Option<Case> {
    let (table, name) = m.spot(|table, _, make| {
        is_plain(table) && matches!(make, Make::Seldom(percent) if percent >= 95)
    })?;
    let list = m.list(table);
    let text = format!("SELECT {list} FROM {table} WHERE {name} IS NULL");
    let mut wanted = one(Index::new(table, &[name], 1));
    for (key, _) in m.tables(|it| it.name == table)[0].columns {
        wanted.push(vec![Index::new(table, &[key], 0).filtered(&format!("{name} IS NULL"))]);
    }
    Some(m.case(text, Vec::new(), wanted))
}

fn either(m: &mut Maker<'_>) -> Option<Case> {
    let spot @ (table, a) = m.many(300)?;
    let other @ (_, b) = m.another(spot, 300..usize::MAX)?;
    let (list, sets) = (m.list(table), m.sets(&[spot, other]));
    let text = format!("SELECT {list} FROM {table} WHERE {a} = ? OR {b} = ?");
    let wanted = vec![vec![Index::new(table, &[a], 1), Index::new(table, &[b], 1)]];
    Some(m.case(text, sets, wanted))
}

fn group(m: &mut Maker<'_>) -> Option<Case> {
    let (table, a) = m.spot(|table, _, make| {
        is_plain(table) && matches!(make, Make::Zipf(..) | Make::Parent(..))
    })?;
    let text = format!("SELECT {a}, count(*) FROM {table} GROUP BY {a} ORDER BY 2 DESC LIMIT 10");
    Some(m.case(text, Vec::new(), one(Index::new(table, &[a], 0))))
}

fn greatest(m: &mut Maker<'_>) -> Option<Case> {
    let spot @ (table, a) = m.many(20)?;
    let (_, at) = m.of(table, is_when)?;
    let sets = m.sets(&[spot]);
    let text = format!("SELECT max({at}) FROM {table} WHERE {a} = ?");
    Some(m.case(text, sets, one(Index::new(table, &[a, at], 1))))
}

fn exists(m: &mut Maker<'_>) -> Option<Case> {
    let ((table, link), parent) = link(m)?;
    let (_, by) = m.of(parent, |make| matches!(make, Make::Serial))?;
    let last = m.tables(|it| it.name == table)[0].columns.last()?.0;
    let set = |m: &mut Maker<'_>| {
        let from = m.rng.usize(1..m.made.cells(parent, by).len()) as i64;
        vec![Cell::Int(from), Cell::Int(from + 20)]
    };
    let sets = (0..SETS).map(|_| set(m)).collect();
    let text = format!(
        "SELECT p.id FROM {parent} p WHERE p.id BETWEEN ? AND ? AND EXISTS \
         (SELECT 1 FROM {table} c WHERE c.{link} = p.id AND c.{last} IS NOT NULL)"
    );
    Some(m.case(text, sets, one(Index::new(table, &[link], 1))))
}

fn frequent(m: &mut Maker<'_>) -> Option<Case> {
    let (table, name) = m.spot(|table, _, make| {
        is_plain(table) && matches!(make, Make::Flag(percent) if percent >= 95)
    })?;
    let list = m.list(table);
    let text = format!("SELECT {list} FROM {table} WHERE {name} = 1");
    Some(m.case(text, Vec::new(), one(Index::new(table, &[name], 1))))
}

fn small(m: &mut Maker<'_>) -> Option<Case> {
    let (table, name) = m.spot(|table, _, make| {
        (50..500).contains(&table.rows) && matches!(make, Make::Zipf(..) | Make::Title)
    })?;
    let sets = m.sets(&[(table, name)]);
    let text = format!("SELECT * FROM {table} WHERE {name} = ?");
    Some(m.case(text, sets, one(Index::new(table, &[name], 1))))
}

fn wide_range(m: &mut Maker<'_>) -> Option<Case> {
    let (table, at) = m.spot(|table, _, make| is_plain(table) && is_when(make))?;
    let list = m.list(table);
    let sets = (0..SETS).map(|_| vec![Cell::Int(m.moment(table, 10, 200))]).collect();
    let text = format!("SELECT {list} FROM {table} WHERE {at} >= ?");
    Some(m.case(text, sets, one(Index::new(table, &[at], 0))))
}

fn heavy(m: &mut Maker<'_>) -> Option<Case> {
    let spot @ (table, a) = m.spot(|table, _, make| {
        table.inserts >= HEAVY && matches!(make, Make::Zipf(..) | Make::Parent(..))
    })?;
    let (list, sets) = (m.list(table), m.sets(&[spot]));
    let text = format!("SELECT {list} FROM {table} WHERE {a} = ?");
    let mut case = m.case(text, sets, one(Index::new(table, &[a], 1)));
    case.query.calls = 6;
    Some(case)
}

fn unequal(m: &mut Maker<'_>) -> Option<Case> {
    let spot @ (table, a) = m.many(20)?;
    let (list, sets) = (m.list(table), m.sets(&[spot]));
    let text = format!("SELECT {list} FROM {table} WHERE {a} <> ?");
    Some(m.case(text, sets, one(Index::new(table, &[a], 1))))
}

fn wrapped(m: &mut Maker<'_>) -> Option<Case> {
    let spot @ (table, a) = m.many(100)?;
    let sets = m.sets(&[spot]);
    let is_text = matches!(sets[0][0], Cell::Text(_));
    let list = m.list(table);
    let side = if is_text { format!("{a} || ''") } else { format!("{a} + 0") };
    let text = format!("SELECT {list} FROM {table} WHERE {side} = ?");
    Some(m.case(text, sets, one(Index::new(table, &[a], 1))))
}

fn anywhere(m: &mut Maker<'_>) -> Option<Case> {
    let (table, title) =
        m.spot(|table, _, make| is_plain(table) && matches!(make, Make::Title | Make::Email))?;
    let mut sets = m.sets(&[(table, title)]);
    for cell in sets.iter_mut().flatten() {
        let Cell::Text(text) = cell else { continue };
        *text = format!("%{}%", &text[1..6]);
    }
    let list = m.list(table);
    let text = format!("SELECT {list} FROM {table} WHERE {title} LIKE ?");
    Some(m.case(text, sets, one(Index::new(table, &[title], 0))))
}

fn whole_join(m: &mut Maker<'_>) -> Option<Case> {
    let ((table, link), parent) = link(m)?;
    let last = m.list(table).replace("id, ", "c.");
    let text = format!(
        "SELECT count(*), max({last}), max(p.id) FROM {table} c JOIN {parent} p ON p.id = c.{link}"
    );
    Some(m.case(text, Vec::new(), one(Index::new(table, &[link], 1))))
}

fn not_null(m: &mut Maker<'_>) -> Option<Case> {
    let (table, name) = m.spot(|table, _, make| {
        is_plain(table) && matches!(make, Make::Seldom(percent) if percent >= 95)
    })?;
    let list = m.list(table);
    let text = format!("SELECT {list} FROM {table} WHERE {name} IS NOT NULL");
    Some(m.case(text, Vec::new(), one(Index::new(table, &[name], 0))))
}

fn primary(m: &mut Maker<'_>) -> Option<Case> {
    let (table, id) = m.spot(|table, _, make| is_plain(table) && matches!(make, Make::Serial))?;
    let (list, sets) = (m.list(table), m.sets(&[(table, id)]));
    let text = format!("SELECT {list} FROM {table} WHERE {id} = ?");
    Some(m.case(text, sets, one(Index::new(table, &[id], 1))))
}

fn indexed(m: &mut Maker<'_>) -> Option<Case> {
    let ddl = m.rng.choice(m.made.schema.existing)?;
    let index = Index::read(ddl)?;
    let tables = &m.made.schema.tables;
    let table = tables.iter().find(|it| it.name == index.table)?;
    let (name, _) = table.columns.iter().find(|it| it.0 == index.keys[0])?;
    let (list, sets) = (m.list(table.name), m.sets(&[(table.name, name)]));
    let text = format!("SELECT {list} FROM {} WHERE {name} = ? ORDER BY id LIMIT 500", table.name);
    Some(m.case(text, sets, one(Index::new(table.name, &[name], 1))))
}
