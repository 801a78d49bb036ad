//! The bare lookup that a hit is compared with: the same cache crate and hasher, a key of the
//! same content that is hashed and compared whole, and a value behind an `Arc`. It does nothing
//! that would make the answer right: no look at the database, no versions, no counting.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use forebay::Value;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, UnitWeighter};

use crate::dataset::User;

const ENTRIES_MAX: usize = 100_000;

struct Key {
    sql: Arc<str>,
    param: Value,
}

struct KeyRef<'a> {
    sql: &'a str,
    param: Value,
}

pub(crate) struct Bare(Cache<Key, Arc<Vec<User>>, UnitWeighter, RandomState>);

impl Bare {
    pub(crate) fn new(sql: &str, users: impl IntoIterator<Item = User>) -> Bare {
        let cache = Cache::with(
            ENTRIES_MAX,
            ENTRIES_MAX as u64,
            UnitWeighter,
            RandomState::default(),
            DefaultLifecycle::default(),
        );
        let sql: Arc<str> = sql.into();
        for user in users {
            let key = Key { sql: sql.clone(), param: user.id.into() };
            cache.insert(key, Arc::new(vec![user]));
        }
        Bare(cache)
    }

    #[inline]
    pub(crate) fn get(&self, sql: &str, id: i64) -> Option<Arc<Vec<User>>> {
        self.0.get(&KeyRef { sql, param: id.into() })
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sql.hash(state);
        self.param.hash(state);
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sql.hash(state);
        self.param.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.sql == other.sql && self.param == other.param
    }
}

impl Eq for Key {}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.sql == *key.sql && self.param == key.param
    }
}
