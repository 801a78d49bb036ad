//! Tables and their rows, made from a seed: skewed, correlated with time, with rare values.

use std::collections::HashMap;

use fastrand::Rng;

use crate::case::Cell;

/// How the values of a column come about.
#[derive(Clone, Copy, Debug)]
pub enum Make {
    /// 1, 2, 3: the primary key.
    Serial,
    Uniform(i64, i64),
    /// 1 to n, the low ones often.
    Zipf(usize, f64),
    /// An id of that table, the low ones often.
    Parent(&'static str, f64),
    /// Texts with weights.
    Pick(&'static [(&'static str, u32)]),
    /// 1 with so many percent, else 0.
    Flag(u32),
    /// Seconds, rising with the row, not quite in order.
    When,
    /// A time in so many percent, else NULL.
    Seldom(u32),
    Email,
    /// Capital and small letters.
    Title,
    /// So many characters that mean nothing.
    Code(usize),
    /// Filling.
    Note(usize),
}

pub type Column = (&'static str, Make);

/// What a schema says of a table.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: &'static str,
    pub rows: usize,
    pub columns: &'static [Column],
    /// Inserts in the time that the workload stands for.
    pub inserts: u64,
}

/// Tables with indexes that are there beforehand.
#[derive(Clone, Debug)]
pub struct Schema {
    pub name: &'static str,
    pub tables: Vec<Table>,
    pub existing: &'static [&'static str],
}

/// A schema with rows, column by column.
pub struct Made {
    pub schema: Schema,
    pub rows: HashMap<(&'static str, &'static str), Vec<Cell>>,
    distinct: HashMap<(&'static str, &'static str), usize>,
}

/// The first second.
pub const EPOCH: i64 = 1_700_000_000;

/// Seconds between two rows.
pub const STEP: i64 = 37;

const WORDS: [&str; 40] = [
    "amber", "anchor", "basin", "beacon", "cedar", "cinder", "delta", "drift", "ember", "estuary",
    "fallow", "fjord", "gable", "granite", "harbor", "heath", "inlet", "iron", "juniper",
    "kestrel", "lagoon", "larch", "marsh", "meadow", "narrow", "north", "ochre", "orchard",
    "pebble", "pine", "quarry", "quill", "reef", "river", "saddle", "shore", "tarn", "thicket",
    "upland", "willow",
];

impl Made {
    pub fn new(mut schema: Schema, percent: usize, rng: &mut Rng) -> Made {
        for table in &mut schema.tables {
            if table.rows > 1_000 {
                table.rows = table.rows * rng.usize(70..130) / 100 * percent / 100;
            }
        }
        let sizes: HashMap<_, _> = schema.tables.iter().map(|it| (it.name, it.rows)).collect();
        let (mut rows, mut distinct) = (HashMap::new(), HashMap::new());
        for table in &schema.tables {
            for (name, make) in table.columns {
                let cells = column(*make, table.rows, &sizes, rng);
                let mut texts: Vec<String> = cells.iter().map(Cell::literal).collect();
                texts.sort_unstable();
                texts.dedup();
                distinct.insert((table.name, *name), texts.len());
                rows.insert((table.name, *name), cells);
            }
        }
        Made { schema, rows, distinct }
    }

    pub fn cells(&self, table: &'static str, column: &'static str) -> &[Cell] {
        &self.rows[&(table, column)]
    }

    pub fn distinct(&self, table: &'static str, column: &'static str) -> usize {
        self.distinct[&(table, column)]
    }

    /// The value of some row: frequent values come frequently.
    pub fn some(&self, table: &'static str, column: &'static str, rng: &mut Rng) -> Cell {
        let cells = self.cells(table, column);
        cells[rng.usize(0..cells.len())].clone()
    }

    /// A row for an insert, with a new id.
    pub fn row(&self, table: &Table, rng: &mut Rng) -> Vec<Cell> {
        let cell = |(name, make): &Column| match make {
            Make::Serial => Cell::Int(100_000_000 + rng.i64(0..1_000_000_000)),
            Make::Code(length) => Cell::Text((0..*length).map(|_| rng.alphanumeric()).collect()),
            _ => self.some(table.name, name, rng),
        };
        table.columns.iter().map(cell).collect()
    }
}

fn words(count: usize, rng: &mut Rng) -> String {
    let word = |_| WORDS[rng.usize(0..WORDS.len())];
    (0..count).map(word).collect::<Vec<_>>().join(" ")
}

fn column(make: Make, rows: usize, sizes: &HashMap<&str, usize>, rng: &mut Rng) -> Vec<Cell> {
    let n = match make {
        Make::Zipf(n, _) => n,
        Make::Parent(table, _) => sizes[table],
        _ => 0,
    };
    let skew = match make {
        Make::Zipf(_, skew) | Make::Parent(_, skew) => skew,
        _ => 0.0,
    };
    let mut sum = 0.0;
    let weight = |k: usize| {
        sum += (k as f64).powf(-skew);
        sum
    };
    let sums: Vec<f64> = (1..=n).map(weight).collect();
    let rank = |rng: &mut Rng| {
        let at = rng.f64() * sums.last().copied().unwrap_or(1.0);
        Cell::Int(sums.partition_point(|sum| *sum < at) as i64 + 1)
    };
    let one = |row: usize| match make {
        Make::Serial => Cell::Int(row as i64 + 1),
        Make::Uniform(low, high) => Cell::Int(rng.i64(low..=high)),
        Make::Zipf(..) | Make::Parent(..) => rank(rng),
        Make::Pick(weights) => pick(weights, rng),
        Make::Flag(percent) => Cell::Int(i64::from(rng.u32(0..100) < percent)),
        Make::When => Cell::Int(when(row, rng)),
        Make::Seldom(percent) if rng.u32(0..100) < percent => Cell::Int(when(row, rng)),
        Make::Seldom(_) => Cell::Null,
        Make::Email => {
            let name = WORDS[rng.usize(0..WORDS.len())];
            let name = if rng.bool() { name.to_owned() } else { name.to_uppercase() };
            Cell::Text(format!("{name}.{row}@example.com"))
        }
        Make::Title => {
            let tail = words(2, rng);
            let start = rng.alphabetic().to_ascii_uppercase();
            Cell::Text(format!("{start}{}{} {tail}", rng.lowercase(), rng.lowercase()))
        }
        Make::Code(length) => Cell::Text((0..length).map(|_| rng.alphanumeric()).collect()),
        Make::Note(count) => Cell::Text(words(count, rng)),
    };
    (0..rows).map(one).collect()
}

fn when(row: usize, rng: &mut Rng) -> i64 {
    EPOCH + row as i64 * STEP + rng.i64(0..STEP * 20)
}

fn pick(weights: &[(&str, u32)], rng: &mut Rng) -> Cell {
    let mut at = rng.u32(0..weights.iter().map(|it| it.1).sum());
    for (text, weight) in weights {
        if at < *weight {
            return Cell::Text((*text).into());
        }
        at -= weight;
    }
    unreachable!("the weights add up")
}
