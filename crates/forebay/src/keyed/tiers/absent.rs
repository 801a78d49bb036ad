//! What stands for a tier that is not compiled in. There is none of it, so nothing here runs. That
//! it cannot be is private, so that the code above it does not look unreachable.

#[cfg(not(feature = "disk"))]
pub(crate) use disk::{Claim, Disk};
#[cfg(not(feature = "redis"))]
pub(crate) use redis::{Bid, Redis, RedisLease, RedisTicket, Stamp};

#[cfg(not(feature = "disk"))]
mod disk {
    use std::time::Duration;

    #[derive(Clone, Debug)]
    pub(crate) struct Disk(Never);

    #[derive(Debug)]
    pub(crate) struct Claim(#[allow(dead_code)] Never);

    #[derive(Clone, Debug)]
    enum Never {}

    impl Disk {
        pub(crate) fn claim(&self, _: &str) -> Option<Claim> {
            match self.0 {}
        }

        pub(crate) async fn get_many<K>(&self, _: &[K]) -> Vec<Option<Vec<u8>>> {
            match self.0 {}
        }

        pub(crate) fn set(&self, _: &[u8], _: Vec<u8>, _: Duration) {
            match self.0 {}
        }

        pub(crate) async fn remove(&self, _: &[u8]) -> bool {
            match self.0 {}
        }

        pub(crate) async fn remove_matching(
            &self,
            _: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
        ) -> bool {
            match self.0 {}
        }

        pub(crate) fn forget(&self, _: impl Fn(&[u8]) -> bool + Send + Sync + 'static) {
            match self.0 {}
        }

        pub(crate) fn takes(&self, _: &[u8], _: usize) -> bool {
            match self.0 {}
        }
    }
}

#[cfg(not(feature = "redis"))]
mod redis {
    use std::time::Duration;

    use crate::error::Result;

    #[derive(Clone, Debug)]
    pub(crate) struct Redis(Never);

    #[derive(Clone, Debug)]
    enum Never {}

    #[derive(Clone, Debug)]
    pub(crate) struct RedisTicket(Never);

    #[derive(Debug)]
    pub(crate) struct RedisLease(Never);

    #[derive(Clone, Copy)]
    pub(crate) struct Stamp {
        pub(crate) run: u64,
        pub(crate) epoch: u64,
        pub(crate) number: u64,
    }

    #[allow(dead_code)]
    pub(crate) enum Bid {
        Won(RedisLease),
        Taken,
        Unasked,
    }

    impl RedisTicket {
        pub(crate) fn is_true(&self) -> bool {
            match self.0 {}
        }

        pub(crate) fn has_ended(&self) -> bool {
            match self.0 {}
        }

        pub(crate) fn heap_size(&self) -> usize {
            match self.0 {}
        }

        pub(crate) fn for_other(&self, _: &[u8], _: &[&[u8]]) -> Option<RedisTicket> {
            match self.0 {}
        }

        pub(crate) fn stamp(&self) -> Stamp {
            match self.0 {}
        }
    }

    impl RedisLease {
        pub(crate) async fn fill(self, _: &[u8], _: Duration) -> bool {
            match self.0 {}
        }
    }

    impl Redis {
        pub(crate) fn ticket(&self, _: &[u8], _: &[&[u8]]) -> Option<RedisTicket> {
            match self.0 {}
        }

        pub(crate) fn ticket_of(&self, _: Stamp, _: &[u8], _: &[&[u8]]) -> Option<RedisTicket> {
            match self.0 {}
        }

        pub(crate) async fn get_many(&self, _: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
            match self.0 {}
        }

        pub(crate) async fn numbers(&self, _: &[&[u8]]) -> Vec<Option<u64>> {
            match self.0 {}
        }

        pub(crate) async fn versions(&self, _: &[&[u8]]) -> Option<Vec<u64>> {
            match self.0 {}
        }

        pub(crate) async fn counter(&self, _: &[u8]) -> Option<i64> {
            match self.0 {}
        }

        pub(crate) async fn bid(&self, _: &[u8], _: Duration) -> Bid {
            match self.0 {}
        }

        pub(crate) async fn store(&self, _: &[u8], _: &[u8], _: Duration) -> Result<()> {
            match self.0 {}
        }

        pub(crate) async fn store_count(&self, _: &[u8], _: i64, _: Duration) -> Result<()> {
            match self.0 {}
        }

        pub(crate) async fn replace(&self, _: &[u8], _: &[u8], _: &[u8], _: Duration) -> bool {
            match self.0 {}
        }

        pub(crate) async fn remove(&self, _: &[u8]) -> Result<bool> {
            match self.0 {}
        }

        pub(crate) async fn remove_matching(&self, _: &[u8]) -> Result<u64> {
            match self.0 {}
        }

        pub(crate) async fn raise(&self, _: &[&[u8]]) -> Result<()> {
            match self.0 {}
        }

        pub(crate) async fn increment(&self, _: &[u8], _: i64, _: Duration) -> Option<i64> {
            match self.0 {}
        }

        pub(crate) fn takes(&self, _: usize) -> bool {
            match self.0 {}
        }
    }
}
