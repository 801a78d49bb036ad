//! Random tables, and walks over their pages in random orders, compared with the whole result as
//! the database orders it. The same for both databases.

use fastrand::Rng;
use forebay::{Db, Page, PageRequest, Row, Sort, Value};

/// What differs from one database to another.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) is_postgres: bool,
    /// The values of the column `n`, beside NULL.
    pub(crate) odd: fn(&mut Rng) -> Value,
}

/// The columns beside `id`.
const COLUMNS: [&str; 5] = ["a", "b", "c", "d", "n"];

struct Walk<'a> {
    db: &'a Db,
    kind: Kind,
    rng: &'a mut Rng,
    next_id: i64,
    order: Vec<Item>,
    is_filtered: bool,
    per_page: u32,
}

/// A column of an order, as the test has it.
struct Item {
    column: &'static str,
    is_descending: bool,
    /// `None` for the database's habit.
    nulls_first: Option<bool>,
}

/// Rounds of random walks over the table `t (id, a, b, c, d, n)`, which is emptied before each.
pub(crate) async fn rounds(db: &Db, kind: Kind, seed: u64, rounds: usize) {
    let mut rng = Rng::with_seed(seed);
    for round in 0..rounds {
        println!("seed {seed}, round {round}");
        db.execute("DELETE FROM t").await.unwrap();
        let mut walk = Walk::new(db, kind, &mut rng);
        for _ in 0..walk.rng.u32(0..45) {
            walk.insert().await;
        }
        walk.by_number().await;
        for is_backward in [false, true] {
            walk.along(is_backward, false).await;
            walk.along(is_backward, true).await;
        }
        walk.about().await;
    }
}

