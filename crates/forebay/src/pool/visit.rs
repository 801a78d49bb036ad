//! Seeing to connections that lie idle, without handing them to a caller. The lock is not held
//! while the visitor works, and at most one connection is away from its place at a time.

use std::sync::{Arc, Weak};

use super::acquire::{Core, Pool};
use super::checkout::Claim;
use super::connect::Connect;

/// A way to the idle connections of a pool. It does not keep the pool alive.
pub(crate) struct Visitor<C: Connect>(Weak<Core<C>>);

impl<C: Connect> Pool<C> {
    pub(crate) fn visitor(&self) -> Visitor<C> {
        Visitor(Arc::downgrade(&self.core))
    }
}

impl<C: Connect> Visitor<C> {
    /// Calls `see_to` once for each idle connection that `wants` names. `wants` is asked under
    /// the pool's lock, so it only looks.
    ///
    /// A visitor needs a permit, so that nobody opens another connection in place of the one
    /// that is away. Where none is left, whoever has the last ones is about to take what is
    /// idle, and this returns.
    pub(crate) fn visit(
        &self,
        wants: impl Fn(&C::Connection) -> bool,
        mut see_to: impl FnMut(&mut C::Connection),
    ) {
        let Some(core) = self.0.upgrade() else { return };
        for _ in 0..core.options.max() {
            let Ok(permit) = core.permits.try_acquire() else { return };
            let mut claim = Claim::new(&core, permit);
            let visited = core.shelf().visit(&wants);
            let Some((id, mut connection)) = visited else { return };
            claim.slot = Some(id);
            see_to(&mut connection);
            claim.give_back(id, connection);
        }
    }
}
