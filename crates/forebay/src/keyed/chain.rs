//! Which loads a piece of work is part of, so that a load that asks for its own key is refused
//! instead of waiting for itself. It follows the task, or the thread of a load that blocks.

use std::sync::Arc;

use super::core::Core;
use super::key::Key;

tokio::task_local! {
    static CHAIN: Arc<Link>;
}

/// A load, and the one that it is part of.
pub(crate) struct Link {
    /// Where the cache lies that it is for.
    core: usize,
    keys: Vec<Key>,
    outer: Option<Arc<Link>>,
}

impl Link {
    /// A load of these keys that begins here.
    pub(crate) fn new(core: &Core, keys: Vec<Key>) -> Arc<Link> {
        let outer = CHAIN.try_with(Arc::clone).ok();
        Arc::new(Link { core: address(core), keys, outer })
    }

    /// Runs the load.
    pub(crate) fn around<F: Future>(self: Arc<Link>, work: F) -> impl Future<Output = F::Output> {
        CHAIN.scope(self, work)
    }

    /// Runs a load that blocks.
    pub(crate) fn around_thread<T>(self: Arc<Link>, work: impl FnOnce() -> T) -> T {
        CHAIN.sync_scope(self, work)
    }
}

/// Whether this is run within a load of `key`.
pub(crate) fn is_within(core: &Core, key: &Key) -> bool {
    CHAIN.try_with(|link| holds(link, address(core), key)).unwrap_or(false)
}

fn holds(link: &Arc<Link>, core: usize, key: &Key) -> bool {
    let mut next = Some(link);
    while let Some(link) = next {
        if link.core == core && link.keys.contains(key) {
            return true;
        }
        next = link.outer.as_ref();
    }
    false
}

/// As long as a load for it is under way, nothing else lies there.
fn address(core: &Core) -> usize {
    std::ptr::from_ref(core).addr()
}