impl<'a> Walk<'a> {
    fn new(db: &'a Db, kind: Kind, rng: &'a mut Rng) -> Walk<'a> {
        let mut columns = COLUMNS.to_vec();
        rng.shuffle(&mut columns);
        columns.truncate(rng.usize(0..4));
        columns.push("id");
        let order = columns
            .into_iter()
            .map(|column| Item {
                column,
                is_descending: rng.bool(),
                nulls_first: [None, Some(true), Some(false)][rng.usize(..3)],
            })
            .collect();
        let (is_filtered, per_page) = (rng.bool(), rng.u32(1..9));
        Walk { db, kind, rng, next_id: 1, order, is_filtered, per_page }
    }

    fn value(&mut self, column: &str) -> Value {
        const TEXTS: [&str; 10] = ["", "a", "A", "b", "B", "ab", "a b", "ä", "z", "Zz"];
        const FLOATS: [f64; 7] = [-1.5, -0.0, 0.0, 1.5, 1e300, 5e-324, f64::INFINITY];
        if self.rng.u8(..4) == 0 {
            return Value::Null;
        }
        match column {
            "a" => self.rng.i64(-2..3).into(),
            "b" => TEXTS[self.rng.usize(..TEXTS.len())].into(),
            "c" => FLOATS[self.rng.usize(..FLOATS.len())].into(),
            "d" => vec![self.rng.u8(..2); self.rng.usize(..3)].into(),
            _ => (self.kind.odd)(self.rng),
        }
    }

    async fn insert(&mut self) {
        let id = if self.rng.bool() { self.next_id } else { -self.next_id };
        self.next_id += 1;
        let sql = match self.kind.is_postgres {
            true => "INSERT INTO t (id, a, b, c, d, n) VALUES ($1, $2, $3, $4, $5, $6)",
            false => "INSERT INTO t (id, a, b, c, d, n) VALUES (?, ?, ?, ?, ?, ?)",
        };
        let mut insert = self.db.execute(sql).bind(id);
        for column in COLUMNS {
            insert = insert.bind(self.value(column));
        }
        insert.await.unwrap();
    }

    async fn delete(&mut self, id: i64) {
        let place = if self.kind.is_postgres { "$1" } else { "?" };
        let sql = format!("DELETE FROM t WHERE id = {place}");
        self.db.execute(&sql).bind(id).await.unwrap();
    }

    /// Anything but the row that the walk stands at.
    async fn change(&mut self, but: i64) {
        for _ in 0..self.rng.u32(0..4) {
            if self.rng.bool() {
                self.insert().await;
                continue;
            }
            let ids = self.truth().await;
            let id = ids[self.rng.usize(..ids.len())];
            if id != but {
                self.delete(id).await;
            }
        }
    }

    fn sql(&self) -> &'static str {
        match (self.is_filtered, self.kind.is_postgres) {
            (false, _) => "SELECT * FROM t",
            (true, false) => "SELECT d, c, b, a, id, n FROM t WHERE a IS NULL OR a <> ?",
            (true, true) => "SELECT d, c, b, a, id, n FROM t WHERE a IS NULL OR a <> $1",
        }
    }

    /// The order in full words.
    fn words(&self) -> String {
        let word = |item: &Item| {
            let habit = item.is_descending == self.kind.is_postgres;
            let nulls = if item.nulls_first.unwrap_or(habit) { "FIRST" } else { "LAST" };
            let direction = if item.is_descending { "DESC" } else { "ASC" };
            format!("{} {direction} NULLS {nulls}", item.column)
        };
        self.order.iter().map(word).collect::<Vec<_>>().join(", ")
    }

    fn sorts(&self) -> Vec<Sort> {
        let sort = |item: &Item| {
            let sort = match item.is_descending {
                true => Sort::desc(item.column),
                false => Sort::asc(item.column),
            };
            let sort = match item.nulls_first {
                None => sort,
                Some(true) => sort.nulls_first(),
                Some(false) => sort.nulls_last(),
            };
            if item.column == "id" { sort.key() } else { sort }
        };
        self.order.iter().map(sort).collect()
    }

    /// All ids in order, from the database itself.
    async fn truth(&self) -> Vec<i64> {
        let sql = format!("SELECT id FROM ({}) AS q ORDER BY {}", self.sql(), self.words());
        let query = self.db.query(&sql).no_cache();
        let query = if self.is_filtered { query.bind(1) } else { query };
        query.all().await.unwrap()
    }

    async fn page(&self, request: PageRequest) -> (Vec<i64>, Page<Row>) {
        let query = self.db.query(self.sql());
        let query = if self.is_filtered { query.bind(1) } else { query };
        let page = query.order(self.sorts()).page(request.per_page(self.per_page));
        let page: Page<Row> = page.await.unwrap();
        (ids(&page), page)
    }

    /// Every page by number, in this order and in one that stands in the statement.
    async fn by_number(&mut self) {
        let truth = self.truth().await;
        let own = format!("{} ORDER BY {}", self.sql(), self.words());
        let size = self.per_page as usize;
        for number in 1..=truth.len() / size + 2 {
            let expect: Vec<i64> =
                truth.iter().skip((number - 1) * size).take(size).copied().collect();
            let request = || PageRequest::number(number as u64);
            let (found, page) = self.page(request()).await;
            let query = self.db.query(&own);
            let query = if self.is_filtered { query.bind(1) } else { query };
            let same: Page<Row> = query.page(request().per_page(self.per_page)).await.unwrap();
            assert_eq!((&found, &ids(&same)), (&expect, &expect), "page {number} of {own}");
            for page in [page, same] {
                assert_eq!(page.has_next, number * size < truth.len());
                assert_eq!(page.has_prev, number > 1);
                assert_eq!(page.total, Some(truth.len() as u64));
                assert_eq!(page.pages, Some(truth.len().div_ceil(size) as u64));
                assert_eq!(page.page, Some(number as u64));
            }
        }
    }

    /// From one end to the other, with changes on the way if so.
    async fn along(&mut self, is_backward: bool, changes: bool) {
        let size = self.per_page as usize;
        let mut request = if is_backward { PageRequest::last() } else { PageRequest::first() };
        let mut rest = self.truth().await;
        loop {
            let (found, page) = self.page(request.clone()).await;
            let expect = match is_backward {
                false => &rest[..rest.len().min(size)],
                true => &rest[rest.len().saturating_sub(size)..],
            };
            assert_eq!(found, expect, "{request:?} of {} by {}", self.sql(), self.words());
            let has_more = if is_backward { page.has_prev } else { page.has_next };
            assert_eq!(has_more, rest.len() > size, "{} by {}", self.sql(), self.words());
            assert_eq!(page.start.is_some(), !found.is_empty());
            if !has_more {
                return;
            }
            let at = *if is_backward { &found[0] } else { &found[found.len() - 1] };
            request = match is_backward {
                false => PageRequest::after(page.end.unwrap()),
                true => PageRequest::before(page.start.unwrap()),
            };
            if changes {
                self.change(at).await;
            }
            rest = self.truth().await;
            let place = rest.iter().position(|id| *id == at).unwrap();
            if is_backward {
                rest.truncate(place);
            } else {
                rest.drain(..=place);
            }
            if changes && self.rng.bool() {
                self.delete(at).await;
            }
        }
    }

    /// To and fro.
    async fn about(&mut self) {
        let truth = self.truth().await;
        let size = self.per_page as usize;
        let (mut found, mut page) = self.page(PageRequest::first()).await;
        for _ in 0..6 {
            if found.is_empty() {
                return;
            }
            let place = |id: i64| truth.iter().position(|it| *it == id).unwrap();
            let (first, behind) = (place(found[0]), place(found[found.len() - 1]) + 1);
            let (request, expect) = match self.rng.bool() {
                true => (
                    PageRequest::after(page.end.clone().unwrap()),
                    &truth[behind..(behind + size).min(truth.len())],
                ),
                false => (
                    PageRequest::before(page.start.clone().unwrap()),
                    &truth[first.saturating_sub(size)..first],
                ),
            };
            let (next_found, next_page) = self.page(request).await;
            assert_eq!(next_found, expect, "{} by {}", self.sql(), self.words());
            (found, page) = (next_found, next_page);
        }
    }
}

fn ids(page: &Page<Row>) -> Vec<i64> {
    let id = |row: &Row| match row.value("id") {
        Some(Value::Integer(id)) => *id,
        other => panic!("{other:?}"),
    };
    page.items.iter().map(id).collect()
}

/// The length of a random run: `default`, or what the environment says.
pub(crate) fn rounds_or(default: usize) -> usize {
    let said = std::env::var("FOREBAY_WALKS").ok();
    said.map_or(default, |said| said.parse().unwrap())
}
