//! The tags of an entry: where deletions of them are seen, and what they are called where that is
//! needed outside of this process.

use super::space::Space;
use super::tags::{Slots, slots_of};

/// Some tags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tagged {
    pub(crate) slots: Slots,
    /// `None`: nobody needs them.
    texts: Option<Vec<Box<[u8]>>>,
}

impl Tagged {
    /// No tags yet; `is_spelled`: whether it is to be known what they are called.
    pub(crate) fn new(is_spelled: bool) -> Tagged {
        Tagged { slots: Slots::new(), texts: is_spelled.then(Vec::new) }
    }

    /// Adds a tag of a key in `space`.
    pub(crate) fn add(&mut self, space: &Space, tag: &[u8]) {
        self.slots.extend(slots_of(space, tag));
        if let Some(texts) = &mut self.texts
            && !texts.iter().any(|text| **text == *tag)
        {
            texts.push(tag.into());
        }
    }

    /// Adds those of `more`.
    pub(crate) fn join(&mut self, more: &Tagged) {
        self.slots.extend_from_slice(&more.slots);
        if let Some(texts) = &mut self.texts {
            for text in more.texts() {
                if !texts.contains(text) {
                    texts.push(text.clone());
                }
            }
        }
    }

    /// What they are called.
    pub(crate) fn texts(&self) -> &[Box<[u8]>] {
        self.texts.as_deref().unwrap_or_default()
    }
}
