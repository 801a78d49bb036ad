//! Entries as cached functions ask for them: what is lent is made to last only when there has to be
//! a load, and the value is looked at where the arguments still are. It writes no code.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::Cacheable;
use super::core::Wanted;
use super::entry::{Batcher, CacheEntry};
use super::failure::Cause;
use super::guarded::{guarded, guarded_here};
use super::keep::Keeper;
use super::kept::Content;
use super::load::{Ask, Load, Produced};
use super::space::Space;
use super::tagged::Tagged;
use crate::error::Result;

/// What a function has given, and what has been said of it.
#[derive(Debug)]
pub struct Returned<T> {
    value: Option<Arc<T>>,
    is_kept: bool,
    tags: SmallVec<[String; 2]>,
}

impl<T: Cacheable> Returned<T> {
    pub(crate) fn new(value: Option<Arc<T>>) -> Returned<T> {
        Returned { value, is_kept: true, tags: SmallVec::new() }
    }

    pub(crate) fn into_value(self) -> Option<Arc<T>> {
        self.value
    }

    /// Keeps it only if `keeps` says so.
    pub fn judge(&mut self, keeps: impl FnOnce(&T) -> bool) {
        self.is_kept &= self.value.as_deref().is_none_or(keeps);
    }

    /// Tags that the value tells.
    pub fn tags_by<'a, I: IntoIterator<Item: AsRef<str>>>(
        &'a mut self,
        tags: impl FnOnce(&'a T) -> I,
    ) {
        let told = self.value.as_deref().map(tags).into_iter().flatten();
        self.tags.extend(told.map(|tag| tag.as_ref().to_owned()));
    }

    /// A tag with something of the value in it.
    pub fn tag_by(&mut self, tag: impl FnOnce(&T) -> String) {
        self.tags.extend(self.value.as_deref().map(tag));
    }

    fn produced(self, space: &Space, is_spelled: bool) -> Produced {
        let mut tagged = Tagged::new(is_spelled);
        for tag in &self.tags {
            tagged.add(space, tag.as_bytes());
        }
        Produced { content: Content::of(self.value), tagged, is_kept: self.is_kept }
    }
}

/// What a call wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wants {
    /// Whether "there is none" is an answer.
    pub(crate) takes_nothing: bool,
    /// Whether the value tells tags.
    pub(crate) tells_tags: bool,
}

impl<V> CacheEntry<'_, V> {
    /// The value under the key, by the load that `begin` makes if there has to be one.
    pub(crate) async fn call<T, E, L>(
        self,
        wants: Wants,
        begin: impl FnOnce() -> L,
    ) -> Result<Option<Arc<T>>>
    where
        T: Cacheable,
        E: Into<Cause>,
        L: Future<Output = Result<Returned<T>, E>> + Send + 'static,
    {
        let wanted = Wanted::of::<T>(wants.takes_nothing);
        if self.is_past {
            return Ok(self.load_alone(begin()).await?.into_value());
        }
        let batch = || batch(self.batcher(), begin());
        Ok(self.answer(wanted, || self.asking(wanted, wants), batch).await?.get())
    }

    /// The same, kept warm: `make` gives what begins the loads, from now on in the background too.
    pub(crate) async fn call_warm<T, E, L, M>(
        self,
        wants: Wants,
        make: impl Fn() -> M,
    ) -> Result<Option<Arc<T>>>
    where
        T: Cacheable,
        E: Into<Cause> + 'static,
        M: Fn() -> L + Send + Sync + 'static,
        L: Future<Output = Result<Returned<T>, E>> + Send + 'static,
    {
        let wanted = Wanted::of::<T>(wants.takes_nothing);
        if self.is_past {
            return Ok(self.load_alone(make()()).await?.into_value());
        }
        self.cache.core.keep_warm(&self.key_ref().to_key(), || {
            let (begin, batcher) = (make(), self.batcher());
            let load = move || batch(batcher.clone(), begin());
            Keeper::new(self.asking(wanted, wants), Box::new(load))
        });
        let batch = || batch(self.batcher(), make()());
        Ok(self.answer(wanted, || self.asking(wanted, wants), batch).await?.get())
    }

    /// The same on this thread.
    pub(crate) fn call_here<T, E>(
        self,
        wants: Wants,
        load: impl FnOnce() -> Result<Returned<T>, E>,
    ) -> Result<Option<Arc<T>>>
    where
        T: Cacheable,
        E: Into<Cause>,
    {
        let wanted = Wanted::of::<T>(wants.takes_nothing);
        if self.is_past {
            return Ok(guarded_here(&self.guards, self.limit(), load)?.into_value());
        }
        // The load itself asks no tier.
        if self.cache.core.below.is_some()
            && let Some(value) = self.cache.blocking().get(self.key_ref().bytes)
        {
            return Ok(Some(value));
        }
        let load = || {
            let returned = guarded_here(&self.guards, self.limit(), load)?;
            let is_spelled = self.cache.core.below.is_some();
            Ok(smallvec![returned.produced(&self.cache.space, is_spelled)])
        };
        Ok(self.answer_here(wanted, || self.asking(wanted, wants), load)?.get())
    }

    fn asking(&self, wanted: Wanted, wants: Wants) -> Ask {
        let ask = self.how(wanted);
        Ask { tells_more: ask.tells_more || wants.tells_tags, ..ask }
    }
}

/// A load of a function, behind the guards of its entry.
fn batch<T: Cacheable, E: Into<Cause>>(
    batcher: Batcher,
    load: impl Future<Output = Result<Returned<T>, E>> + Send + 'static,
) -> Load {
    Box::pin(async move {
        let Batcher { guards, limit, space, is_spelled, .. } = batcher;
        let returned = guarded(&guards, limit, load).await?;
        Ok(smallvec![returned.produced(&space, is_spelled)])
    })
}
