//! How far two right answers of one statement have to agree, column by column and in their rows.
//! What is true of which statement is worked out elsewhere.

use sqlite3_parser::ast::{Expr, ResultColumn};

use super::build::alias_name;

/// How far two right answers agree in one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Agreement {
    /// Not at all.
    Free,
    /// Where it is no float.
    ButFloats,
    /// As far as SQLite's collations tell values apart, and 1 from 1.0.
    Alike,
    /// In every bit.
    Same,
}

/// How far two right answers agree in their rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The same rows.
    All,
    /// As many rows, which a LIMIT has cut off in the order of column `by` of the answer: they
    /// differ at most in those that are tied with the last, or, with an OFFSET, with the first.
    /// `by` is `None` where that column is not known.
    Page { by: Option<usize>, has_offset: bool },
}

/// What is determined of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Determined {
    pub(crate) extent: Extent,
    pub(super) columns: Columns,
}

/// Column by column, with a star somewhere perhaps, which stands for any number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    before: Vec<Agreement>,
    star: Option<Agreement>,
    after: Vec<Agreement>,
}

impl Determined {
    /// Right answers agree in every bit of their rows, as far as these are the same.
    #[cfg(feature = "postgres")]
    pub(crate) fn whole(extent: Extent) -> Determined {
        Determined { extent, columns: Columns::all(Agreement::Same) }
    }

    /// Whether right answers agree in everything but the order of rows.
    pub(crate) fn is_all(&self) -> bool {
        self.extent == Extent::All && self.columns.are(Agreement::Same)
    }

    /// Column by column, for an answer of this width. `None` when it cannot have that width.
    pub(crate) fn columns(&self, width: usize) -> Option<Vec<Agreement>> {
        let Columns { before, star, after } = &self.columns;
        let middle = width.checked_sub(before.len() + after.len())?;
        let star = match star {
            Some(star) => *star,
            None if middle == 0 => Agreement::Free,
            None => return None,
        };
        let stars = std::iter::repeat_n(&star, middle);
        Some(before.iter().chain(stars).chain(after).copied().collect())
    }
}

impl Columns {
    pub(super) fn all(agreement: Agreement) -> Columns {
        Columns { before: Vec::new(), star: Some(agreement), after: Vec::new() }
    }

    /// `None` with several stars that not everything else equals: nobody knows which column is
    /// where.
    pub(super) fn of<'b>(
        columns: &'b [ResultColumn<'b>],
        of_star: Agreement,
        of: &mut dyn FnMut(&'b Expr<'b>) -> Agreement,
    ) -> Option<Columns> {
        let mut found = Columns { before: Vec::new(), star: None, after: Vec::new() };
        let mut stars = 0;
        for column in columns {
            match column {
                ResultColumn::Expr(expr, _) if stars == 0 => found.before.push(of(expr)),
                ResultColumn::Expr(expr, _) => found.after.push(of(expr)),
                ResultColumn::Star | ResultColumn::TableStar(_) => {
                    stars += 1;
                    found.star = Some(of_star);
                }
            }
        }
        if stars < 2 {
            return Some(found);
        }
        found.are(of_star).then(|| Columns::all(of_star))
    }

    pub(super) fn are(&self, agreement: Agreement) -> bool {
        self.before.iter().chain(&self.star).chain(&self.after).all(|it| *it == agreement)
    }

    pub(super) fn alike(&self) -> Columns {
        let alike = |all: &[Agreement]| vec![Agreement::Alike; all.len()];
        Columns {
            before: alike(&self.before),
            star: self.star.map(|_| Agreement::Alike),
            after: alike(&self.after),
        }
    }

    /// Column by column the weaker one. `None` where the columns cannot be matched.
    pub(super) fn weakest(&self, other: &Columns) -> Option<Columns> {
        if self.are(Agreement::Same) && other.are(Agreement::Same) {
            return Some(Columns::all(Agreement::Same));
        }
        if self.star.is_some() || other.star.is_some() || self.before.len() != other.before.len() {
            return None;
        }
        let pairs = self.before.iter().zip(&other.before);
        let before = pairs.map(|(left, right)| *left.min(right)).collect();
        Some(Columns { before, star: None, after: Vec::new() })
    }

    /// The aliases of the columns on which right answers need not agree.
    pub(super) fn free_aliases(&self, columns: &[ResultColumn<'_>]) -> Vec<String> {
        let alias = |column: &ResultColumn<'_>| match column {
            ResultColumn::Expr(_, alias) => alias.as_ref().map(alias_name),
            ResultColumn::Star | ResultColumn::TableStar(_) => None,
        };
        let ends = columns.iter().zip(&self.before);
        let ends = ends.chain(columns.iter().rev().zip(self.after.iter().rev()));
        let free = ends.filter(|(_, agreement)| **agreement < Agreement::Alike);
        free.filter_map(|(column, _)| alias(column)).collect()
    }
}
