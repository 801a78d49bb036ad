//! Which page is asked for, how large it is, and whether all rows are to be counted.

use std::time::Duration;

use crate::error::{Error, Result};

/// Items of a page unless the request says otherwise.
pub(crate) const PER_PAGE: u32 = 50;

/// Items of a page at most unless the request says otherwise.
pub(crate) const PER_PAGE_MAX: u32 = 500;

/// Which page of a query is asked for: by its number, or, of a query with an order
/// ([`crate::Query::order`]), by where another page begins or ends.
///
/// A page has 50 items, or as many as [`PageRequest::per_page`] says, 500 at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    place: Place,
    per_page: u32,
    max_per_page: u32,
    total: Option<Total>,
}

/// Where a page lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The first one, in whichever way the query is paged.
    Start,
    Number(u64),
    First,
    Last,
    After(String),
    Before(String),
}

/// Whether the rows of all pages are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Total {
    /// Not at all. Whether there is another page is known all the same.
    None,
    /// By a statement of its own, unless the page itself shows how many there are. It is cached as
    /// any query, and exact. What it costs at the database grows with the number of rows.
    Exact,
    /// By what the database has noted about its tables, without counting: at PostgreSQL the number
    /// of rows that the planner expects; at SQLite what `ANALYZE` has found, for a query of one
    /// whole table, else exactly.
    Estimated,
    /// Counted, and kept for so long whatever is written meanwhile: it may be out of date by as
    /// much. See [`crate::Query::ttl_only`].
    Cached(Duration),
}

/// A request that is within its bounds.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) place: Place,
    pub(crate) per_page: u32,
    pub(crate) total: Total,
}

impl PageRequest {
    fn at(place: Place) -> PageRequest {
        PageRequest { place, per_page: PER_PAGE, max_per_page: PER_PAGE_MAX, total: None }
    }

    /// The page of this number; the first one is 1. The database reads over all rows before it:
    /// what it costs grows with the number.
    pub fn number(number: u64) -> PageRequest {
        PageRequest::at(Place::Number(number))
    }

    /// The first page by key.
    pub fn first() -> PageRequest {
        PageRequest::at(Place::First)
    }

    /// The last page by key: as many of the last rows as a page has.
    pub fn last() -> PageRequest {
        PageRequest::at(Place::Last)
    }

    /// The page behind this cursor, which another page gave as its `end`.
    pub fn after(cursor: impl Into<String>) -> PageRequest {
        PageRequest::at(Place::After(cursor.into()))
    }

    /// The page before this cursor, which another page gave as its `start`.
    pub fn before(cursor: impl Into<String>) -> PageRequest {
        PageRequest::at(Place::Before(cursor.into()))
    }

    /// Items of a page. More than [`PageRequest::max_per_page`], or none, is an error
    /// ([`crate::Error::is_usage`]) when the page is asked for.
    #[must_use]
    pub fn per_page(mut self, items: u32) -> PageRequest {
        self.per_page = items;
        self
    }

    /// Items of a page at most; 500 by default.
    #[must_use]
    pub fn max_per_page(mut self, items: u32) -> PageRequest {
        self.max_per_page = items;
        self
    }

    /// Whether all rows are counted: exactly by default for a page by number, not at all for one
    /// by key.
    #[must_use]
    pub fn total(mut self, total: Total) -> PageRequest {
        self.total = Some(total);
        self
    }

    /// The request, if it is within its bounds.
    pub(crate) fn check(self, has_order: bool) -> Result<Asked> {
        let PageRequest { place, per_page, max_per_page, total } = self;
        if per_page == 0 || per_page > max_per_page {
            return Err(Error::usage(format!(
                "a page of {per_page} items was asked for; it has 1 to {max_per_page}: ask for \
                 fewer, or raise max_per_page of the request"
            )));
        }
        let place = match place {
            Place::Start if has_order => Place::First,
            Place::Start => Place::Number(1),
            place => place,
        };
        let by_default = match place {
            Place::Number(0) => {
                return Err(Error::usage("page 0 was asked for; the first page is 1"));
            }
            Place::Number(_) => Total::Exact,
            _ if !has_order => {
                return Err(Error::usage(
                    "a page by key needs an order: db.query(..).order([..]).page(..), with a \
                     column in it that tells every row from the others",
                ));
            }
            _ => Total::None,
        };
        Ok(Asked { place, per_page, total: total.unwrap_or(by_default) })
    }
}

/// The first page, in whichever way the query is paged: by key if it has an order, else number 1.
impl Default for PageRequest {
    fn default() -> PageRequest {
        PageRequest::at(Place::Start)
    }
}

impl Asked {
    /// Rows before the page of this number.
    pub(crate) fn offset(&self, number: u64) -> Result<i64> {
        let rows = (number - 1).checked_mul(u64::from(self.per_page));
        let rows = rows.and_then(|rows| i64::try_from(rows).ok());
        rows.ok_or_else(|| Error::usage("no database has as many rows as lie before this page"))
    }
}
