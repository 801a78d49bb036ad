//! Which members a statement is asked of once its parameters are known, and how their answers
//! become one. It decides and does nothing.

use super::member::Layout;
use super::plan::SplitReading;
use super::reach::Reach;
use crate::invalidate::Bindings;
use crate::sql::{Groups, Limited, Operand, PlainRows, Single, Taken};
use crate::value::Value;

/// What is done with a statement.
pub(super) enum Way<'p> {
    /// One member is asked what its caller has asked.
    Pass { part: usize },
    /// One member is asked for the rows of its range.
    Fenced { part: usize, single: &'p Single },
    /// Members are asked for their rows, which are put one after another.
    Concat(Concat<'p>),
    /// Members are asked for parts of groups, which are put together.
    Merge { parts: Vec<usize>, single: &'p Single, groups: &'p Groups },
    /// The rows that can matter are brought together, and the statement is run over them.
    Gather(Gather<'p>),
    /// It cannot be answered.
    Refuse(String),
}

/// Rows one after another.
pub(super) struct Concat<'p> {
    pub(super) single: &'p Single,
    /// In the order in which their rows are wanted.
    pub(super) parts: Vec<usize>,
    pub(super) page: Page,
}

/// Which of the rows in order are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) skip: u64,
    /// `None` for all.
    pub(super) take: Option<u64>,
}

pub(super) struct Gather<'p> {
    pub(super) parts: Vec<usize>,
    /// The query of one table that it is, whose whole condition each member can apply.
    pub(super) single: Option<(&'p Single, &'p PlainRows)>,
    /// As many rows in order are enough from each.
    pub(super) top: Option<u64>,
    /// Why nothing better can be done.
    pub(super) why: String,
}

impl Page {
    const ALL: Page = Page { skip: 0, take: None };

    /// The greatest count that SQLite takes.
    pub(super) const NO_LIMIT: u64 = i64::MAX.unsigned_abs();

    /// `None` when the numbers are not known to be integers.
    fn of(limited: Option<&Limited>, values: &[Value]) -> Option<Page> {
        let Some(Limited { count, offset }) = limited else { return Some(Page::ALL) };
        let number = |operand: &Operand| {
            let bound: Vec<&Value> = values.iter().collect();
            match Bindings(&bound).value(operand) {
                Some(Value::Integer(n)) => Some(*n),
                _ => None,
            }
        };
        let skip = offset.as_ref().map_or(Some(0), number)?;
        // A negative count is none, and a negative offset is nothing.
        Some(Page { take: u64::try_from(number(count)?).ok(), skip: skip.max(0).unsigned_abs() })
    }

    /// How many rows from the first on are enough.
    pub(super) fn enough(self) -> Option<u64> {
        self.take.map(|take| take.saturating_add(self.skip).min(Page::NO_LIMIT))
    }
}

/// Which parts can have rows that matter, and whether nothing beyond their ranges can.
pub(super) struct Touched {
    pub(super) parts: Vec<usize>,
    pub(super) is_within: bool,
    pub(super) has_null: bool,
}

impl Touched {
    /// What the conditions on all occurrences leave.
    pub(super) fn of(reading: &SplitReading, layout: &Layout, values: &[Value]) -> Touched {
        let bound: Vec<&Value> = values.iter().collect();
        let reaches: Vec<Reach> = match &reading.occurrences {
            Err(_) => vec![Reach::everything()],
            Ok(occurrences) => occurrences
                .iter()
                .map(|(occurrence, column)| Reach::of(occurrence, *column, Bindings(&bound)))
                .collect(),
        };
        Touched::by(&reaches, layout)
    }

    pub(super) fn by(reaches: &[Reach], layout: &Layout) -> Touched {
        let all = layout.parts.iter().enumerate();
        let touched = all.filter(|(_, part)| {
            reaches.iter().any(|reach| reach.touches(&part.span, part.has_null))
        });
        let mut parts: Vec<usize> = touched.map(|(index, _)| index).collect();
        if parts.is_empty() {
            // Somebody has to say what an answer without rows looks like.
            parts.push(layout.parts.len() - 1);
        }
        let is_within = match parts.as_slice() {
            [only] => {
                let part = &layout.parts[*only];
                reaches.iter().all(|reach| reach.is_within(&part.span, part.has_null))
            }
            _ => false,
        };
        Touched { parts, is_within, has_null: reaches.iter().any(Reach::has_null) }
    }
}

impl<'p> Way<'p> {
    /// `is_not_null` says that the column which rows are split by cannot be NULL.
    pub(super) fn of(
        reading: &'p SplitReading,
        layout: &Layout,
        values: &[Value],
        is_not_null: bool,
    ) -> Way<'p> {
        let touched = Touched::of(reading, layout, values);
        let live = layout.parts.len() - 1;
        if let ([only], true) = (touched.parts.as_slice(), touched.is_within)
            && (*only == live || !(reading.has_others || reading.has_views))
        {
            return Way::Pass { part: *only };
        }
        let why = match &reading.single {
            Err(why) => why.clone(),
            Ok(single) => match Way::of_single(single, reading, &touched, values, is_not_null) {
                Ok(way) => return way,
                Err(why) => why,
            },
        };
        if let Err(unknown) = &reading.occurrences {
            return Way::Refuse(unknown.clone());
        }
        match &reading.sources {
            Err(unknown) => Way::Refuse(unknown.clone()),
            Ok(_) => Way::Gather(Gather { parts: touched.parts, single: None, top: None, why }),
        }
    }

    fn of_single(
        single: &'p Single,
        reading: &'p SplitReading,
        touched: &Touched,
        values: &[Value],
        is_not_null: bool,
    ) -> Result<Way<'p>, String> {
        let parts = touched.parts.clone();
        if let [part] = parts.as_slice() {
            return Ok(Way::Fenced { part: *part, single });
        }
        let rows = match &single.taken {
            Taken::Groups(groups) => return Ok(Way::Merge { parts, single, groups }),
            Taken::Rows(rows) => rows,
        };
        let page = Page::of(single.limited.as_ref(), values);
        let leading = rows.leading.filter(|leading| leading.column == reading.column);
        let has_null = touched.has_null && !is_not_null;
        match (rows.is_ordered, leading, page) {
            (false, _, Some(page)) => {
                // The newest first, where any will do.
                Ok(Way::Concat(Concat { single, parts: reversed(parts), page }))
            }
            // NULL stands before or behind everything, and so not among the rows of its member.
            (true, Some(leading), Some(page)) if !has_null => {
                let parts = if leading.is_descending { reversed(parts) } else { parts };
                Ok(Way::Concat(Concat { single, parts, page }))
            }
            _ if reading.sources.is_err() => {
                Err(reading.sources.as_ref().err().cloned().unwrap_or_default())
            }
            (_, _, page) => Ok(Way::Gather(Gather {
                parts,
                single: Some((single, rows)),
                top: page.and_then(Page::enough),
                why: "it is ordered by something else than the column that the rows are split by"
                    .to_owned(),
            })),
        }
    }

    /// The parts that are asked.
    pub(super) fn parts(&self) -> Vec<usize> {
        match self {
            Way::Pass { part } | Way::Fenced { part, .. } => vec![*part],
            Way::Concat(concat) => concat.parts.clone(),
            Way::Merge { parts, .. } => parts.clone(),
            Way::Gather(gather) => gather.parts.clone(),
            Way::Refuse(_) => Vec::new(),
        }
    }
}

fn reversed(mut parts: Vec<usize>) -> Vec<usize> {
    parts.reverse();
    parts
}
