//! Forebay: past its cache, and from its cache.

use ::forebay::{Builder, Db};

use crate::contender::{Contender, Fault, Field};
use crate::dataset::{CONNECTIONS_MAX, Dataset, PAGE_CACHE_KIB, POINT, User};

/// The names under which it takes part.
pub(crate) const CACHED: &str = "forebay, cached";
pub(crate) const UNCACHED: &str = "forebay, no_cache()";

struct Uncached(Db);
struct Cached(Db);

impl Contender for Uncached {
    async fn read(&self, id: i64) -> Result<User, Fault> {
        Ok(self.0.query(POINT).bind(id).no_cache().one().await?)
    }
}

impl Contender for Cached {
    async fn read(&self, id: i64) -> Result<User, Fault> {
        Ok(self.0.query(POINT).bind(id).one().await?)
    }
}

pub(crate) async fn enter(field: &mut Field, dataset: &Dataset) -> Result<(), Fault> {
    // The builder's figure is a total for the readers and the writer.
    let page_cache = (PAGE_CACHE_KIB * 1024 * (CONNECTIONS_MAX + 1)) as u64;
    let db = Builder::new(format!("sqlite:{}", dataset.path().display()))
        .max_size(CONNECTIONS_MAX)
        .page_cache_bytes(page_cache)
        // Every id is asked for once to warm up, which does not pay by itself.
        .worth_it(false)
        .open()
        .await?;
    field.enter(UNCACHED, Uncached(db.clone()));
    field.enter(CACHED, Cached(db));
    Ok(())
}
