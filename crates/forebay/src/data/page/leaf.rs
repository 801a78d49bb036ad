//! One page, with what is known of the others.

use serde::Serialize;

use super::link::links;

/// One page of the rows of a query. As JSON it is an object with the fields that are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// The number of this page, from 1 on; none for a page by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// How many items a page has, this one perhaps fewer.
    pub per_page: u32,
    /// Rows on all pages, if they were counted, or how many there may be, as the request said. It
    /// was counted by a statement of its own, at another instant than this page was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The number of pages that `total` comes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<u64>,
    /// Whether a row comes behind this page, as the database said when it was read. Of a page
    /// before a cursor it is taken to be so: the cursor's row was there.
    pub has_next: bool,
    /// Whether a row comes before it. Of a page behind a cursor it is taken to be so, and of a page
    /// by number whenever that is not 1.
    pub has_prev: bool,
    /// Of a page by key, where it begins: [`crate::PageRequest::before`]. None if it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Of a page by key, where it ends: [`crate::PageRequest::after`]. None if it is empty: who
    /// waits for rows to come asks with the cursor before again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

impl<T> Page<T> {
    /// The same page of other items.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(each).collect(),
            page: self.page,
            per_page: self.per_page,
            total: self.total,
            pages: self.pages,
            has_next: self.has_next,
            has_prev: self.has_prev,
            start: self.start,
            end: self.end,
        }
    }

    /// The value of a `Link` header (RFC 8288) with the pages around this one, as far as they are
    /// known: `first`, `prev`, `next`, `last`. `url` is the address that this page was asked for
    /// with, whole or from its path on; its other parameters are kept as they are. Empty if no
    /// other page is known.
    ///
    /// What may not stand in an address is written as `%` and two digits, so that nothing in `url`
    /// can end the header.
    pub fn links(&self, url: &str) -> String {
        links(self, url)
    }
}
