//! What looks at a loaded value before it is kept: whether it is to be kept at all, and which tags
//! it tells.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use smallvec::SmallVec;

use super::Cacheable;
use super::kept::Content;
use super::load::Produced;
use super::space::Space;
use super::tagged::Tagged;

type Teller = Arc<dyn Fn(&dyn Any, &Space, &mut Tagged) + Send + Sync>;

type Judge = Arc<dyn Fn(&dyn Any) -> bool + Send + Sync>;

/// No hook has said of which type the value is.
#[derive(Debug)]
pub struct AnyType(());

/// A hook has said that the value is a `T`.
#[derive(Debug)]
pub struct Only<T>(PhantomData<fn() -> T>);

/// Which types an entry may be loaded as: any, or the one that its hooks look at.
pub trait Admits<T>: sealed::Sealed {}

impl<T> Admits<T> for AnyType {}

impl<T> Admits<T> for Only<T> {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::AnyType {}
    impl<T> Sealed for super::Only<T> {}
}

/// The hooks of an entry, all of one type.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    tellers: SmallVec<[Teller; 1]>,
    judges: SmallVec<[Judge; 1]>,
}

impl Hooks {
    pub(crate) fn tells<T, I>(&mut self, tags: impl Fn(&T) -> I + Send + Sync + 'static)
    where
        T: Cacheable,
        I: IntoIterator<Item: AsRef<str>>,
    {
        self.tellers.push(Arc::new(move |value, space, tagged| {
            let Some(value) = value.downcast_ref::<T>() else { return };
            for tag in tags(value) {
                tagged.add(space, tag.as_ref().as_bytes());
            }
        }));
    }

    pub(crate) fn keeps<T: Cacheable>(
        &mut self,
        keeps: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) {
        let keeps = move |value: &dyn Any| value.downcast_ref::<T>().is_some_and(&keeps);
        self.judges.push(Arc::new(keeps));
    }

    /// Whether values tell more tags than are known before.
    pub(crate) fn tell_more(&self) -> bool {
        !self.tellers.is_empty()
    }

    /// Looks at a value: adds the tags that it tells, and says whether it is to be kept.
    pub(crate) fn look_at<T: Cacheable>(
        &self,
        value: &T,
        space: &Space,
        tagged: &mut Tagged,
    ) -> bool {
        self.tellers.iter().for_each(|tell| tell(value, space, tagged));
        self.judges.iter().all(|keeps| keeps(value))
    }

    /// The same for what was loaded. `is_spelled`: whether tags are to be known by what they are
    /// called.
    pub(crate) fn look<T: Cacheable>(
        &self,
        value: Option<T>,
        space: &Space,
        is_spelled: bool,
    ) -> Produced {
        let mut tagged = Tagged::new(is_spelled);
        let is_kept = value.as_ref().is_none_or(|value| self.look_at(value, space, &mut tagged));
        Produced { content: Content::of(value.map(Arc::new)), tagged, is_kept }
    }
}
