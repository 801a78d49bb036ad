//! Pages of a query: what `data` makes of its text is run here, on the query's own way.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::Query;
#[cfg(feature = "postgres")]
use crate::data::page::planned_rows;
use crate::data::page::{
    Asked, Bound, Order, Page, PageRequest, Pager, Place, Sealer, Sort, Span, Total, plain_table,
};
use crate::decode;
use crate::error::{Error, Kind, Result};
use crate::outcome::Explanation;
use crate::params::Params;
use crate::row::Rows;
use crate::sql::Dialect;
use crate::value::Value;

impl<'a> Query<'a> {
    /// One page of the rows, by its number. The statement has an ORDER BY and no LIMIT; pages are
    /// the same rows cut at other places only as long as that order tells every row from the
    /// others. By key, see [`Query::order`].
    ///
    /// ```
    /// # use forebay::{Page, PageRequest};
    /// # async fn example(db: forebay::Db) -> forebay::Result<()> {
    /// let page: Page<(i64, String)> = db
    ///     .query("SELECT id, title FROM posts WHERE author = ? ORDER BY published DESC, id")
    ///     .bind(7)
    ///     .page(PageRequest::number(2).per_page(20))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Two statements at most: the page, with one row more to know whether there is another, and
    /// the total, which is counted only where the page does not show it. Both take the way of any
    /// query: they may come from the cache, and each is exact for its own instant.
    ///
    /// Errors: [`Error::is_usage`] for what cannot be paged or is out of bounds, and those of the
    /// statements.
    pub async fn page<T: DeserializeOwned>(self, request: PageRequest) -> Result<Page<T>> {
        page(self, None, request).await
    }

    /// The order of the rows, by columns of the answer, instead of an ORDER BY in the statement.
    /// Its pages are found by key: [`PageRequest::after`] and `before`. They cost the same however
    /// far one has come if an index has these columns, and rows that come and go on pages that were
    /// read before move nothing.
    ///
    /// ```
    /// # use forebay::{Page, PageRequest, Sort};
    /// # async fn example(db: forebay::Db, cursor: Option<String>) -> forebay::Result<()> {
    /// let request = cursor.map_or_else(PageRequest::first, PageRequest::after);
    /// let page: Page<(i64, String)> = db
    ///     .query("SELECT id, title, published FROM posts WHERE author = ?")
    ///     .bind(7)
    ///     .order([Sort::desc("published").not_null(), Sort::asc("id").key()])
    ///     .page(request.per_page(20))
    ///     .await?;
    /// let next_cursor = page.end.filter(|_| page.has_next);
    /// # Ok(())
    /// # }
    /// ```
    pub fn order(self, sorts: impl IntoIterator<Item = Sort>) -> Ordered<'a> {
        Ordered { query: self, sorts: sorts.into_iter().collect() }
    }
}

/// A query with an order, from [`Query::order`].
#[must_use = "a query does nothing until its answer is asked for"]
pub struct Ordered<'a> {
    query: Query<'a>,
    sorts: Vec<Sort>,
}

impl Ordered<'_> {
    /// One page of the rows in this order. One statement, two where NULLs begin in the order's
    /// first column, and another if the total is asked for.
    ///
    /// The columns of the order are in the answer, and the names in the answer differ. The
    /// statement becomes a subquery, into which the database moves the conditions.
    ///
    /// Errors: [`Error::is_invalid_cursor`] for a cursor that was not made for this query in this
    /// order; else as [`Query::page`].
    pub async fn page<T: DeserializeOwned>(self, request: PageRequest) -> Result<Page<T>> {
        page(self.query, Some(self.sorts), request).await
    }

    /// How the database finds the rows of a page, and how its answer is cached. It is not run.
    pub async fn explain(mut self, request: PageRequest) -> Result<Explanation> {
        self.query.check()?;
        let asked = request.check(true)?;
        let order = Order::new(self.sorts)?;
        let query = &self.query;
        let pager = pager(query, Some(&order))?;
        let paging = Paging { query, pager: &pager, asked: &asked };
        let place = match asked.place {
            Place::Number(number) => Err(asked.offset(number)?),
            _ => Ok(paging.place(&sealer(query, &pager, &order))?),
        };
        let span = match &place {
            Ok((bound, key)) => Span::of(*bound, key.as_deref()),
            Err(offset) => Span::Offset(*offset),
        };
        let span = pager.nearer(&span).unwrap_or(span);
        let (sql, params) = pager.rows(&span, i64::from(asked.per_page) + 1);
        query.like(&sql, params).explain().await
    }
}

