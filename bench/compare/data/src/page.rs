//! Page 1 and page 10,000, by key and by number.

use forebay::{Db, Page, PageRequest, Sort, Total};

use crate::place::Fault;
use crate::race::Race;

type Row = (i64, i64, i64, String);

const PER_PAGE: u32 = 50;
const DEEP: u64 = 10_000;

/// Pages that are read in one turn, one behind the other.
const PAGES: u32 = 40;

const SQL: &str = "SELECT at, id, author, title FROM posts";
const ORDERED: &str = "SELECT at, id, author, title FROM posts ORDER BY at, id";

async fn by_key(db: &Db, request: PageRequest) -> Result<Page<Row>, Fault> {
    let order = [Sort::asc("at").not_null(), Sort::asc("id").key()];
    Ok(db.query(SQL).no_cache().order(order).page(request.per_page(PER_PAGE)).await?)
}

async fn by_number(db: &Db, number: u64) -> Result<Page<Row>, Fault> {
    let request = PageRequest::number(number).per_page(PER_PAGE).total(Total::None);
    Ok(db.query(ORDERED).no_cache().page(request).await?)
}

async fn keys_from(db: &Db, cursor: &str) -> Result<(), Fault> {
    let mut cursor = cursor.to_owned();
    for _ in 0..PAGES {
        let page = by_key(db, PageRequest::after(cursor)).await?;
        cursor = page.end.ok_or("an empty page")?;
    }
    Ok(())
}

async fn numbers_from(db: &Db, number: u64, pages: u64) -> Result<(), Fault> {
    for number in number..number + pages {
        by_number(db, number).await?;
    }
    Ok(())
}

pub async fn measure(db: &Db, rounds: usize) -> Result<(), Fault> {
    let first = by_key(db, PageRequest::first()).await?;
    let start = first.end.clone().ok_or("an empty page")?;
    // A cursor far inside is made on the way there once.
    let mut cursor = start.clone();
    for number in 2..DEEP {
        let page = by_key(db, PageRequest::after(cursor)).await?;
        cursor = page.end.ok_or("an empty page")?;
        if number + 1 == DEEP {
            let deep = by_key(db, PageRequest::after(cursor.clone())).await?;
            assert_eq!(deep.items, by_number(db, DEEP).await?.items, "both read the same page");
        }
    }
    let mut race = Race::new(&[
        "page 1, by key",
        "page 10,000, by key",
        "page 1, by number",
        "page 10,000, by number",
    ]);
    for _ in 0..rounds {
        race.begin_round();
        race.time(PAGES, keys_from(db, &start)).await?;
        race.time(PAGES, keys_from(db, &cursor)).await?;
        race.time(PAGES, numbers_from(db, 2, PAGES.into())).await?;
        race.time(4, numbers_from(db, DEEP, 4)).await?;
    }
    race.print("50 rows a page, 600,000 rows");
    Ok(())
}
