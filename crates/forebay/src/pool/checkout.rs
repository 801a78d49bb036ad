//! The way of one connection out of the pool and back.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::error::Result;
use crate::stats::PoolStats;

use super::connect::{Connect, HolderLabel};
use super::options::Options;

pub(crate) struct Pool<C: Connect> {
    core: Arc<C>,
}

impl<C: Connect> Clone for Pool<C> {
    fn clone(&self) -> Pool<C> {
        Pool { core: Arc::clone(&self.core) }
    }
}

impl<C: Connect> Pool<C> {
    pub(crate) fn new(connect: C, options: Options) -> Result<Pool<C>> {
        options.validate()?;
        Ok(Pool { core: Arc::new(connect) })
    }

    pub(crate) async fn acquire(&self, _holder: HolderLabel) -> Result<Checkout<C>> {
        todo!()
    }

    pub(crate) fn stats(&self) -> PoolStats {
        todo!()
    }

    pub(crate) async fn close(&self) {
        todo!()
    }
}

pub(crate) struct Checkout<C: Connect> {
    _core: Arc<C>,
    connection: C::Connection,
}

impl<C: Connect> Checkout<C> {
    pub(crate) fn discard(self) {}

    pub(crate) fn poison(&mut self) {
        todo!()
    }
}

impl<C: Connect> Deref for Checkout<C> {
    type Target = C::Connection;

    fn deref(&self) -> &C::Connection {
        &self.connection
    }
}

impl<C: Connect> DerefMut for Checkout<C> {
    fn deref_mut(&mut self) -> &mut C::Connection {
        &mut self.connection
    }
}