async fn page<T: DeserializeOwned>(
    mut query: Query<'_>,
    sorts: Option<Vec<Sort>>,
    request: PageRequest,
) -> Result<Page<T>> {
    query.check()?;
    let asked = request.check(sorts.is_some())?;
    let order = sorts.map(Order::new).transpose()?;
    let pager = pager(&query, order.as_ref())?;
    let paging = Paging { query: &query, pager: &pager, asked: &asked };
    match (&asked.place, &order) {
        (Place::Number(number), _) => paging.by_number(*number).await,
        (_, Some(order)) => paging.by_key(order, &sealer(&query, &pager, order)).await,
        (_, None) => Err(Error::usage("a page by key needs an order")),
    }
}

fn pager<'q>(query: &'q Query<'_>, order: Option<&'q Order>) -> Result<Pager<'q>> {
    let dialect = query.target.engine().dialect();
    Pager::new(query.call.text.sql, dialect, order, &query.call.params)
}

fn sealer(query: &Query<'_>, pager: &Pager<'_>, order: &Order) -> Sealer {
    let engine = query.target.engine();
    Sealer::new(engine.cursor_key(), pager.sql(), engine.dialect(), order)
}

/// A page on its way.
struct Paging<'q> {
    query: &'q Query<'q>,
    pager: &'q Pager<'q>,
    asked: &'q Asked,
}

