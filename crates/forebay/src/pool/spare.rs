//! Taking a connection only if one lies idle: for work that may as well be left undone. It opens
//! nothing and waits for nobody.

use super::acquire::{Claimed, Pool};
use super::checkout::{Checkout, Claim};
use super::connect::{Connect, HolderLabel};

impl<C: Connect> Pool<C> {
    /// An idle connection, if there is one and nobody waits for it.
    pub(crate) fn take_idle(&self, holder: HolderLabel) -> Option<Checkout<C>> {
        let core = &self.core;
        let permit = core.permits.try_acquire().ok()?;
        let claim = Claim::new(core, permit);
        if core.shelf().counts().idle == 0 {
            return None;
        }
        match core.claim(claim, holder, core.clock.now()) {
            Ok(Claimed::Ready(checkout)) => Some(checkout),
            // Somebody else has just taken it; the slot is vacated again.
            Ok(Claimed::Slot(..)) | Err(_) => None,
        }
    }
}