impl Paging<'_> {
    async fn by_number<T: DeserializeOwned>(&self, number: u64) -> Result<Page<T>> {
        let per_page = self.asked.per_page;
        let offset = self.asked.offset(number)?;
        let rows = self.rows(&Span::Offset(offset)).await?;
        let (rows, has_more) = cut(rows, per_page as usize, false);
        let shown = (!has_more && (number == 1 || !rows.is_empty()))
            .then(|| offset.unsigned_abs() + rows.len() as u64);
        let total = self.total(shown).await?;
        Ok(Page {
            items: decode::take_all(rows)?,
            page: Some(number),
            per_page,
            total,
            pages: total.map(|total| total.div_ceil(u64::from(per_page))),
            has_next: has_more,
            has_prev: number > 1,
            start: None,
            end: None,
        })
    }

    async fn by_key<T: DeserializeOwned>(&self, order: &Order, sealer: &Sealer) -> Result<Page<T>> {
        let (bound, key) = self.place(sealer)?;
        let span = Span::of(bound, key.as_deref());
        let is_backward = bound == Bound::Before;
        let rows = self.rows(&span).await?;
        let (rows, has_more) = cut(rows, self.asked.per_page as usize, is_backward);
        let keys = order.keys(&rows)?;
        let seal = |key: Option<&Vec<&Value>>| key.map(|key| sealer.seal(key)).transpose();
        let (start, end) = (seal(keys.first())?, seal(keys.last())?);
        let shown = (!has_more && key.is_none()).then_some(rows.len() as u64);
        let total = self.total(shown).await?;
        let was_beside = key.is_some();
        let (has_prev, has_next) =
            if is_backward { (has_more, was_beside) } else { (was_beside, has_more) };
        Ok(Page {
            items: decode::take_all(rows)?,
            page: None,
            per_page: self.asked.per_page,
            total,
            pages: total.map(|total| total.div_ceil(u64::from(self.asked.per_page))),
            has_next,
            has_prev,
            start,
            end,
        })
    }

    /// From where on, and the key there, unless it is an end.
    fn place(&self, sealer: &Sealer) -> Result<(Bound, Option<Vec<Value>>)> {
        Ok(match &self.asked.place {
            Place::After(cursor) => (Bound::After, Some(sealer.open(cursor)?)),
            Place::Before(cursor) => (Bound::Before, Some(sealer.open(cursor)?)),
            Place::Last => (Bound::Before, None),
            Place::First | Place::Start | Place::Number(_) => (Bound::After, None),
        })
    }

    /// The rows of a span, and one more if there is one.
    async fn rows(&self, span: &Span<'_>) -> Result<Rows> {
        if let Some(nearer) = self.pager.nearer(span) {
            let rows = self.rows_of(&nearer).await?;
            if rows.len() > self.asked.per_page as usize {
                return Ok(rows);
            }
            // What comes behind has to be of the same instant.
        }
        self.rows_of(span).await
    }

    async fn rows_of(&self, span: &Span<'_>) -> Result<Rows> {
        let (sql, params) = self.pager.rows(span, i64::from(self.asked.per_page) + 1);
        self.query.like(&sql, params).rows().await
    }

    /// The total as it was asked for; `shown` is what the page itself tells of it.
    async fn total(&self, shown: Option<u64>) -> Result<Option<u64>> {
        match (self.asked.total, shown) {
            (Total::None, _) => Ok(None),
            (_, Some(shown)) => Ok(Some(shown)),
            (Total::Exact, None) => self.counted(None).await,
            (Total::Cached(limit), None) => self.counted(Some(limit)).await,
            (Total::Estimated, None) => match self.estimated().await? {
                Some(estimate) => Ok(Some(estimate)),
                None => self.counted(None).await,
            },
        }
    }

    async fn counted(&self, keep: Option<Duration>) -> Result<Option<u64>> {
        let sql = self.pager.count();
        let mut count = self.query.like(&sql, self.query.call.params.clone());
        if let Some(limit) = keep {
            count = count.ttl_only(limit);
        }
        count.number().await
    }

    /// What the database has noted, if it has.
    async fn estimated(&self) -> Result<Option<u64>> {
        match self.query.target.engine().dialect() {
            Dialect::Sqlite => {
                let Some(table) = plain_table(self.pager.sql()) else { return Ok(None) };
                let mut params = Params::default();
                params.push(Value::from(table));
                // The first number of each line is that of the entries of an index; the table has
                // at least as many rows.
                let sql = "SELECT max(CAST(stat AS INTEGER)) FROM sqlite_stat1 \
                           WHERE tbl = ? COLLATE NOCASE";
                match self.query.like(sql, params).no_cache().number().await {
                    // There is no such table before the first ANALYZE.
                    Err(error) if error.kind() == Kind::Usage => Ok(None),
                    Err(error) if error.code() == Some("SQLITE_ERROR") => Ok(None),
                    found => found,
                }
            }
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                let sql = self.pager.explain();
                let explain = self.query.like(&sql, self.query.call.params.clone());
                let rows = explain.no_cache().rows().await?;
                let line: Option<String> = decode::first(&rows)?;
                Ok(line.as_deref().and_then(planned_rows))
            }
        }
    }
}

impl Query<'_> {
    /// Another statement on the same way, under the same words.
    pub(super) fn like<'b>(&'b self, sql: &'b str, params: Params) -> Query<'b> {
        let mut call = self.call.clone();
        call.text = self.target.engine().text_ref(sql);
        call.params = params;
        // It is a statement of its own, which rules are looked for.
        call.is_ruled = false;
        Query { target: self.target, call, fault: None }
    }

    pub(super) async fn rows(self) -> Result<Rows> {
        Ok(self.fetch().await?.rows)
    }

    /// The number that the statement answers, if it answers one.
    async fn number(self) -> Result<Option<u64>> {
        let rows = self.rows().await?;
        let number: Option<Option<i64>> = decode::first(&rows)?;
        Ok(number.flatten().map(i64::unsigned_abs))
    }
}

/// The first rows, in order, and whether there are more.
fn cut(rows: Rows, keep: usize, is_backward: bool) -> (Rows, bool) {
    let has_more = rows.len() > keep;
    if !has_more && !is_backward {
        return (rows, false);
    }
    let len = rows.len().min(keep);
    let mut values = Vec::with_capacity(len * rows.columns().len());
    for at in 0..len {
        let at = if is_backward { len - 1 - at } else { at };
        values.extend_from_slice(rows.values(at));
    }
    let columns: Arc<[_]> = rows.columns_arc();
    (Rows::new(columns, values), has_more)
}
